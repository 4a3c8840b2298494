import type { Host } from "../lan.ts";
import { type Router, type RouterOptions, type RouterPath, sortPaths } from "./router.ts";

/** ExaBGP ends when its helper's standard output ends, so that stays open. */
const KEEP = 'while IFS= read -r line; do printf "%s\\n" "$line"';

/** Starts ExaBGP in a namespace: it keeps no table, so its own words on each UPDATE are the table. */
export async function startExabgp(host: Host, options: RouterOptions): Promise<Router> {
  await using unfinished = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "herald-exabgp-" });
  await Deno.chmod(folder, 0o777);
  unfinished.defer(() => Deno.remove(folder, { recursive: true }));
  const config = `${folder}/exabgp.conf`;
  const said = `${folder}/said`;
  await Deno.writeTextFile(said, "");
  await Deno.chmod(said, 0o666);
  const script = `${folder}/keep.sh`;
  await Deno.writeTextFile(script, `#!/bin/sh\n${KEEP} >> ${said}; done\n`, { mode: 0o755 });
  await Deno.writeTextFile(config, configOf(options, script));
  const daemon = unfinished.use(
    host.start("/usr/sbin/exabgp", [config], {
      "exabgp.daemon.user": "root",
      "exabgp.tcp.bind": "0.0.0.0",
      "exabgp.tcp.port": "179",
      "exabgp.api.cli": "false",
      "exabgp.cache.nexthops": "false",
    }),
  );
  const lines = async () =>
    (await Deno.readTextFile(said)).split("\n").filter((line) => line !== "")
      .flatMap((line) => {
        try {
          return [JSON.parse(line)];
        } catch {
          return []; // the last line is being written
        }
      });
  const finished = unfinished.move();
  return {
    rib: async () => sortPaths([...tableOf(await lines()).values()]),
    async established(neighbor) {
      const states = (await lines()).filter((one) =>
        one.type === "state" && one.neighbor.address.peer === neighbor
      );
      return states.at(-1)?.neighbor.state === "up";
    },
    log: () => Promise.resolve(daemon.output()),
    [Symbol.asyncDispose]: () => finished.disposeAsync(),
  };
}

function configOf({ asn, routerId, neighbors }: RouterOptions, script: string): string {
  return `process table {
  run ${script};
  encoder json;
}
${
    neighbors.map(({ address, asn: peerAs, password }) =>
      `neighbor ${address} {
  router-id ${routerId};
  local-address 10.77.1.1;
  local-as ${asn};
  peer-as ${peerAs};
  passive true;
  ${password === undefined ? "" : `md5-password "${password}";`}
  family { ipv4 unicast; ipv6 unicast; }
  api { processes [ table ]; neighbor-changes; receive { parsed; update; } }
}`
    ).join("\n")
  }
`;
}

// deno-lint-ignore no-explicit-any -- ExaBGP's own JSON, read as it comes
function tableOf(lines: readonly any[]): Map<string, RouterPath> {
  const table = new Map<string, RouterPath>();
  for (const { type, neighbor } of lines) {
    if (type === "state" && neighbor.state === "down") table.clear();
    const update = neighbor?.message?.update;
    if (type !== "update" || update === undefined) continue;
    for (const gone of Object.values<{ nlri: string }[]>(update.withdraw ?? {}).flat()) {
      table.delete(gone.nlri);
    }
    const { attribute = {} } = update;
    for (const hops of Object.values<Record<string, { nlri: string }[]>>(update.announce ?? {})) {
      for (const [nextHop, routes] of Object.entries(hops)) {
        if (!Array.isArray(routes)) continue;
        for (const { nlri: prefix } of routes) {
          table.set(prefix, {
            prefix,
            nextHop,
            asPath: attribute["as-path"] ?? [],
            origin: attribute.origin ?? "",
            ...attribute["local-preference"] === undefined
              ? {}
              : { localPref: attribute["local-preference"] },
            communities: (attribute.community ?? []).map((one: number[]) => one.join(":")),
            largeCommunities: (attribute["large-community"] ?? []).map((one: number[]) =>
              one.join(":")
            ),
          });
        }
      }
    }
  }
  return table;
}
