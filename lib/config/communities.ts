import { fault, type Findings, isNull, scalarOf, shown } from "./fields.ts";
import { didYouMean } from "./nearest.ts";
import type { YamlEntry, YamlScalar } from "./yaml.ts";

/** Aliases of `bgp-communities`; one whose value is wrong is known, so that its use is no second mistake. */
export type CommunityAliases = ReadonlyMap<string, number | undefined>;

/** Reads `bgp-communities`: a map of alias to `a:b`. */
export function readAliases(entry: YamlEntry | undefined, to: Findings): CommunityAliases {
  const aliases = new Map<string, number | undefined>();
  if (entry === undefined || isNull(entry.value)) return aliases;
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

/** Reads a community of an advertisement: `a:b` or an alias. */
export function readCommunity(
  scalar: YamlScalar,
  aliases: CommunityAliases,
  to: Findings,
): number | undefined {
  if (aliases.has(scalar.text)) return aliases.get(scalar.text);
  const value = parseCommunity(scalar.text);
  if (value !== undefined) return value;
  if (/^[\d:]+$/.test(scalar.text)) badForm(scalar, to);
  else {
    const hint = aliases.size === 0
      ? "define it under bgp-communities"
      : didYouMean(scalar.text, aliases.keys());
    fault(to, scalar, `community "${shown(scalar.text)}" is not defined in bgp-communities`, hint);
  }
  return undefined;
}

/** `a:b`, each 0 to 65535, as one 32-bit number (RFC 1997). */
export function parseCommunity(text: string): number | undefined {
  const [, high, low] = /^(\d{1,5}):(\d{1,5})$/.exec(text) ?? [];
  if (high === undefined || low === undefined) return undefined;
  if (Number(high) > 65535 || Number(low) > 65535) return undefined;
  return Number(high) * 65536 + Number(low);
}

/** The text of a community as it is written. */
export function formatCommunity(value: number): string {
  return `${Math.floor(value / 65536)}:${value % 65536}`;
}

function badForm(scalar: YamlScalar, to: Findings): void {
  fault(
    to,
    scalar,
    `"${shown(scalar.text)}" is no community`,
    "write two numbers from 0 to 65535 with a colon, for example 64512:100",
  );
}
