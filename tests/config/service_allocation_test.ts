import assert from "node:assert/strict";
import { parseConfig } from "../../lib/config/parse.ts";
import { reported } from "../../lib/config/report.ts";
import { formatRange } from "../support/addresses.ts";

/** A pool of 10.0.0.0/24 and fd00::/64 with one more key. */
function read(more: string) {
  const { config, problems } = parseConfig(
    `address-pools:\n- name: p\n  protocol: layer2\n  addresses: [10.0.0.0/24, "fd00::/64"]\n  ${more}\n`,
    "c",
  );
  return {
    pool: config?.pools[0],
    problems: problems.map(reported).map(({ line, column, message }) =>
      `${line}:${column}: ${message}`
    ),
  };
}

Deno.test("service-allocation is read with its selectors, and is for all where it is not there", () => {
  const { pool } = read(
    "service-allocation: {priority: 5, namespaces: [a, b-1], namespace-selectors: [{match-labels: {team: x}}], service-selectors: [{match-expressions: [{key: tier, operator: Exists}]}]}",
  );
  assert.equal(pool?.serviceAllocation.priority, 5);
  assert.deepEqual(pool?.serviceAllocation.namespaces, ["a", "b-1"]);
  const { namespaceSelectors, serviceSelectors } = pool.serviceAllocation;
  assert.deepEqual([...namespaceSelectors[0]?.matchLabels ?? []], [["team", "x"]]);
  assert.equal(serviceSelectors[0]?.matchExpressions[0]?.key, "tier");
  assert.deepEqual(read("auto-assign: true").pool?.serviceAllocation, {
    priority: 0,
    namespaces: [],
    namespaceSelectors: [],
    serviceSelectors: [],
  });
});

Deno.test("reserved-addresses are single ones, ranges or prefixes of the pool", () => {
  const { pool } = read('reserved-addresses: [10.0.0.1, 10.0.0.8-10.0.0.9, "fd00::/126"]');
  assert.deepEqual(pool?.reserved.map(formatRange), [
    "10.0.0.1-10.0.0.1",
    "10.0.0.8-10.0.0.9",
    "fd00::-fd00::3",
  ]);
  assert.deepEqual(read("auto-assign: true").pool?.reserved, []);
});

Deno.test("sticky-time is a duration of at most a year", () => {
  assert.equal(read("sticky-time: 1h30m").pool?.stickyMs, 5_400_000);
  assert.equal(read("auto-assign: true").pool?.stickyMs, 0);
});

for (
  const [more, message] of [
    ["service-allocation: {priority: -1}", '5:34: "priority" is -1, allowed is 0 to 2147483647'],
    [
      "service-allocation: {prioritys: 1}",
      '5:24: unknown key "prioritys" in "service-allocation"',
    ],
    ["service-allocation: {namespaces: [A]}", '5:37: "A" is no name of a namespace'],
    [
      "service-allocation: {namespaces: [[a]]}",
      "5:37: a list is no name of a namespace",
    ],
    [
      "service-allocation: {service-selectors: [{match-label: {}}]}",
      '5:45: unknown key "match-label" in a service selector',
    ],
    [
      "reserved-addresses: [10.0.1.1]",
      '5:24: "10.0.1.1" does not lie in one of the pool\'s "addresses"',
    ],
    [
      "reserved-addresses: [10.0.0.250-10.0.1.1]",
      '5:24: "10.0.0.250-10.0.1.1" does not lie in one of the pool\'s "addresses"',
    ],
    ["reserved-addresses: [x]", '5:24: "x" is no IP address'],
    [
      "reserved-addresses: [{}]",
      "5:24: a reserved address must be ADDRESS, FIRST-LAST or ADDRESS/LENGTH",
    ],
    ["sticky-time: 5", '5:16: "sticky-time" must be a duration, not "5"'],
    ["sticky-time: 9000h", '5:16: "sticky-time" is more than a year'],
  ] as const
) {
  Deno.test(`a pool with ${more} is refused in its place`, () => {
    const { pool, problems } = read(more);
    assert.equal(pool, undefined);
    assert.deepEqual(problems, [message]);
  });
}
