import assert from "node:assert/strict";

const ROOT = new URL("../", import.meta.url);

/** From the ground up; a file may import its own layer or a lower one. */
const LAYERS: readonly (readonly [prefix: string, rank: number])[] = [
  ["lib/shim/", 0],
  ["lib/base/", 0],
  ["lib/net/", 1],
  ["lib/model/", 2],
  ["lib/config/", 2],
  ["lib/neighbour/", 2],
  ["lib/arp/", 2],
  ["lib/ndp/", 2],
  ["lib/heartbeat/", 2],
  ["lib/lease/", 2],
  ["lib/gossip/", 2],
  ["lib/ebpf/", 2],
  ["lib/bgp/", 2],
  ["lib/bfd/", 2.5],
  ["lib/netlink/", 2],
  ["lib/controller/", 3],
  ["lib/speaker/", 3],
  ["ffi/", 3],
  ["lib/status/", 4],
  ["lib/host/", 4],
  ["lib/cli/", 5],
  ["main.ts", 6],
];
const PURE = LAYERS.filter(([prefix, rank]) => rank <= 3 && prefix !== "ffi/").map(([prefix]) =>
  prefix
);
/** Neighbours of one rank that know nothing of each other. */
const STRANGERS = [
  ["lib/arp/", "lib/netlink/"],
  ["lib/arp/", "lib/ndp/"],
  ["lib/gossip/", "lib/heartbeat/"],
  ["lib/lease/", "lib/gossip/"],
  ["lib/lease/", "lib/config/"],
  ["lib/bgp/", "lib/bfd/"],
  ["lib/bgp/", "lib/config/"],
  ["lib/controller/", "lib/speaker/"],
];
const WATCHDOG = "lib/host/process/watchdog_worker.ts";
const WORKERS = [
  "lib/host/linux/packet/worker.ts",
  "lib/host/linux/bfd/worker.ts",
  "lib/host/linux/heartbeat/worker.ts",
  WATCHDOG,
];

interface Import {
  readonly from: string;
  readonly to: string;
  readonly dynamic: boolean;
}

async function imports(...roots: string[]): Promise<Import[]> {
  const found: Import[] = [];
  for (const root of roots) {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", new URL(root, ROOT).pathname],
    }).output();
    const graph = JSON.parse(new TextDecoder().decode(stdout));
    for (const module of graph.modules) {
      const from = local(module.specifier);
      if (from === undefined) continue;
      for (const dependency of module.dependencies ?? []) {
        const to = local(dependency.code?.specifier ?? dependency.type?.specifier ?? "");
        if (to !== undefined) found.push({ from, to, dynamic: dependency.isDynamic === true });
      }
    }
  }
  return found;
}

function local(specifier: string): string | undefined {
  return specifier.startsWith(ROOT.href) && !specifier.includes("node_modules")
    ? specifier.slice(ROOT.href.length)
    : undefined;
}

function rank(file: string): number {
  const layer = LAYERS.find(([prefix]) => file.startsWith(prefix));
  assert.ok(layer, `${file} stands in no layer`);
  return layer[1];
}

function reachable(from: string, edges: readonly Import[]): Set<string> {
  const seen = new Set([from]);
  for (const file of seen) {
    for (const edge of edges) if (edge.from === file && !edge.dynamic) seen.add(edge.to);
  }
  return seen;
}

async function sources(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(new URL(folder, ROOT))) {
    const path = `${folder}${entry.name}`;
    if (entry.isDirectory) found.push(...await sources(`${path}/`));
    else if (path.endsWith(".ts")) found.push(path);
  }
  return found.sort();
}

/** The code without comments and texts, so that words in them do not count. */
function bare(code: string): string {
  return code.replace(/\/\*[^]*?\*\//g, "").replace(/(^|[^:])\/\/.*$/gm, "$1")
    .replace(/"(?:\\.|[^"\\\n])*"/g, '""').replace(/`(?:\\.|[^`\\])*`/g, "``");
}

