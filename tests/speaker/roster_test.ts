import assert from "node:assert/strict";
import fc from "fast-check";
import { announcementOf, readAnnouncement } from "../../lib/gossip/meta.ts";
import { ip6, IP6_MAX } from "../../lib/net/ip.ts";
import { formatPrefix, lastIp, maskIp, prefixContains } from "../../lib/net/prefix.ts";
import { describeMembers, prefixesOf, rosterOf, tellable } from "../../lib/speaker/roster.ts";
import { ip4 } from "../support/addresses.ts";

const address = ip4(0x0a00_0002);
const told = { port: 7947, boot: 2, inRing: true, sinceMs: 10, canAnnounce: true };
const member = (part: Partial<Parameters<typeof announcementOf>[0]>) => ({
  address,
  meta: announcementOf({ ...told, ...part }),
  state: "alive" as const,
});
const NOBODY: ReadonlySet<string> = new Set();

Deno.test("rosterOf() reads who beats, who is older, who is mute and whose view is how current", () => {
  const members = new Map([
    ["b", member({ view: "current", rules: "these", cutOff: ["10.77.1.0/24", "?"] })],
    ["c", member({ sinceMs: 30, canAnnounce: false, view: "stale" })],
    ["dead", member({})],
    ["metallb", { address, meta: new Uint8Array(), state: "alive" as const }],
  ]);
  const alive = new Set(["a", "b", "c", "metallb"]);
  const { addressesBeside, beating, beside, cutOff, rules, view } = rosterOf(
    alive,
    members,
    20,
    NOBODY,
  );
  assert.deepEqual(beating.map(({ name }) => name), ["b", "c"]);
  assert.deepEqual(beating[0], { name: "b", address, port: 7947, boot: 2, inRing: true });
  assert.deepEqual([...view.beating], [["b", 2], ["c", 2]]);
  assert.deepEqual([...view.elders], ["b"]);
  assert.deepEqual([...view.mute], ["c"]);
  const [lan, ...more] = cutOff.get("b") ?? [];
  assert.deepEqual([lan && formatPrefix(lan), more], ["10.77.1.0/24", []]);
  assert.deepEqual([...rules], [["b", "these"]]);
  assert.deepEqual([[...beside.nodes], [...addressesBeside]], [["metallb"], [address]]);
  assert.deepEqual([...view.views], [["b", "current"], ["c", "stale"]]);
});

Deno.test("rosterOf() tells MetalLB's speakers by their pings: those up to v0.12 do not name who asks", () => {
  const asking = (namesAsker: boolean | undefined) =>
    ({ address, meta: new Uint8Array(), namesAsker, state: "alive" }) as const;
  const members = new Map([["old", asking(false)], ["new", asking(true)], [
    "silent",
    asking(undefined),
  ]]);
  const { beside: { newer, nodes, older } } = rosterOf(new Set(members.keys()), members, 0, NOBODY);
  assert.deepEqual([[...nodes], [...older], [...newer]], [["old", "new", "silent"], ["old"], [
    "new",
  ]]);
});

Deno.test("rosterOf() counts whose heartbeat is heard though gossip takes it for dead, not who left, and not beside MetalLB", () => {
  const at = (state: "alive" | "dead" | "left", { meta } = member({})) => ({
    address,
    meta,
    state,
  });
  const members = new Map([["b", at("dead")], ["c", at("dead")], ["gone", at("left")]]);
  const heard = new Set(["b", "gone", "unknown"]);
  const { beating, view } = rosterOf(new Set(["a"]), members, 0, heard);
  assert.deepEqual([...view.alive], ["a", "b"]);
  assert.deepEqual(beating.map(({ name }) => name), ["b"]);
  members.set("metallb", at("alive", { ...member({}), meta: new Uint8Array() }));
  const beside = rosterOf(new Set(["a", "metallb"]), members, 0, heard);
  assert.deepEqual([...beside.view.alive], ["a", "metallb"]);
});

Deno.test("describeMembers() says what is known of each, and whose view is stale", () => {
  const members = new Map(
    (["alive", "dead"] as const).map((state) => [state, { address, name: state, state }]),
  );
  const verdicts = new Map([["alive", "heard" as const]]);
  assert.deepEqual(
    describeMembers(members, verdicts, new Set(["alive"])).map(({ state }) => state),
    ["up, stale view", "dead"],
  );
});

const subnet = fc.oneof(
  fc.tuple(
    fc.integer({ min: 0x0a00_0000, max: 0x0aff_ffff }).map(ip4),
    fc.integer({ min: 8, max: 30 }),
  ),
  fc.tuple(
    fc.bigInt({ min: 1n << 120n, max: IP6_MAX }).map(ip6),
    fc.integer({ min: 16, max: 127 }),
  ),
).map(([one, length]) => ({ address: maskIp(one, length), length }));

Deno.test("however many subnets a node is cut off from, all name the same, and none of them is left out", () => {
  fc.assert(fc.property(fc.array(subnet, { maxLength: 40 }), (subnets) => {
    const own = tellable(subnets);
    const cutOff = own.map(formatPrefix);
    const rules = "election of v0.11, nodes by MetalLB v0.16's rules, exclude label ignored";
    const meta = announcementOf({ ...told, view: "current", rules, cutOff });
    assert.ok(meta.length <= 512, `${meta.length} octets`);
    assert.deepEqual(
      prefixesOf(readAnnouncement(meta)?.cutOff ?? []),
      own,
      "as the others know it",
    );
    for (const one of subnets) {
      const ends = [one.address, lastIp(one)];
      const isIn = own.some((prefix) => ends.every((end) => prefixContains(prefix, end)));
      assert.ok(isIn, formatPrefix(one));
    }
    if (subnets.length <= 5) assert.equal(own.length, subnets.length, "each by itself");
  }));
  const vlans = Array.from(
    { length: 12 },
    (_, index) => ({ address: ip4(0x0a4d_0000 + 256 * index), length: 24 }),
  );
  assert.deepEqual(tellable(vlans.toReversed()), vlans);
});
