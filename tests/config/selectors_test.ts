import assert from "node:assert/strict";
import { selectsLabels } from "../../lib/config/selectors.ts";
import type { LabelOperator, LabelSelector } from "../../lib/config/types.ts";

const LABELS = new Map([["rack", "a"], ["empty", ""]]);

function byLabels(labels: Record<string, string>): LabelSelector {
  return { matchLabels: new Map(Object.entries(labels)), matchExpressions: [] };
}

function byExpression(key: string, operator: LabelOperator, ...values: string[]): LabelSelector {
  return { matchLabels: new Map(), matchExpressions: [{ key, operator, values }] };
}

Deno.test("selectsLabels() has Kubernetes' rules for each operator", () => {
  const rows: readonly (readonly [LabelSelector, boolean])[] = [
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
      selectsLabels([selector], LABELS),
      chosen,
      JSON.stringify(selector.matchExpressions),
    );
  }
});

Deno.test("selectsLabels() takes selectors as alternatives, and none of them as every node", () => {
  assert.equal(selectsLabels([], new Map()), true);
  assert.equal(selectsLabels([byLabels({ rack: "b" }), byLabels({ rack: "a" })], LABELS), true);
  assert.equal(selectsLabels([byLabels({ rack: "b" }), byLabels({ rack: "c" })], LABELS), false);
});
