import assert from "node:assert/strict";
import { announcementOf, readAnnouncement } from "../../lib/gossip/meta.ts";
import { METALLB_VERSIONS } from "../../lib/speaker/judgement.ts";
import { rulesText } from "../../lib/speaker/rules.ts";

Deno.test("rulesText() is another text for all other rules, and each goes by the gossip's metadata", () => {
  const texts = new Set<string>();
  for (const election of ["v0.10", "v0.11"] as const) {
    for (const judge of ["Herald", ...METALLB_VERSIONS] as const) {
      for (const ignoreExcludeLabel of [false, true]) {
        texts.add(rulesText({ election, judge, ignoreExcludeLabel }));
      }
    }
  }
  assert.equal(texts.size, 16);
  const told = {
    port: 7947,
    boot: 0xffff_ffff,
    inRing: true,
    sinceMs: 1_795_000_000_000,
    canAnnounce: true,
  };
  for (const rules of texts) {
    const meta = announcementOf({ ...told, rules });
    assert.equal(readAnnouncement(meta)?.rules, rules);
    assert.ok(meta.length <= 512, "as memberlist allows");
  }
});
