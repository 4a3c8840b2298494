import { someOf } from "../base/some_of.ts";
import { after, type Instant, instant, type Millis } from "../base/time.ts";
import type { JoinFailure } from "../gossip/join.ts";
import { formatIp, type Ip } from "../net/ip.ts";
import type { Beside, MetallbVersion } from "./judgement.ts";

/** What can be wrong among the speakers, each one Warning for as long as it stands. */
export const CONCERNS = [
  "gossip-unreached",
  "rules-differ",
  "address-unclaimed",
  "compat-differs",
] as const;
export type ConcernKind = typeof CONCERNS[number];

/** Something among the speakers that only a person can put right. */
export interface Concern {
  readonly kind: ConcernKind;
  readonly message: string;
}

/** Speakers whose Pods are Ready and that gossip never reached. */
export interface Unreached {
  readonly nodes: readonly string[];
  /** What the last tries came to, where there were any. */
  readonly failures: ReadonlySet<JoinFailure>;
  /** Octets of the own key; undefined without one. */
  readonly keyBytes: number | undefined;
}

/** What this node sees of the speakers. */
export interface Picture {
  readonly unreached: Unreached;
  /** The rules of this node, and of those fellows that tell theirs. */
  readonly rules: string;
  readonly fellowRules: ReadonlyMap<string, string>;
  /** Addresses that this node gives to a fellow and that nobody claims. */
  readonly unclaimed: ReadonlyMap<string, readonly Ip[]>;
  readonly beside: Beside;
  readonly compat: MetallbVersion | undefined;
}

/** Each stands so long before it is told: a roll or a start passes through it. */
const PATIENCE_MS: Readonly<Record<ConcernKind, Millis>> = {
  "gossip-unreached": 15_000,
  "rules-differ": 5_000,
  // What nobody claims has stood for its time already.
  "address-unclaimed": 0,
  "compat-differs": 1_000,
};
const PORT_TEXT = "is the gossip's port filtered (7946, TCP and UDP), or is theirs another " +
  "(--ml-bindport)?";
/** Of a message's names and addresses. */
const ROOM = 160;

/** All that is wrong, whether it was told or not; at most one of each kind. */
export function concernsOf(picture: Picture): Concern[] {
  const found: Readonly<Record<ConcernKind, string | undefined>> = {
    "gossip-unreached": unreachedText(picture.unreached),
    "rules-differ": rulesDiffer(picture),
    "address-unclaimed": unclaimedText(picture),
    "compat-differs": compatDiffers(picture),
  };
  return CONCERNS.flatMap((kind) => {
    const message = found[kind];
    return message === undefined ? [] : [{ kind, message }];
  });
}

function unreachedText({ failures, keyBytes, nodes }: Unreached): string | undefined {
  if (nodes.length === 0) return undefined;
  const who = `gossip never reached the speakers on ${some(nodes)}, whose Pods are Ready, so an ` +
    "address may have two owners";
  const [only] = failures;
  const cause = failures.size > 1 || only === undefined
    ? `${PORT_TEXT}; ${keyText(keyBytes)}`
    : only === "no stream"
    ? PORT_TEXT
    : keyText(keyBytes);
  return `${who}: ${cause}`;
}

function keyText(keyBytes: number | undefined): string {
  if (keyBytes === undefined) {
    return "they end the stream without an answer: have they a gossip key, where this one has none?";
  }
  const wanted = keyBytes === 32 ? "up to v0.13 16 of them" : "from v0.14 on 32 of them";
  return `do they have the same gossip key, and ${keyBytes} octets of it as this one? ` +
    `MetalLB's take ${wanted}: --compat names its version, --ml-key-bytes the length alone`;
}

const SAME_RULES = "start all speakers with the same --compat, --l2-election and " +
  "--ignore-exclude-lb";

function rulesDiffer({ fellowRules, rules }: Picture): string | undefined {
  const unlike = [...fellowRules].filter(([, theirs]) => theirs !== rules).sort();
  if (unlike.length === 0) return undefined;
  const others = unlike.map(([name, theirs]) => `${name} by ${theirs}`);
  return `addresses may have no owner, or two: this node decides by ${rules}, and ` +
    `${some(others)}; ${SAME_RULES}`;
}

