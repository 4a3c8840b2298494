import type { Host } from "../lan.ts";
import { waitFor } from "../wait.ts";
import { type Router, type RouterOptions, type RouterPath, sortPaths } from "./router.ts";

const ORIGINS = ["IGP", "EGP", "incomplete"];

/** Starts GoBGP in a namespace. */
export async function startGobgp(host: Host, options: RouterOptions): Promise<Router> {
  await using unfinished = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "herald-gobgp-" });
  unfinished.defer(() => Deno.remove(folder, { recursive: true }));
  const config = `${folder}/gobgpd.json`;
  await Deno.writeTextFile(config, configOf(options));
  const daemon = unfinished.use(host.start("/usr/bin/gobgpd", ["-t", "json", "-f", config]));
  const gobgp = (...words: string[]) => host.must("/usr/bin/gobgp", "-j", ...words);
  await waitFor("GoBGP", async () => (await host.run("/usr/bin/gobgp", "global")).code === 0);
  const finished = unfinished.move();
  return {
    async rib() {
      const paths = await Promise.all(
        ["ipv4", "ipv6"].map(async (family) =>
          pathsOf(JSON.parse(await gobgp("global", "rib", "-a", family) || "{}") ?? {})
        ),
      );
      return sortPaths(paths.flat());
    },
    async established(neighbor) {
      // RFC 4271's states counted from 0 in some releases, named in others.
      return /"session_state":\s*(6|"ESTABLISHED")/i.test(await gobgp("neighbor", neighbor));
    },
    log: () => Promise.resolve(daemon.output()),
    [Symbol.asyncDispose]: () => finished.disposeAsync(),
  };
}

function configOf({ asn, routerId, neighbors }: RouterOptions): string {
  return JSON.stringify({
    global: { config: { as: asn, "router-id": routerId, port: 179 } },
    neighbors: neighbors.map(({ address, asn: peerAs, password, multihop }) => ({
      config: {
        "neighbor-address": address,
        "peer-as": peerAs,
        ...password === undefined ? {} : { "auth-password": password },
      },
      transport: { config: { "passive-mode": true } },
      ...multihop ? { "ebgp-multihop": { config: { enabled: true, "multihop-ttl": 5 } } } : {},
      "afi-safis": ["ipv4-unicast", "ipv6-unicast"].map((name) => ({
        config: { "afi-safi-name": name },
      })),
    })),
  });
}

interface GobgpAttribute {
  readonly type: number;
  readonly value?: number;
  readonly nexthop?: string;
  readonly communities?: readonly number[];
  readonly as_paths?: readonly { readonly asns: readonly number[] }[];
  readonly value_?: unknown;
}

type GobgpTable = Readonly<
  Record<string, readonly { readonly attrs: readonly GobgpAttribute[] }[]>
>;

function pathsOf(table: GobgpTable): RouterPath[] {
  return Object.entries(table).flatMap(([prefix, paths]) =>
    paths.map(({ attrs }) => {
      const of = (type: number) => attrs.find((one) => one.type === type);
      const localPref = of(5)?.value;
      const large = of(32)?.value as unknown;
      return {
        prefix,
        nextHop: of(3)?.nexthop ?? of(14)?.nexthop ?? "",
        asPath: of(2)?.as_paths?.flatMap(({ asns }) => asns) ?? [],
        origin: ORIGINS[of(1)?.value ?? -1] ?? "",
        ...localPref === undefined ? {} : { localPref },
        communities: (of(8)?.communities ?? []).map((one) => `${one >>> 16}:${one & 0xffff}`),
        largeCommunities: Array.isArray(large)
          ? large.map((one) => `${one.ASN}:${one.LocalData1}:${one.LocalData2}`)
          : [],
      };
    })
  );
}
