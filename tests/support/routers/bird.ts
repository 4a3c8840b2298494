import type { Host } from "../lan.ts";
import { waitFor } from "../wait.ts";
import { type Router, type RouterOptions, type RouterPath, sortPaths } from "./router.ts";

/** BIRD with its BFD. */
export interface Bird extends Router {
  bfdUp(peer: string): Promise<boolean>;
}

/** Starts BIRD 2 in a namespace; its routes go to the kernel. */
export async function startBird(host: Host, options: RouterOptions): Promise<Bird> {
  await using unfinished = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "herald-bird-" });
  unfinished.defer(() => Deno.remove(folder, { recursive: true }));
  const config = `${folder}/bird.conf`;
  const socket = `${folder}/bird.ctl`;
  await Deno.writeTextFile(config, configOf(options, folder));
  unfinished.use(host.start("/usr/sbin/bird", ["-f", "-c", config, "-s", socket]));
  const birdc = (...words: string[]) => host.must("/usr/sbin/birdc", "-s", socket, ...words);
  await waitFor("BIRD", () => Deno.stat(socket).then(() => true, () => false));
  const finished = unfinished.move();
  return {
    rib: async () => sortPaths(pathsOf(await birdc("show", "route", "all"))),
    async established(neighbor) {
      const index = options.neighbors.findIndex(({ address }) => address === neighbor);
      return /Established/.test(await birdc("show", "protocols", `peer${index}`));
    },
    bfdUp: async (peer) =>
      new RegExp(`^${peer.replaceAll(".", "\\.")}\\s.*\\sUp\\s`, "m").test(
        await birdc("show", "bfd", "sessions"),
      ),
    log: () => Deno.readTextFile(`${folder}/log`),
    [Symbol.asyncDispose]: () => finished.disposeAsync(),
  };
}

function configOf({ asn, routerId, neighbors, gracefulRestart }: RouterOptions, folder: string) {
  const bfds = neighbors.flatMap(({ bfd }) => bfd === undefined ? [] : [bfd]);
  const [bfd] = bfds;
  const peers = neighbors.map((one, index) =>
    `protocol bgp peer${index} {
  local ${one.localAddress ?? ""} as ${asn};
  neighbor ${one.address} as ${one.asn};
  passive on;
  error wait time 1, 2;
  ${one.password === undefined ? "" : `password "${one.password}";`}
  ${one.multihop ? "multihop 5;" : ""}
  ${one.bfd === undefined ? "" : "bfd on;"}
  ${gracefulRestart ? "graceful restart on;" : ""}
  ipv4 { import all; export none; };
  ipv6 { import all; export none; };
}`
  );
  return `log "${folder}/log" all;
router id ${routerId};
protocol device {}
protocol kernel { merge paths on; ipv4 { export all; }; }
protocol kernel { merge paths on; ipv6 { export all; }; }
${
    bfd === undefined
      ? ""
      : `protocol bfd { interface "*" { interval ${bfd.intervalMs} ms; multiplier ${bfd.multiplier}; }; }`
  }
${peers.join("\n")}
`;
}

/** Reads \`show route all\`: a line for each path, its attributes indented below. */
function pathsOf(text: string): RouterPath[] {
  const paths: RouterPath[] = [];
  let prefix = "";
  for (const block of text.split(/\n(?=\S)|\n(?=\s+unicast \[)/)) {
    const [, named, protocol] = /^(\S*)\s+unicast \[(\S+)/.exec(block) ?? [];
    if (protocol === undefined || !protocol.startsWith("peer")) continue;
    if (named) prefix = named;
    const attribute = (name: string) => new RegExp(`BGP\\.${name}: ?(.*)`).exec(block)?.[1]?.trim();
    const localPref = attribute("local_pref");
    paths.push({
      prefix,
      nextHop: attribute("next_hop")?.split(" ")[0] ?? "",
      asPath: (attribute("as_path") ?? "").split(" ").filter((one) => one !== "").map(Number),
      origin: (attribute("origin") ?? "").replace("Incomplete", "incomplete"),
      ...localPref === undefined ? {} : { localPref: Number(localPref) },
      communities: triples(attribute("community")),
      largeCommunities: triples(attribute("large_community")),
    });
  }
  return paths;
}

/** `(64500,7) (1,2)` as `64500:7`, `1:2`. */
function triples(text = ""): string[] {
  return [...text.matchAll(/\(([\d, ]+)\)/g)].map(([, list = ""]) => list.replace(/[, ]+/g, ":"));
}
