import assert from "node:assert/strict";
import fc from "fast-check";
import { rankCandidates } from "../../lib/speaker/election.ts";

Deno.test("rankCandidates() orders by what sha256sum says of NODE#SALT", () => {
  // printf '%s#%s' NODE SALT | sha256sum, sorted bytewise.
  for (
    const [salt, order] of [
      ["10.77.1.220", ["node3", "node1", "node2"]],
      ["10.77.1.221", ["node1", "node2", "node3"]],
      ["default/nginx", ["node2", "node1", "node3"]],
      ["2001:db8::220", ["node3", "node1", "node2"]],
      ["10.77.1.220", ["worker-10", "worker-1", "worker-2", "control.example.org"]],
    ] as const
  ) {
    assert.deepEqual(rankCandidates(order, salt), order, salt);
    assert.deepEqual(rankCandidates(order.toReversed(), salt), order, salt);
  }
});

Deno.test("rankCandidates() names each candidate once, and nobody where there is none", () => {
  assert.deepEqual(rankCandidates([], "10.77.1.220"), []);
  assert.deepEqual(rankCandidates(["a"], "10.77.1.220"), ["a"]);
  assert.deepEqual(rankCandidates(["node3", "node3", "node1"], "10.77.1.220"), ["node3", "node1"]);
});

const names = fc.uniqueArray(fc.stringMatching(/^[a-z0-9]{1,8}$/), { maxLength: 12 });

Deno.test("rankCandidates() depends on no order of its input", () => {
  fc.assert(
    fc.property(names.chain((all) => fc.tuple(fc.constant(all), shuffled(all))), ([all, other]) => {
      assert.deepEqual(rankCandidates(all, "salt"), rankCandidates(other, "salt"));
    }),
    { seed: 40 },
  );
});

Deno.test("rankCandidates() moves no address but those of the node that goes", () => {
  fc.assert(
    fc.property(names, fc.nat(11), fc.ipV4(), (all, place, salt) => {
      const gone = all[place];
      const rest = all.filter((node) => node !== gone);
      assert.deepEqual(
        rankCandidates(rest, salt),
        rankCandidates(all, salt).filter((node) => node !== gone),
      );
    }),
    { seed: 41 },
  );
});

Deno.test("rankCandidates() spreads 1,000 addresses over ten nodes, no node above a quarter more", () => {
  const nodes = Array.from({ length: 10 }, (_, number) => `node${number}`);
  const shares = new Map<string, number>();
  for (let count = 0; count < 1_000; count++) {
    const [owner = ""] = rankCandidates(
      nodes,
      `10.77.${Math.floor(count / 250)}.${count % 250 + 1}`,
    );
    shares.set(owner, (shares.get(owner) ?? 0) + 1);
  }
  assert.equal(shares.size, 10);
  for (const [node, share] of shares) assert.ok(share >= 75 && share <= 125, `${node}: ${share}`);
});

function shuffled(all: string[]): fc.Arbitrary<string[]> {
  return fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length });
}
