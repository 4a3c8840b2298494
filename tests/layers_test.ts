import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const ROOT = new URL("../", import.meta.url);

/** From the ground up; a file may import its own room or a lower one. The longest prefix counts. */
const LAYERS: readonly (readonly [prefix: string, rank: number])[] = [
  ["lib/shim/", 0],
  ["lib/base/", 0],
  ["lib/net/", 1],
  ["lib/model/", 1.5],
  ["lib/neighbour/", 2],
  ["lib/arp/", 2.1],
  ["lib/ndp/", 2.1],
  ["lib/heartbeat/", 2],
  ["lib/http/", 2],
  ["lib/x509/", 2],
  ["lib/lease/", 2],
  ["lib/gossip/", 2],
  ["lib/ebpf/", 2.1],
  ["lib/bgp/", 2],
  ["lib/netlink/", 2],
  ["lib/config/", 2.5],
  ["lib/bfd/", 2.6],
  ["lib/controller/", 3],
  ["lib/speaker/", 3],
  ["lib/status/", 3.5],
  ["ffi/", 3],
  ["lib/host/cluster/", 4],
  ["lib/host/metrics/", 4],
  ["lib/host/process/", 4.1],
  ["lib/host/kubernetes/", 4.2],
  ["lib/host/folder/", 4.2],
  ["lib/host/http/", 4.2],
  ["lib/host/gossip/", 4.2],
  ["lib/host/linux/", 4.2],
  ["lib/host/linux/worker/", 4.21],
  ["lib/host/linux/netlink/", 4.21],
  ["lib/host/linux/packet/", 4.22],
  ["lib/host/linux/heartbeat/", 4.22],
  ["lib/host/linux/bfd/", 4.22],
  ["lib/host/linux/bgp/", 4.23],
  ["lib/host/linux/timekeeper.ts", 4.23],
  ["lib/host/config/", 4.3],
  ["lib/host/controller/", 4.4],
  ["lib/host/speaker/", 4.4],
  ["lib/host/inspect/", 4.4],
  ["lib/host/run.ts", 4.5],
  ["lib/cli/", 5],
  ["main.ts", 6],
];
const PURE = LAYERS.filter(([prefix, rank]) => rank < 4 && prefix !== "ffi/").map(([prefix]) =>
  prefix
);
/** Rooms of one rank know nothing of each other, but for these imports. */
const ALLOWED: readonly (readonly [from: string, to: string])[] = [];
const WATCHDOG = "lib/host/process/watchdog_worker.ts";
const WORKERS = [
  "lib/host/linux/timekeeper.ts",
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
      args: ["info", "--json", fileURLToPath(new URL(root, ROOT))],
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

function roomOf(file: string): readonly [prefix: string, rank: number] {
  const rooms = LAYERS.filter(([prefix]) => file.startsWith(prefix));
  const room = rooms.sort(([a], [b]) => b.length - a.length)[0];
  assert.ok(room, `${file} stands in no layer`);
  return room;
}

/** The files of one circle of imports; undefined where there is none. */
function circle(edges: readonly Import[]): string[] | undefined {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const { from, to, dynamic } of edges) {
      if (from !== file || dynamic) continue;
      const found = visit(to, [...path, file]);
      if (found !== undefined) return found;
    }
    done.add(file);
    return undefined;
  };
  for (const { from } of edges) {
    const found = visit(from, []);
    if (found !== undefined) return found;
  }
  return undefined;
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
    const [[room, rank], [otherRoom, otherRank]] = [roomOf(from), roomOf(to)];
    assert.ok(rank >= otherRank, `${from} imports ${to}, which is above it`);
    const sideways = rank === otherRank && room !== otherRoom &&
      !ALLOWED.some(([one, other]) => one === room && other === otherRoom);
    assert.ok(!sideways, `${from} imports ${to}: rooms of one rank must not know each other`);
    if (to.startsWith("ffi/")) {
      assert.ok(
        from.startsWith("ffi/") || from.startsWith("lib/host/linux/"),
        `${from} imports ${to}: only lib/host/linux may`,
      );
    }
    if (from.startsWith("ffi/")) {
      assert.match(to, /^(ffi|lib\/base|lib\/net)\//, `${from} imports ${to}`);
    }
  }
});

