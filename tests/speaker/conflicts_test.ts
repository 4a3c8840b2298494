import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import type { Mac } from "../../lib/net/ethernet.ts";
import {
  type ConflictAction,
  type ConflictEvent,
  createConflicts,
  current,
  DEFEND_INTERVAL_MS,
  JUDGE_MS,
  nextDeadline,
  step,
  suspects,
} from "../../lib/speaker/conflicts.ts";
import { ip4 } from "../support/addresses.ts";

const VIP = ip4(0x0a4d01dc);
const [OWN, FELLOW, FOREIGN] = [1 as Mac, 2 as Mac, 3 as Mac];
const seen = (mac: Mac) => ({ kind: "seen", ip: VIP, mac, ifindex: 2 }) as const;
const known = (...fellows: Mac[]) =>
  ({ kind: "known", own: new Set([OWN]), fellows: new Set(fellows) }) as const;
const TOLD = { kind: "tell", ip: VIP, mac: FOREIGN, ifindex: 2 } as const;
const DEFENDED = { kind: "defend", ip: VIP } as const;

/** The machine that owns the address and knows its own hardware address. */
function bench() {
  const state = createConflicts();
  const at = (ms: number, event: ConflictEvent): ConflictAction[] =>
    step(state, event, instant(ms));
  at(0, known());
  at(0, { kind: "owned", ips: [VIP] });
  return { state, at };
}

Deno.test("a foreign host is told once a minute and answered once in ten seconds (row L10)", () => {
  const { state, at } = bench();
  const actions: ConflictAction[] = [];
  for (let ms = 0; ms <= 65_000; ms += 100) actions.push(...at(ms, seen(FOREIGN)));
  const count = (kind: ConflictAction["kind"]) => actions.filter((one) => one.kind === kind).length;
  assert.equal(count("defend"), 1 + Math.floor(65_000 / DEFEND_INTERVAL_MS));
  assert.equal(count("tell"), 2);
  assert.equal(
    actions.reduce((sum, one) => sum + (one.kind === "count" ? one.frames : 0), 0),
    651,
    "every frame is counted once",
  );
  assert.deepEqual(current(state, instant(65_000)), [{ ip: VIP, mac: FOREIGN }]);
  assert.deepEqual(current(state, instant(200_000)), []);
});

Deno.test("F7: a host with the address of a reticent fellow at the same time is its second card; alone it is judged", () => {
  const { state, at } = bench();
  const verdicts = (actions: readonly ConflictAction[]) =>
    actions.flatMap((one) => one.kind === "count" ? [one.verdict] : []);
  const both = new Set([FELLOW]);
  at(0, { kind: "known", own: new Set([OWN]), fellows: both, reticent: both });
  at(1_000, seen(FOREIGN));
  assert.deepEqual([...suspects(state)], [FOREIGN]);
  at(1_001, seen(FELLOW));
  assert.deepEqual(verdicts(at(1_000 + JUDGE_MS, { kind: "tick" })), ["split"]);
  assert.deepEqual([...suspects(state)], []);
  at(60_000, seen(FOREIGN));
  const later = at(60_000 + JUDGE_MS, { kind: "tick" });
  assert.deepEqual(verdicts(later), ["conflict"]);
  // Herald's own speakers tell all that they have.
  const other = bench();
  other.at(0, known(FELLOW));
  other.at(1_000, seen(FOREIGN));
  other.at(1_001, seen(FELLOW));
  assert.deepEqual(verdicts(other.at(1_000 + JUDGE_MS, { kind: "tick" })), ["conflict"]);
});

Deno.test("own frames are nothing, a fellow speaker's are a split", () => {
  const { state, at } = bench();
  at(0, known(FELLOW));
  assert.deepEqual(at(0, seen(OWN)), []);
  assert.deepEqual(at(0, seen(FELLOW)), [{ kind: "count", verdict: "split", frames: 1 }]);
  assert.deepEqual(current(state, instant(0)), []);
});

Deno.test("a host that nobody knows is answered at once, and judged when who lives can be known", () => {
  const { state, at } = bench();
  assert.deepEqual(at(0, seen(FOREIGN)), [DEFENDED]);
  assert.deepEqual(at(1_000, seen(FOREIGN)), []);
  assert.equal(nextDeadline(state), JUDGE_MS);
  assert.deepEqual(at(JUDGE_MS - 1, { kind: "tick" }), []);
  assert.deepEqual(at(JUDGE_MS, { kind: "tick" }), [
    { kind: "count", verdict: "conflict", frames: 2 },
    TOLD,
  ]);
  assert.equal(nextDeadline(state), DEFEND_INTERVAL_MS, "it spoke after we defended");
});

