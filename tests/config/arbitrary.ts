import fc from "fast-check";
import type {
  BfdProfile,
  Config,
  LabelExpression,
  LabelSelector,
  Peer,
  Pool,
} from "../../lib/config/types.ts";
import type { Ip, Ip4, Ip6 } from "../../lib/net/ip.ts";
import type { AddressRange } from "../../lib/net/range.ts";
import { selecting } from "../controller/fixture.ts";
import { formatRange } from "../support/addresses.ts";

const name = fc.stringMatching(/^[a-zA-Z0-9:#'"{}[\]&*!|> -]{1,12}$/);
const label = fc.stringMatching(/^[a-z]([a-z0-9.-]{0,6}[a-z0-9])?$/);
const seconds = (least: number, most: number) =>
  fc.integer({ min: least, max: most }).map((value) => value * 1000);

/** Ranges that lie one after another, so that none overlaps: 10.N.0.0 on, or fd00:N:: on. */
function rangesFrom(block: number): fc.Arbitrary<AddressRange[]> {
  const one = fc.tuple(fc.boolean(), fc.nat(1000), fc.nat(1000));
  return fc.array(one, { minLength: 1, maxLength: 4 }).map((parts) =>
    parts.map(([isIp4, skip, size], index) => {
      const first: Ip = isIp4
        ? (10 * 2 ** 24 + block * 2 ** 16 + index * 4096 + skip) as Ip4
        : ((0xfd00n << 112n) + (BigInt(block) << 64n) + BigInt(index * 4096 + skip)) as Ip6;
      const last: Ip = typeof first === "number"
        ? (first + size) as Ip4
        : (first + BigInt(size)) as Ip6;
      return { first, last, text: formatRange({ first, last, text: "" }) };
    })
  );
}

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

/** A pool as the ConfigMap has it: with its protocol. */
interface AnnouncedPool {
  readonly pool: Pool;
  readonly layer2: Config["layer2"];
  readonly bgp: Config["bgp"];
}

function pool(block: number): fc.Arbitrary<AnnouncedPool> {
  const advertisement = fc.record({
    aggregationLength: fc.constant(32),
    aggregationLengthV6: fc.constant(128),
    localPref: fc.integer({ min: 0, max: 0xffff_ffff }),
    communities: fc.uniqueArray(fc.integer({ min: 0, max: 0xffff_ffff }), { maxLength: 3 }).map((
      list,
    ) => list.sort((a, b) => a - b)),
    largeCommunities: fc.option(u32, { nil: undefined }).map((part) =>
      part === undefined ? [] : [[part, 0, 1] as const, [part, 2, 0xffff_ffff] as const]
    ),
  });
  return fc.record({
    name: name.map((text) => `${block} ${text}`.trim()),
    labels: fc.constant(new Map()),
    ranges: rangesFrom(block),
    avoidBuggyIps: fc.boolean(),
    autoAssign: fc.boolean(),
    reserved: fc.constant<AddressRange[]>([]),
    stickyMs: fc.constantFrom(0, 1500, 3_600_000),
    serviceAllocation: fc.record({
      priority: fc.nat(0x7fff_ffff),
      namespaces: fc.uniqueArray(label, { maxLength: 2 }).map((names) =>
        names.map((text) => text.replaceAll(".", "-"))
      ),
      namespaceSelectors: fc.array(selector, { maxLength: 2 }),
      serviceSelectors: fc.array(selector, { maxLength: 2 }),
    }),
  }).chain((made) => fc.subarray([...made.ranges]).map((reserved) => ({ ...made, reserved })))
    .chain((pool) => {
      const selection = selecting(pool.name);
      const routes = fc.uniqueArray(advertisement, {
        minLength: 1,
        maxLength: 3,
        selector: (one) => JSON.stringify(one),
      });
      return fc.oneof(
        fc.constant({ pool, layer2: [{ ...selection, interfaces: [] }], bgp: [] }),
        routes.map((all) => ({
          pool,
          layer2: [],
          bgp: all.map((route) => ({ ...selection, peers: [], ...route })),
        })),
      );
    });
}

const expression: fc.Arbitrary<LabelExpression> = fc.oneof(
  fc.record({
    key: label,
    operator: fc.constantFrom("In" as const, "NotIn" as const),
    values: fc.array(label, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({
    key: label,
    operator: fc.constantFrom("Exists" as const, "DoesNotExist" as const),
    values: fc.constant([]),
  }),
);
const selector: fc.Arbitrary<LabelSelector> = fc.record({
  matchLabels: fc.array(fc.tuple(label, label), { maxLength: 3 }).map((pairs) => new Map(pairs)),
  matchExpressions: fc.array(expression, { maxLength: 2 }),
});

function peer(index: number): fc.Arbitrary<Peer> {
  return fc.record({
    myAsn: fc.integer({ min: 1, max: 0xffff_ffff }),
    peerAsn: fc.integer({ min: 1, max: 0xffff_ffff }),
    isIp4: fc.boolean(),
    withSource: fc.boolean(),
    peerPort: fc.integer({ min: 1, max: 65535 }),
    holdTimeMs: fc.oneof(fc.constant(0), seconds(3, 65535)),
    routerId: fc.option(fc.integer({ min: 1, max: 0xffff_ffff }).map((value) => value as Ip4), {
      nil: undefined,
    }),
    password: fc.option(fc.stringMatching(/^[ -~]{1,40}$/), { nil: undefined }),
    nodeSelectors: fc.array(selector, { maxLength: 2 }),
    multihop: fc.boolean(),
    ttl: fc.boolean(),
    gracefulRestart: fc.boolean(),
  }).map(({ isIp4, withSource, multihop, ttl, ...rest }) => {
    const ebgpMultihop = multihop && rest.myAsn !== rest.peerAsn;
    const peerAddress: Ip = isIp4
      ? (0x0a000001 + index) as Ip4
      : ((0xfd00n << 112n) + BigInt(index + 1)) as Ip6;
    return {
      ...rest,
      peerAddress,
      sourceAddress: withSource ? peerAddress : undefined,
      keepaliveTimeMs: rest.holdTimeMs === 0
        ? 0
        : Math.max(1000, Math.floor(rest.holdTimeMs / 3000) * 1000),
      bfdProfile: undefined,
      peerInterface: undefined,
      passwordFile: undefined,
      ebgpMultihop,
      ttlSecurity: ttl && !ebgpMultihop,
    };
  });
}

function profile(index: number): fc.Arbitrary<BfdProfile> {
  const interval = fc.integer({ min: 10, max: 60_000 });
  return fc.record({
    name: name.map((text) => `${index} ${text}`.trim()),
    receiveIntervalMs: interval,
    transmitIntervalMs: interval,
    detectMultiplier: fc.integer({ min: 2, max: 255 }),
    echoIntervalMs: interval,
    echoMode: fc.boolean(),
    passiveMode: fc.boolean(),
    minimumTtl: fc.integer({ min: 1, max: 254 }),
  });
}

function listOf<T>(make: (index: number) => fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return fc.integer({ min: 0, max: 4 }).chain((count) =>
    fc.tuple(...Array.from({ length: count }, (_, index) => make(index)))
  );
}

/** Any configuration of a ConfigMap that is valid as a whole. */
export const anyConfig: fc.Arbitrary<Config> = fc.record({
  announced: listOf(pool),
  peers: listOf(peer),
  bfdProfiles: listOf(profile),
  communities: listOf((index) => u32.map((value) => ({ name: `alias-${index}`, value }))),
}).map(({ announced, ...rest }) => ({
  pools: announced.map(({ pool }) => pool),
  layer2: announced.flatMap(({ layer2 }) => layer2),
  bgp: announced.flatMap(({ bgp }) => bgp),
  ...rest,
}));
