import type { Mistake, TreeNode } from "./tree.ts";
import { readYaml } from "./yaml.ts";

const NOTHING = /^(?:~|[Nn]ull|NULL)?$/;
const TRUE = /^(?:[Tt]rue|TRUE)$/;
const FALSE = /^(?:[Ff]alse|FALSE)$/;
const NUMBER =
  /^(?:[-+]?\d+|0o[0-7]+|0x[\da-fA-F]+|[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?)$/;
const INFINITE = /^([-+]?)\.(?:inf|Inf|INF)$/;
const NO_NUMBER = /^\.(?:nan|NaN|NAN)$/;

/** What a node means to a reader that has no grammar of its own: YAML 1.2's core schema. */
export function valueOfNode(node: TreeNode | undefined): unknown {
  if (node === undefined) return null;
  if (node.kind === "list") return node.items.map(valueOfNode);
  if (node.kind === "map") {
    return Object.fromEntries(node.entries.map(({ key, value }) => [key.text, valueOfNode(value)]));
  }
  return node.quoted ? node.text : plainValue(node.text);
}

function plainValue(text: string): unknown {
  if (NOTHING.test(text)) return null;
  if (TRUE.test(text)) return true;
  if (FALSE.test(text)) return false;
  // With a sign Number() reads no other base, and the pattern lets none through.
  if (NUMBER.test(text)) return Number(text);
  const [infinite, sign] = INFINITE.exec(text) ?? [];
  if (infinite !== undefined) return sign === "-" ? -Infinity : Infinity;
  return NO_NUMBER.test(text) ? NaN : text;
}

/** The value of a text that is one document, or what is wrong with it. */
export function readYamlValue(
  text: string,
  source: string,
): { readonly value: unknown; readonly mistakes: readonly Mistake[] } {
  const [document] = readYaml(text, source);
  return { value: valueOfNode(document?.root), mistakes: document?.mistakes ?? [] };
}
