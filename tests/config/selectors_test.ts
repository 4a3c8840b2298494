import assert from "node:assert/strict";
import { selectsNode } from "../../lib/config/selectors.ts";
import type { LabelOperator, NodeSelector } from "../../lib/config/types.ts";

const LABELS = new Map([["rack", "a"], ["empty", ""]]);

function byLabels(labels: Record<string, string>): NodeSelector {
  return { matchLabels: new Map(Object.entries(labels)), matchExpressions: [] };
}

function byExpression(key: string, operator: LabelOperator, ...values: string[]): NodeSelector {
  return { matchLabels: new Map(), matchExpressions: [{ key, operator, values }] };
}

Deno.test("selectsNode() has Kubernetes' rules for each operator", () => {
  const rows: readonly (readonly [NodeSelector, boolean])[] = [
    [byLabels({ rack: "a" }), true],
    [byLabels({ rack: "b" }), false],
    [byLabels({ absent: "" }), false],
    [byLabels({ empty: "" }), true],
    [byExpression("rack", "In", "b", "a"), true],
    [byExpression("rack", "In", "b"), false],
    [byExpression("absent", "In", "a"), false],
    [byExpression("rack", "NotIn", "b"), true],
    [byExpression("rack", "NotIn", "a"), false],
    [byExpression("absent", "NotIn", "a"), true],
    [byExpression("empty", "Exists"), true],
    [byExpression("absent", "Exists"), false],
    [byExpression("absent", "DoesNotExist"), true],
    [byExpression("rack", "DoesNotExist"), false],
    [{ ...byExpression("rack", "In", "a"), matchLabels: new Map([["rack", "b"]]) }, false],
  ];
  for (const [selector, chosen] of rows) {
    assert.equal(
      selectsNode([selector], LABELS),
      chosen,
      JSON.stringify(selector.matchExpressions),
    );
  }
});

Deno.test("selectsNode() takes selectors as alternatives, and none of them as every node", () => {
  assert.equal(selectsNode([], new Map()), true);
  assert.equal(selectsNode([byLabels({ rack: "b" }), byLabels({ rack: "a" })], LABELS), true);
  assert.equal(selectsNode([byLabels({ rack: "b" }), byLabels({ rack: "c" })], LABELS), false);
});
