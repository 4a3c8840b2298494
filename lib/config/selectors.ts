import { unreachable } from "../base/errors.ts";
import type { LabelExpression, NodeSelector } from "./types.ts";

/** Whether any of the selectors selects a node of these labels; none select every node. */
export function selectsNode(
  selectors: readonly NodeSelector[],
  labels: ReadonlyMap<string, string>,
): boolean {
  return selectors.length === 0 || selectors.some((selector) => selects(selector, labels));
}

function selects(selector: NodeSelector, labels: ReadonlyMap<string, string>): boolean {
  return [...selector.matchLabels].every(([key, value]) => labels.get(key) === value) &&
    selector.matchExpressions.every((expression) => holds(expression, labels));
}

/** Kubernetes' rules: NotIn holds for a node without the label too. */
function holds(
  { key, operator, values }: LabelExpression,
  labels: ReadonlyMap<string, string>,
): boolean {
  const value = labels.get(key);
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    default:
      return unreachable(operator);
  }
}