Deno.test("imports only point down through the layers", async () => {
  const edges = await imports("main.ts", ...WORKERS);
  assert.ok(edges.length > 50, "the module graph is nearly empty");
  for (const { from, to } of edges) {
    assert.ok(rank(from) >= rank(to), `${from} imports ${to}, which is above it`);
    if (to.startsWith("ffi/")) {
      assert.ok(
        from.startsWith("ffi/") || from.startsWith("lib/host/linux/"),
        `${from} imports ${to}: only lib/host/linux may`,
      );
    }
    if (from.startsWith("ffi/")) {
      assert.match(to, /^(ffi|lib\/base|lib\/net)\//, `${from} imports ${to}`);
    }
    for (const [one = "", other = ""] of STRANGERS) {
      const crossed = (from.startsWith(one) && to.startsWith(other)) ||
        (from.startsWith(other) && to.startsWith(one));
      assert.ok(!crossed, `${from} imports ${to}: they must not know each other`);
    }
  }
});

Deno.test("the controller's code reaches no FFI", async () => {
  const edges = await imports("main.ts", WATCHDOG);
  const roots = ["main.ts", "lib/host/run.ts", "lib/host/controller/run.ts", WATCHDOG];
  for (const root of roots) {
    const files = [...reachable(root, edges)];
    assert.deepEqual(files.filter((file) => /^(ffi|lib\/host\/linux)\//.test(file)), [], root);
  }
  const speaker = [...reachable("lib/host/speaker/run.ts", edges)];
  assert.ok(speaker.some((file) => file.startsWith("ffi/")), "the check sees no FFI at all");
});

Deno.test("pure layers read no clock, chance, network or file", async () => {
  const forbidden =
    /\b(Deno\.|Date\b|performance\.|Math\.random|getRandomValues|setTimeout|setInterval|fetch\(|console\.|async\b|await\b)/;
  for (const folder of PURE) {
    for (const file of await sources(folder)) {
      const code = bare(await Deno.readTextFile(new URL(file, ROOT)));
      const found = forbidden.exec(code);
      assert.equal(found, null, `${file} uses ${found?.[0]}`);
    }
  }
});

Deno.test("no file exports by default, re-exports a folder or grows beyond reading", async () => {
  for (const file of ["main.ts", ...await sources("lib/"), ...await sources("ffi/")]) {
    const text = await Deno.readTextFile(new URL(file, ROOT));
    const code = bare(text);
    assert.ok(!/^export default\b/m.test(code), `${file} exports by default`);
    assert.ok(!/^export \*/m.test(code), `${file} re-exports everything`);
    assert.ok(!/\/(mod|index|deps)\.ts$/.test(file), `${file} is a barrel`);
    assert.ok(text.split("\n").length <= 330, `${file} has ${text.split("\n").length} lines`);
    assert.ok(!/\b(TODO|FIXME|XXX)\b/.test(text), `${file} has something left to do`);
  }
});

/** Wiring that runs only whole: the LAN, cluster and command tests cover it. */
const WIRING = new Set([
  "lib/base/version.ts",
  "lib/cli/surroundings.ts",
  "lib/host/cluster/cluster.ts",
  "lib/host/process/options.ts",
  "lib/host/process/role.ts",
  "lib/host/run.ts",
  "lib/host/linux/packet/address_prober.ts",
  "lib/host/speaker/run.ts",
  "lib/host/linux/packet/layer2.ts",
  "lib/host/linux/bfd/loop.ts",
  "lib/host/linux/bfd/socket.ts",
  "lib/host/linux/bfd/watch.ts",
  "lib/host/linux/bfd/worker.ts",
  "lib/gossip/state.ts",
  "lib/heartbeat/watch_state.ts",
  "lib/neighbour/drops.ts",
  "lib/host/metrics/gossip.ts",
  "lib/host/metrics/health.ts",
  "lib/host/process/watchdog_worker.ts",
  "lib/host/gossip/transport.ts",
  "lib/host/speaker/handover.ts",
  "lib/host/linux/heartbeat/heartbeat.ts",
  "lib/host/linux/heartbeat/loop.ts",
  "lib/host/linux/heartbeat/socket.ts",
  "lib/host/linux/heartbeat/worker.ts",
  "lib/host/speaker/join_speakers.ts",
  "lib/host/linux/reply_lease.ts",
  "lib/host/linux/packet/backend.ts",
  "lib/host/linux/packet/counters.ts",
  "lib/host/speaker/membership.ts",
  "lib/host/linux/packet/solicited_groups.ts",
  "lib/host/speaker/status.ts",
  "lib/host/linux/worker/server.ts",
  "lib/host/linux/bgp/connection.ts",
  "lib/host/linux/bgp/bgp.ts",
  "lib/host/linux/bgp/record.ts",
  "lib/status/types.ts",
  "lib/config/types.ts",
  "lib/model/facts.ts",
  "lib/model/names.ts",
  "lib/shim/yaml.ts",
]);

Deno.test("each source file has its test file or stands on the list of wiring", async () => {
  const missing: string[] = [];
  for (const file of [...await sources("lib/"), ...await sources("ffi/")]) {
    if (WIRING.has(file)) continue;
    const test = `tests/${file.replace(/^lib\//, "").replace(/\.ts$/, "_test.ts")}`;
    const there = await Deno.stat(new URL(test, ROOT)).then(() => true, () => false);
    if (!there) missing.push(`${file} wants ${test}`);
  }
  assert.deepEqual(missing, []);
});
