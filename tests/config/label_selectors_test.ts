import assert from "node:assert/strict";
import { parseConfig } from "../../lib/config/parse.ts";

function selectors(text: string) {
  const { config, problems } = parseConfig(
    `peers:\n- { peer-address: 10.0.0.1, my-asn: 1, peer-asn: 2, node-selectors: ${text} }\n`,
    "c",
  );
  return {
    selectors: config?.peers[0]?.nodeSelectors,
    problems: problems.map(({ message }) => message),
  };
}

Deno.test("node selectors keep labels and expressions as written", () => {
  const { selectors: found } = selectors(
    "[{match-labels: {rack: a, example.com/x: ''}}, {match-expressions: [{key: k, operator: NotIn, values: [v, 1]}, {key: e, operator: Exists}]}]",
  );
  assert.deepEqual(found?.map(({ matchLabels }) => [...matchLabels]), [[["rack", "a"], [
    "example.com/x",
    "",
  ]], []]);
  assert.deepEqual(found?.[1]?.matchExpressions, [
    { key: "k", operator: "NotIn", values: ["v", "1"] },
    { key: "e", operator: "Exists", values: [] },
  ]);
  for (const none of ["[]", "~"]) assert.deepEqual(selectors(none).selectors, []);
});

Deno.test("what is no label of Kubernetes is refused", () => {
  for (
    const bad of [
      "{match-labels: {'-a': b}}",
      "{match-labels: {a/b/c: d}}",
      `{match-labels: {${"k".repeat(64)}: v}}`,
      `{match-labels: {k: ${"v".repeat(64)}}}`,
      "{match-expressions: [{key: 'a b', operator: Exists}]}",
    ]
  ) {
    const { problems } = selectors(`[${bad}]`);
    assert.equal(problems.length, 1, bad);
    assert.match(problems[0] ?? "", /no label of Kubernetes|no value of a label/);
  }
  assert.deepEqual(selectors("[{match-expressions: [{operator: Exists}]}]").problems, [
    'the match expression has no "key"',
  ]);
  assert.deepEqual(selectors("[{match-expressions: [{key: a}]}]").problems, [
    'the match expression has no "operator"',
  ]);
});