/** The machine that owns the address hears such frames, in milliseconds; gives when it defends. */
function defences(mac: Mac, frames: readonly number[], lostAt = Infinity): number[] {
  const { state, at } = bench();
  at(0, known(FELLOW));
  const found: number[] = [];
  for (let ms = 0; ms <= 60_000; ms += 50) {
    const actions = [
      ...frames.includes(ms) ? at(ms, seen(mac)) : [],
      ...ms === lostAt ? at(ms, { kind: "owned", ips: [] }) : [],
      ...at(ms, { kind: "tick" }),
    ];
    if (actions.some(({ kind }) => kind === "defend")) found.push(ms);
  }
  assert.equal(nextDeadline(state), undefined);
  return found;
}

Deno.test("whoever speaks after we defended, the last word is ours, within ten seconds", () => {
  assert.deepEqual(defences(FOREIGN, [0]), [0]);
  assert.deepEqual(defences(FOREIGN, [0, 100, 1_200]), [0, DEFEND_INTERVAL_MS]);
  assert.deepEqual(defences(FOREIGN, [0, 9_950]), [0, DEFEND_INTERVAL_MS]);
  assert.deepEqual(defences(FOREIGN, [0, 100], 5_000), [0], "an address that is lost is not ours");
});

Deno.test("after a fellow that starts, or whose link comes back, the last word is ours when it is quiet", () => {
  assert.deepEqual(defences(FELLOW, [0, 50]), [100, 5_100]);
  assert.deepEqual(defences(FELLOW, [0, 1_100, 2_200, 3_300, 4_400]), [100, 5_900]);
  const endless = Array.from({ length: 1_200 }, (_, index) => 50 * index);
  assert.ok(defences(FELLOW, endless).length <= 8, "and never a storm");
});

Deno.test("a fellow's frame is answered when its claim has not come, and once more: neighbours may hear the two in the other order", () => {
  const { state, at } = bench();
  at(0, known(FELLOW));
  at(0, seen(FELLOW));
  for (let word = 1; word <= 2; word++) {
    assert.deepEqual(at(nextDeadline(state) ?? 0, { kind: "tick" }), [DEFENDED], `word ${word}`);
  }
  assert.equal(nextDeadline(state), undefined);
});

Deno.test("what a fellow takes back is not defended: the last word would be the wrong one", () => {
  const { state, at } = bench();
  at(0, known(FELLOW));
  at(0, seen(FELLOW));
  at(50, { kind: "owned", ips: [] });
  assert.deepEqual(at(100, { kind: "tick" }), []);
  assert.equal(nextDeadline(state), undefined);
  // Nothing was said of it: had anew, it is defended like any other.
  at(200, { kind: "owned", ips: [VIP] });
  at(300, seen(FELLOW));
  assert.deepEqual(at(400, { kind: "tick" }), [DEFENDED]);
});

Deno.test("an address that is left to the next owner is not defended: its frame comes before its claim", () => {
  const { state, at } = bench();
  at(0, known(FELLOW));
  at(0, { kind: "owned", ips: [] });
  for (const mac of [FELLOW, FOREIGN]) assert.deepEqual(at(1, seen(mac)), []);
  assert.equal(nextDeadline(state), undefined);
});

Deno.test("a host that turns out to be a fellow, or the next owner, is not told of", () => {
  const joined = bench();
  joined.at(0, seen(FOREIGN));
  joined.at(2_000, known(FOREIGN));
  assert.deepEqual(joined.at(JUDGE_MS, { kind: "tick" }), [
    { kind: "count", verdict: "split", frames: 1 },
  ]);
  const handedOver = bench();
  handedOver.at(0, seen(FOREIGN));
  handedOver.at(100, { kind: "owned", ips: [] });
  assert.deepEqual(handedOver.at(JUDGE_MS, { kind: "tick" }), []);
});

Deno.test("a host that changes its hardware address each time does not fill the memory", () => {
  const { state, at } = bench();
  for (let mac = 10; mac < 20_000; mac++) at(mac, seen(mac as Mac));
  assert.ok(state.suspects.size <= 4_096);
  assert.ok(current(state, instant(20_000)).length <= 4_096);
});

Deno.test("while a speaker is heard that is not known yet, a frame may be its own: nobody is accused", () => {
  for (
    const [strangerAt, accused] of [[-JUDGE_MS, 0], [100, 0], [2_900, 0], [
      -JUDGE_MS - 1,
      1,
    ]] as const
  ) {
    const { at } = bench();
    at(strangerAt, { kind: "stranger" });
    at(0, seen(FOREIGN));
    const verdicts = at(JUDGE_MS, { kind: "tick" });
    assert.equal(verdicts.filter(({ kind }) => kind === "tell").length, accused, `${strangerAt}`);
    at(JUDGE_MS + 60_000, seen(FOREIGN));
    const later = at(2 * JUDGE_MS + 60_000, { kind: "tick" });
    assert.equal(later.filter(({ kind }) => kind === "tell").length, 1, "a host that stays");
  }
});