Deno.test("no file imports itself by way of others", async () => {
  assert.equal(circle(await imports("main.ts", ...WORKERS))?.join(" -> "), undefined);
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
    /\b(Deno\.|Date\.now|new Date(?!\([^)])|(?<!new )Date\(|performance\.|Math\.random|getRandomValues|setTimeout|setInterval|fetch\(|console\.|async\b|await\b)/;
  for (const folder of PURE) {
    for (const file of await sources(folder)) {
      const code = bare(await Deno.readTextFile(new URL(file, ROOT)));
      const found = forbidden.exec(code);
      assert.equal(found, null, `${file} uses ${found?.[0]}`);
    }
  }
});

Deno.test("no wait hangs on a signal that Deno may collect before it is told", async () => {
  for (const file of ["main.ts", ...await sources("lib/"), ...await sources("ffi/")]) {
    const code = bare(await Deno.readTextFile(new URL(file, ROOT)));
    assert.ok(!/\bAbortSignal\.any\b/.test(code), `${file} uses AbortSignal.any`);
  }
});

Deno.test("no path is taken out of a file's URL, which has %20 for a space", async () => {
  const folders = ["lib/", "ffi/", "tests/", "bench/", ".ci/"];
  const files = ["main.ts", ...(await Promise.all(folders.map(sources))).flat()];
  for (const file of files) {
    const text = await Deno.readTextFile(new URL(file, ROOT));
    const found = /(import\.meta\.url|\bROOT|\bHERE)\)?\s*\.(pathname|slice|replace)\b/.exec(text);
    assert.equal(found, null, `${file} has ${found?.[0]} in place of fileURLToPath()`);
  }
});

Deno.test("no file exports by default, re-exports a folder or grows beyond reading", async () => {
  for (const file of ["main.ts", ...await sources("lib/"), ...await sources("ffi/")]) {
    const text = await Deno.readTextFile(new URL(file, ROOT));
    const code = bare(text);
    assert.ok(!/^export default\b/m.test(code), `${file} exports by default`);
    assert.ok(!/^export \*/m.test(code), `${file} re-exports everything`);
    assert.ok(!/\/(mod|index|deps)\.ts$/.test(file), `${file} is a barrel`);
    const lines = text.split("\n").length - 1;
    assert.ok(lines <= 300, `${file} has ${lines} lines`);
    assert.ok(!/\b(TODO|FIXME|XXX)\b/.test(text), `${file} has something left to do`);
  }
});

/** Functions of lib/host that may be longer than a screen, with the reason. */
const LONG: Readonly<Record<string, string>> = {
  "lib/host/linux/bgp/record.ts createPeerRecord": "flat: a list of small methods",
  "lib/host/metrics/metrics.ts createMetrics": "a flat list: one declaration for each metric",
};
const LONGEST_LINES = 80;

/** Functions of formatted code, by `FILE NAME`, with their lines. */
function functionsOf(file: string, text: string): readonly (readonly [string, number])[] {
  const lines = text.split("\n");
  return lines.flatMap((line, at) => {
    const [, indent, declared, assigned, method] = FUNCTION.exec(line) ?? [];
    const name = declared ?? assigned ?? method;
    if (indent === undefined || name === undefined) return [];
    const length = lines.slice(at).findIndex((end) => end.startsWith(`${indent}}`)) + 1;
    return length === 0 ? [] : [[`${file} ${name}`, length] as const];
  });
}
const FUNCTION =
  /^( *)(?:export )?(?:(?:async )?function\*? (\w+)|const (\w+) = .*(?:=>|\() ?\{?$|(?:async )?(?!if|for|while|switch|catch)(\w+)\(.*\{$)/;

Deno.test("functions of the host fit a screen", async () => {
  const long: string[] = [];
  let seen = 0;
  for (const file of await sources("lib/host/")) {
    for (const [name, lines] of functionsOf(file, await Deno.readTextFile(new URL(file, ROOT)))) {
      seen++;
      if (lines > LONGEST_LINES && LONG[name] === undefined) long.push(`${name}: ${lines} lines`);
      if (lines <= LONGEST_LINES && LONG[name] !== undefined) long.push(`${name} is short now`);
    }
  }
  assert.ok(seen > 500, `the check sees only ${seen} functions`);
  assert.deepEqual(long, []);
});

/** Wiring that runs only whole: the LAN, cluster and command tests cover it. */
const WIRING = new Set([
  "lib/base/version.ts",
  "lib/cli/surroundings.ts",
  "lib/host/cluster/cluster.ts",
  "lib/host/run.ts",
  "lib/host/speaker/run.ts",
  "lib/host/linux/worker/messages.ts",
  "lib/heartbeat/monitor_state.ts",
  "lib/speaker/ownership_state.ts",
  "lib/neighbour/drops.ts",
  "lib/host/process/watchdog_worker.ts",
  "lib/host/linux/heartbeat/orders.ts",
  "lib/status/types.ts",
  "lib/config/types.ts",
  "lib/host/linux/bfd/orders.ts",
  "lib/host/linux/packet/orders.ts",
  "lib/speaker/view.ts",
  "lib/model/facts.ts",
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
