import type { Host } from "../lan.ts";
import { must, type RunningProcess } from "../process.ts";
import { waitFor } from "../wait.ts";
import { type Router, type RouterOptions, type RouterPath, sortPaths } from "./router.ts";

const DAEMONS = "/usr/lib/frr";

/** FRR with the commands of its own shell. */
export interface Frr extends Router {
  /** Runs commands of vtysh in order and gives what they print. */
  vtysh(...commands: string[]): Promise<string>;
  /** All that FRR says of a neighbour. */
  neighbor(address: string): Promise<Record<string, unknown>>;
  /** State and counters of the BFD session with a peer, as FRR says them; undefined without one. */
  bfd(peer: string): Promise<Record<string, unknown> | undefined>;
}

/** Starts zebra, bgpd and bfdd in a namespace, with a folder of their own. */
export async function startFrr(host: Host, options: RouterOptions): Promise<Frr> {
  await using unfinished = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "herald-frr-" });
  unfinished.defer(() => Deno.remove(folder, { recursive: true }));
  await Deno.writeTextFile(`${folder}/frr.conf`, configOf(options, folder));
  // The package's own user: FRR insists on a member of its group.
  await must("chown", ["-R", "frr:frr", folder]);
  const running: RunningProcess[] = [];
  unfinished.defer(async () => {
    for (const one of running.reverse()) await one.end();
  });
  const withBfd = options.neighbors.some(({ bfd }) => bfd !== undefined);
  for (const name of ["zebra", ...withBfd ? ["bfdd"] : [], "bgpd"]) {
    const port = name === "bgpd" ? ["-p", `${options.port ?? 179}`] : [];
    running.push(host.start(`${DAEMONS}/${name}`, [
      "-f",
      `${folder}/frr.conf`,
      "-i",
      `${folder}/${name}.pid`,
      "--vty_socket",
      folder,
      "-z",
      `${folder}/zserv.api`,
      "-P",
      "0",
      ...port,
      ...name === "bfdd" ? ["--bfdctl", `${folder}/bfdd.sock`] : [],
    ]));
    await waitFor(`${name} of FRR`, async () => await exists(`${folder}/${name}.vty`));
  }
  const vtysh = (...commands: string[]) =>
    host.must("vtysh", "--vty_socket", folder, ...commands.flatMap((one) => ["-c", one]));
  /** FRR says all of a path only when it is asked for the prefix. */
  async function paths(family: string): Promise<RouterPath[]> {
    const show = `show bgp ${family} unicast`;
    const { routes = {} } = JSON.parse(await vtysh(`${show} json`) || "{}");
    const prefixes = Object.keys(routes);
    if (prefixes.length === 0) return [];
    const answers = await vtysh(...prefixes.map((prefix) => `${show} ${prefix} json`));
    // One object for each question, each ending in a brace on a line of its own.
    return answers.split(/(?<=^\}\n)/m).filter((text) => text.trim() !== "").flatMap(pathsOf);
  }
  async function neighbor(address: string): Promise<Record<string, unknown>> {
    return JSON.parse(await vtysh(`show bgp neighbors ${address} json`))[address] ?? {};
  }
  const finished = unfinished.move();
  return {
    vtysh,
    rib: async () => sortPaths([...await paths("ipv4"), ...await paths("ipv6")]),
    neighbor,
    established: async (address) => (await neighbor(address)).bgpState === "Established",
    async bfd(peer) {
      const sessions = JSON.parse(await vtysh("show bfd peers json"));
      return sessions.find((one: { peer: string }) => one.peer === peer);
    },
    log: () => Deno.readTextFile(`${folder}/log`),
    [Symbol.asyncDispose]: () => finished.disposeAsync(),
  };
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

function configOf({ asn, routerId, neighbors, gracefulRestart }: RouterOptions, folder: string) {
  const lines = neighbors.flatMap(({ address, asn, ...more }) => [
    `neighbor ${address} remote-as ${asn}`,
    `neighbor ${address} passive`,
    `neighbor ${address} timers connect 1`,
    ...more.interfaceName ? [`neighbor ${address} interface ${more.interfaceName}`] : [],
    ...more.password ? [`neighbor ${address} password ${more.password}`] : [],
    ...more.multihop ? [`neighbor ${address} ebgp-multihop 5`] : [],
    ...more.ttlSecurity ? [`neighbor ${address} ttl-security hops 1`] : [],
    ...more.bfd === undefined ? [] : [
      `neighbor ${address} bfd ${more.bfd.multiplier} ${more.bfd.intervalMs} ${more.bfd.intervalMs}`,
    ],
  ]);
  const family = (name: string) => [
    ` address-family ${name} unicast`,
    ...neighbors.map(({ address }) => `  neighbor ${address} activate`),
    "  maximum-paths 16",
    "  maximum-paths ibgp 16",
    " exit-address-family",
  ];
  return `hostname router
log file ${folder}/log informational
ip nht resolve-via-default
ipv6 nht resolve-via-default
router bgp ${asn}
 bgp router-id ${routerId}
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 bgp log-neighbor-changes
 bgp bestpath as-path multipath-relax
${gracefulRestart ? " bgp graceful-restart\n bgp graceful-restart restart-time 60\n" : ""}${
    lines.map((line) => ` ${line}\n`).join("")
  }${[...family("ipv4"), ...family("ipv6")].join("\n")}
exit
`;
}

interface FrrPath {
  readonly aspath?: { readonly string: string };
  readonly origin: string;
  readonly locPrf?: number;
  readonly community?: { readonly list: readonly string[] };
  readonly largeCommunity?: { readonly list: readonly string[] };
  readonly nexthops: readonly { readonly ip: string; readonly scope?: string }[];
}

function pathsOf(text: string): RouterPath[] {
  const { prefix, paths = [] }: { prefix: string; paths?: FrrPath[] } = JSON.parse(text);
  return paths.map((path) => ({
    prefix,
    nextHop: path.nexthops.find(({ scope }) => scope !== "link-local")?.ip ?? "",
    asPath: (path.aspath?.string ?? "").split(" ").filter((one) => /^\d+$/.test(one)).map(Number),
    origin: path.origin,
    ...path.locPrf === undefined ? {} : { localPref: path.locPrf },
    communities: path.community?.list ?? [],
    largeCommunities: path.largeCommunity?.list ?? [],
  }));
}
