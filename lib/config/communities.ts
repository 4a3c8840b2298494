import { fault, type Findings, isNull, scalarOf, shown, shownName } from "./fields.ts";
import { didYouMean } from "../base/nearest.ts";
import type { Community, CommunityAlias, LargeCommunity } from "./types.ts";
import type { TreeEntry, TreeScalar } from "./tree.ts";

/** Aliases of `bgp-communities`; one whose value is wrong is known, so that its use is no second mistake. */
export type CommunityAliases = ReadonlyMap<string, Community | undefined>;

/** Reads `bgp-communities`: a map of alias to `a:b`. */
export function readAliases(entry: TreeEntry | undefined, to: Findings): CommunityAliases {
  const aliases = new Map<string, Community | undefined>();
  if (entry === undefined) return aliases;
  if (entry.value.kind !== "map") {
    fault(
      to,
      entry.value,
      '"bgp-communities" must be a map of name to community, for example no-advertise: 65535:65282',
    );
    return aliases;
  }
  for (const alias of entry.value.entries) {
    const scalar = scalarOf(alias, "a community such as 65535:65282", to);
    const value = scalar === undefined ? undefined : parseCommunity(scalar.text);
    if (value === undefined && (scalar !== undefined || isNull(alias.value))) {
      badForm(scalar ?? alias.key, to);
    }
    aliases.set(alias.key.text, value);
  }
  return aliases;
}

/** The aliases whose values are right. */
export function definedAliases(aliases: CommunityAliases): CommunityAlias[] {
  return [...aliases].flatMap(([name, value]) => value === undefined ? [] : [{ name, value }]);
}

/** Reads a community of an advertisement: `a:b` or an alias. */
export function readCommunity(
  scalar: TreeScalar,
  aliases: CommunityAliases,
  to: Findings,
): Community | undefined {
  if (aliases.has(scalar.text)) return aliases.get(scalar.text);
  const value = parseCommunity(scalar.text);
  if (value !== undefined) return value;
  if (/^(large:)?[\d:]+$/.test(scalar.text)) badForm(scalar, to);
  else {
    const hint = aliases.size === 0
      ? "define it under bgp-communities"
      : didYouMean(scalar.text, aliases.keys());
    fault(
      to,
      scalar,
      `community "${shownName(scalar.text)}" is not defined in bgp-communities`,
      hint,
    );
  }
  return undefined;
}

/** `a:b`, each 0 to 65535, as one 32-bit number (RFC 1997), or `large:a:b:c` (RFC 8092). */
export function parseCommunity(text: string): Community | undefined {
  if (text.startsWith("large:")) return parseLarge(text);
  const [, high, low] = /^(\d{1,5}):(\d{1,5})$/.exec(text) ?? [];
  if (high === undefined || low === undefined) return undefined;
  if (Number(high) > 65535 || Number(low) > 65535) return undefined;
  return Number(high) * 65536 + Number(low);
}

function parseLarge(text: string): LargeCommunity | undefined {
  const parts = /^large:(\d{1,10}):(\d{1,10}):(\d{1,10})$/.exec(text)?.slice(1).map(Number);
  const [global, local1, local2] = parts ?? [];
  if (global === undefined || local1 === undefined || local2 === undefined) return undefined;
  return Math.max(global, local1, local2) > 0xffff_ffff ? undefined : [global, local1, local2];
}

/** The text of a community as it is written. */
export function formatCommunity(value: Community): string {
  if (typeof value !== "number") return `large:${value.join(":")}`;
  return `${Math.floor(value / 65536)}:${value % 65536}`;
}

function badForm(scalar: TreeScalar, to: Findings): void {
  fault(
    to,
    scalar,
    `"${shown(scalar.text)}" is no community`,
    "write two numbers from 0 to 65535 with a colon, for example 64512:100, or large:a:b:c",
  );
}
