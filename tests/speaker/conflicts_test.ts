import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import type { Mac } from "../../lib/net/ethernet.ts";
import { createConflicts, DEFEND_INTERVAL_MS } from "../../lib/speaker/conflicts.ts";
import { ip4 } from "../support/addresses.ts";

const VIP = ip4(0x0a4d01dc);
const [OWN, FELLOW, FOREIGN] = [1 as Mac, 2 as Mac, 3 as Mac];

Deno.test("a foreign host is told once a minute and answered once in ten seconds (row L10)", () => {
  const conflicts = createConflicts();
  let [defended, told] = [0, 0];
  for (let ms = 0; ms <= 60_000; ms += 100) {
    const { kind, defend, tell } = conflicts.seen(VIP, FOREIGN, instant(ms));
    assert.equal(kind, "conflict");
    defended += Number(defend);
    told += Number(tell);
  }
  assert.equal(defended, 1 + 60_000 / DEFEND_INTERVAL_MS);
  assert.equal(told, 2);
  assert.deepEqual(conflicts.current(instant(60_000)), [{ ip: VIP, mac: FOREIGN }]);
  assert.deepEqual(conflicts.current(instant(200_000)), []);
});

Deno.test("own frames are nothing, a fellow speaker's are a split", () => {
  const conflicts = createConflicts();
  conflicts.setKnown(new Set([OWN]), new Set([FELLOW]));
  assert.deepEqual(conflicts.seen(VIP, OWN, instant(0)), {
    kind: "own",
    defend: false,
    tell: false,
  });
  assert.deepEqual(conflicts.seen(VIP, FELLOW, instant(0)), {
    kind: "split",
    defend: true,
    tell: false,
  });
  assert.deepEqual(conflicts.current(instant(0)), []);
});

Deno.test("a host that changes its hardware address each time does not fill the memory", () => {
  const conflicts = createConflicts();
  for (let mac = 10; mac < 20_000; mac++) conflicts.seen(VIP, mac as Mac, instant(mac));
  assert.ok(conflicts.current(instant(20_000)).length <= 4_096);
});