/** Addresses that this node gives to others, which do not want them, and by what rules each decides. */
function unclaimedText({ fellowRules, rules, unclaimed }: Picture): string | undefined {
  const owners = [...unclaimed.keys()].sort();
  const [first] = owners;
  if (first === undefined) return undefined;
  const ips = some([...unclaimed.values()].flat().map(formatIp));
  const told = `nobody claims ${ips}, which by the rules of this node (${rules}) are for`;
  const unlike = owners.filter((name) => (fellowRules.get(name) ?? rules) !== rules);
  if (unlike.length === 0) {
    return `${told} ${some(owners)}, which say that theirs are the same: do all see the same ` +
      "Services and Nodes, and does each reach the API server?";
  }
  const others = owners.map((name) => `${name} (${fellowRules.get(name) ?? rules})`);
  return `${told} ${some(others)}: ${SAME_RULES}`;
}

function compatDiffers({ beside, compat }: Picture): string | undefined {
  const { keyBytes, newer, older } = beside;
  const told = `the speakers are started with --compat=${compat}, and the MetalLB on`;
  if (compat === "v0.16" && older.size > 0) {
    return `${told} ${some([...older])} gossips as versions up to v0.12 do: name its version, or ` +
      "addresses may have no owner, or two";
  }
  const isNewer = compat === "v0.10" || (compat === "v0.12" && keyBytes === 32);
  if (!isNewer || newer.size === 0) return undefined;
  return `${told} ${some([...newer])} gossips as versions from v0.13 on do: name its version, or ` +
    "addresses may have no owner, or two";
}

function some(names: readonly string[]): string {
  return someOf(names, ", ", ROOM);
}

/** An API server forgets an event after an hour, unless it is configured otherwise. */
const REMIND_AFTER_MS: Millis = 30 * 60_000;

interface Standing {
  readonly since: Instant;
  /** When it was last told; undefined: not yet. */
  toldAt: Instant | undefined;
}

/** Concerns that stand, and when each was last told; only {@link step} touches it. */
export interface ConcernState {
  readonly standing: Map<ConcernKind, Standing>;
}

/** Begins without any. */
export function createConcerns(): ConcernState {
  return { standing: new Map() };
}

/** Says what is to be told now, or again for it still stands, and what is over of that which was told. */
export function step(
  { standing }: ConcernState,
  concerns: readonly Concern[],
  now: Instant,
): {
  readonly tell: readonly Concern[];
  readonly remind: readonly Concern[];
  readonly over: readonly ConcernKind[];
} {
  const tell: Concern[] = [];
  const remind: Concern[] = [];
  const over: ConcernKind[] = [];
  for (const [kind, { toldAt }] of [...standing]) {
    if (concerns.some((one) => one.kind === kind)) continue;
    standing.delete(kind);
    if (toldAt !== undefined) over.push(kind);
  }
  for (const concern of concerns) {
    const { kind } = concern;
    const one = standing.get(kind) ?? { since: now, toldAt: undefined };
    standing.set(kind, one);
    if (now < dueOf(kind, one)) continue;
    (one.toldAt === undefined ? tell : remind).push(concern);
    one.toldAt = now;
  }
  return { tell, remind, over };
}

function dueOf(kind: ConcernKind, { since, toldAt }: Standing): Instant {
  return toldAt === undefined ? after(since, PATIENCE_MS[kind]) : after(toldAt, REMIND_AFTER_MS);
}

/** When one that stands is to be told, maybe again; undefined while none stands. */
export function nextDeadline({ standing }: ConcernState): Instant | undefined {
  const due = [...standing].map(([kind, one]) => dueOf(kind, one));
  return due.length === 0 ? undefined : instant(Math.min(...due));
}

/** Those that were told and stand. */
export function toldOf(
  { standing }: ConcernState,
  concerns: readonly Concern[],
): readonly Concern[] {
  return concerns.filter(({ kind }) => standing.get(kind)?.toldAt !== undefined);
}
