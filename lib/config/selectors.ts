import { unreachable } from "../base/errors.ts";
import type { LabelExpression, LabelSelector } from "./types.ts";

/** Whether any of the selectors selects what has these labels; none select everything. */
export function selectsLabels(
  selectors: readonly LabelSelector[],
  labels: ReadonlyMap<string, string>,
): boolean {
  return selectors.length === 0 || selectors.some((selector) => selects(selector, labels));
}

function selects(selector: LabelSelector, labels: ReadonlyMap<string, string>): boolean {
  return [...selector.matchLabels].every(([key, value]) => labels.get(key) === value) &&
    selector.matchExpressions.every((expression) => holds(expression, labels));
}

/** Kubernetes' rules: NotIn holds without the label too. */
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
