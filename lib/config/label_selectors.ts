import { fault, type Findings, readFields, readList, readText, readWord, shown } from "./fields.ts";
import type { LabelExpression, LabelOperator, LabelSelector } from "./types.ts";
import type { Placed, TreeEntry, TreeNode, TreeScalar } from "./tree.ts";

const OPERATORS: readonly LabelOperator[] = ["In", "NotIn", "Exists", "DoesNotExist"];
/** Kubernetes: `[prefix/]name`, the name up to 63 characters. */
const LABEL_KEY =
  /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** Reads a list of selectors; `what` names one of them in messages. */
export function readSelectors(
  entry: TreeEntry | undefined,
  what: string,
  to: Findings,
): LabelSelector[] {
  return readList(entry, to).map((node) => readSelector(node, what, to)).filter((one) =>
    one !== undefined
  );
}

function readSelector(node: TreeNode, what: string, to: Findings): LabelSelector | undefined {
  const fields = readFields(node, what, ["match-labels", "match-expressions"], to);
  if (fields === undefined) return undefined;
  return {
    matchLabels: readLabels(fields.get("match-labels"), to),
    matchExpressions: readList(fields.get("match-expressions"), to)
      .map((item) => readExpression(item, to)).filter((one) => one !== undefined),
  };
}

function readLabels(entry: TreeEntry | undefined, to: Findings): Map<string, string> {
  const labels = new Map<string, string>();
  if (entry === undefined) return labels;
  if (entry.value.kind !== "map") {
    fault(to, entry.value, '"match-labels" must be a map of label to value');
    return labels;
  }
  for (const label of entry.value.entries) {
    checkKey(label.key, to);
    const value = readText(label, to) ?? "";
    if (!LABEL_VALUE.test(value)) badValue(label.value, value, to);
    labels.set(label.key.text, value);
  }
  return labels;
}

function readExpression(node: TreeNode, to: Findings): LabelExpression | undefined {
  const keys = ["key", "operator", "values"];
  const required = ["key", "operator"];
  const fields = readFields(node, "a match expression", keys, to, { required });
  if (fields === undefined) return undefined;
  const key = readText(fields.get("key"), to);
  const keyEntry = fields.get("key");
  if (key !== undefined && keyEntry?.value.kind === "scalar") checkKey(keyEntry.value, to);
  const operator = readWord(fields.get("operator"), OPERATORS, to);
  const valuesEntry = fields.get("values");
  const items = readList(valuesEntry, to);
  const values: string[] = [];
  for (const item of items) {
    if (item.kind === "scalar" && LABEL_VALUE.test(item.text)) values.push(item.text);
    else badValue(item, item.kind === "scalar" ? item.text : item.kind, to);
  }
  if (operator === undefined || key === undefined) return undefined;
  const wantsValues = operator === "In" || operator === "NotIn";
  const isEmpty = valuesEntry === undefined || valuesEntry.value.kind === "list";
  if (wantsValues && items.length === 0 && isEmpty) {
    fault(to, node, `operator ${operator} needs "values"`);
  }
  if (!wantsValues && items.length > 0) {
    fault(to, valuesEntry?.key ?? node, `operator ${operator} takes no "values"`);
  }
  return { key, operator, values };
}

function checkKey(at: TreeScalar, to: Findings): void {
  if (!LABEL_KEY.test(at.text)) fault(to, at, `"${shown(at.text)}" is no label of Kubernetes`);
}

function badValue(at: Placed, text: string, to: Findings): void {
  fault(
    to,
    at,
    `"${shown(text)}" is no value of a label`,
    "at most 63 letters, digits, and - _ . between them",
  );
}
