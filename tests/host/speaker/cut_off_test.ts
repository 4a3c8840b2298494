import assert from "node:assert/strict";
import { announcementOf } from "../../../lib/gossip/meta.ts";
import { createCutOff } from "../../../lib/host/speaker/cut_off.ts";
import { ALONE } from "../../../lib/host/speaker/fellows.ts";
import { parsePrefix, type Prefix } from "../../../lib/net/prefix.ts";
import { rosterOf } from "../../../lib/speaker/roster.ts";

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (typeof parsed === "string") throw new Error(parsed);
  return parsed.prefix;
}

Deno.test("createCutOff() knows to which subnets this node and the others lead no more", () => {
  const at = { own: [] as Prefix[] };
  const roster = { ...ALONE.roster(), cutOff: new Map([["n2", [prefix("10.0.0.0/24")]]]) };
  const cutOff = createCutOff({
    nodeName: "n1",
    layer2: { cutOff: () => at.own },
    fellows: { roster: () => roster },
  });
  assert.equal(cutOff.look([]), false);
  at.own = [prefix("10.77.1.0/24")];
  assert.deepEqual([cutOff.look([]), cutOff.look([])], [true, false]);
  assert.deepEqual(cutOff.own(), ["10.77.1.0/24"]);
  const all = [...cutOff.byNode("Herald") ?? []];
  assert.deepEqual(all, [["n2", [prefix("10.0.0.0/24")]], ["n1", at.own]]);
  assert.equal(cutOff.byNode("v0.12"), undefined);
});

Deno.test("a node that leads to five subnets no more counts itself out where the others do", () => {
  const all = Array.from({ length: 5 }, (_, index) => prefix(`10.77.${index}.0/24`));
  const cutOff = createCutOff({
    nodeName: "n1",
    layer2: { cutOff: () => all },
    fellows: { roster: ALONE.roster },
  });
  assert.ok(cutOff.look([]));
  const meta = announcementOf({
    port: 7947,
    boot: 1,
    inRing: true,
    sinceMs: 1,
    canAnnounce: true,
    cutOff: cutOff.own(),
  });
  const members = new Map([
    ["n1", { address: all[0]?.address ?? assert.fail(), meta, state: "alive" as const }],
  ]);
  const seen = rosterOf(new Set(["n1"]), members, 0, new Set()).cutOff.get("n1");
  assert.deepEqual(seen, cutOff.byNode("Herald")?.get("n1"));
  assert.deepEqual(seen, all);
});
