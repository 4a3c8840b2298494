import { fileURLToPath } from "node:url";
import { type Failover, makeFailover, VIP } from "../tests/lan/failover_scene.ts";
import { makeScene, type Scene, serviceManifest, sliceManifest } from "../tests/lan/scene.ts";
import type { Host } from "../tests/support/lan.ts";
import { installPackages } from "../tests/support/packages.ts";
import { must, start } from "../tests/support/process.ts";
import { gapAndOverlap, startProbe } from "../tests/support/probe.ts";
import { pause, waitFor } from "../tests/support/wait.ts";
import { type Figure, figure, percentile } from "./figure.ts";

/** What the load generator prints. */
interface Load {
  readonly p50Us: number;
  readonly p99Us: number;
  readonly lost: number;
  readonly answered: number;
  readonly perSecond: number;
}

const ROUNDS = 5;
/** Trials of each kind of failure; HERALD_BENCH_TRIALS makes them fewer. */
const TRIALS = Number(Deno.env.get("HERALD_BENCH_TRIALS") ?? 50);
const LOADED_SECONDS = Number(Deno.env.get("HERALD_BENCH_LOADED_SECONDS") ?? 120);
const CPU_SECONDS = 10;
const TICKS_PER_SECOND = 100;

/** Who asks, and which address of a node the kernel answers for. */
const FAMILIES = [
  { name: "arp", vip: VIP[4], from: "10.77.1.100", kernel: "10.77.1.11" },
  { name: "ndp", vip: VIP[6], from: "fd77::7000", kernel: "fd77::11" },
] as const;

/** Ends an owner, and gives what undoes it. */
type Ending = (failover: Failover, owner: number) => Promise<() => Promise<unknown>>;

const KINDS: Readonly<Record<string, Ending>> = {
  "kill-9": async (failover: Failover, owner: number) => {
    await failover.end(owner, "SIGKILL");
    return () => failover.start(owner);
  },
  "node-cut": async (failover: Failover, owner: number) => {
    const host = failover.node(owner);
    await failover.scene.lan.setPort(host, "down");
    return () => failover.scene.lan.setPort(host, "up");
  },
  "link-down": async (failover: Failover, owner: number) => {
    const host = failover.node(owner);
    await failover.scene.lan.setCable(host, "down");
    return async () => {
      await failover.scene.lan.setCable(host, "up");
      await host.run("ip", "addr", "add", `fd77::${11 + owner}/64`, "dev", "eth0");
      // A node whose link flaps is held back, each time for longer: the next trial begins anew.
      await failover.end(owner, "SIGKILL");
      await failover.start(owner);
    };
  },
  "sigterm": async (failover: Failover, owner: number) => {
    await failover.end(owner, "SIGTERM");
    return () => failover.start(owner);
  },
};

/** Layer 2: replies against the kernel's own, failovers, and what speakers cost each other. */
export const L2_PARTS = [
  () => withLoad((program) => benchReplies(program, "ebpf")),
  () => withLoad((program) => benchReplies(program, "socket")),
  ...Object.keys(KINDS).map((kind) => () => benchFailover(kind)),
  benchTakeOver,
  benchSpeakers,
  ...[10, 50, 100].map((count) => () => benchManySpeakers(count)),
];

/** Builds the program that asks, for as long as the work takes. */
async function withLoad(work: (program: string) => Promise<Figure[]>): Promise<Figure[]> {
  await installPackages([
    "gcc",
    "libc6-dev",
    "iproute2",
    "iputils-arping",
    "ndisc6",
    "nftables",
    "curl",
  ]);
  const program = await Deno.makeTempFile({ prefix: "herald-neighbour-load-" });
  const source = fileURLToPath(new URL("./neighbour/neighbour_load.c", import.meta.url));
  try {
    await must("gcc", ["-O2", "-o", program, source]);
    return await work(program);
  } finally {
    await Deno.remove(program);
  }
}

/** The kernel has a LAN of its own: every broadcast wakes Herald on its LAN. */
async function benchReplies(program: string, backend: "ebpf" | "socket"): Promise<Figure[]> {
  await using plain = await makeScene();
  await using scene = await makeScene();
  const [node1] = scene.nodes;
  if (node1 === undefined) throw new TypeError("A scene has two nodes");
  // One speaker: on a machine of its own it would not compete with the others for a core.
  await using _herald = scene.herald(
    node1,
    "--role=all",
    "--node-name=node1",
    `--arp-backend=${backend}`,
  );
  await scene.remove("node2.yaml");
  for (const { name, vip } of FAMILIES) {
    const manifest = serviceManifest(name);
    const clusterIp = vip.includes(":") ? "fd99::1" : "172.17.12.39";
    await scene.write(`${name}.yaml`, manifest.replaceAll("172.17.12.39", clusterIp));
    await scene.write(`${name}-slice.yaml`, sliceManifest(name, ["node1"]));
    await waitFor(`an owner of ${vip}`, async () => {
      await scene.client.run("ping", "-c", "1", "-W", "1", vip);
      return await scene.client.neighbour(vip) === node1.mac;
    });
  }
  const ask = async (of: Scene, from: string, ip: string, inFlight: number): Promise<Load> =>
    JSON.parse(await of.client.must(program, "eth0", from, ip, String(inFlight), "1"));
  const figures: Figure[] = [];
  for (const { name, vip, from, kernel } of FAMILIES) {
    const goals = backend === "ebpf"
      ? { latency: 1.3, tail: 1.3, rate: 0.9 }
      : { latency: 3, tail: undefined, rate: undefined };
    const rounds = { herald: [] as Load[], kernel: [] as Load[] };
    const many = { herald: [] as Load[], kernel: [] as Load[] };
    for (let round = 0; round < ROUNDS; round++) {
      rounds.kernel.push(await ask(plain, from, kernel, 1));
      rounds.herald.push(await ask(scene, from, vip, 1));
      many.kernel.push(await ask(plain, from, kernel, 64));
      many.herald.push(await ask(scene, from, vip, 64));
    }
    const compared = (
      what: string,
      unit: string,
      of: typeof rounds,
      take: (load: Load) => number,
      goal: { atMost?: number; atLeast?: number } | undefined,
    ) => {
      const median = (loads: readonly Load[]) => percentile(loads.map(take), 0.5);
      return figure(`${name}-${backend}-${what}`, median(of.herald), unit, {
        baseline: median(of.kernel),
        ...goal === undefined ? {} : { goal: { of: "ratio", ...goal } },
      });
    };
    const atMost = (limit: number | undefined) =>
      limit === undefined ? undefined : { atMost: limit };
    figures.push(
      compared("p50", "us", rounds, ({ p50Us }) => p50Us, atMost(goals.latency)),
      compared("p99", "us", rounds, ({ p99Us }) => p99Us, atMost(goals.tail)),
      compared(
        "rate",
        "1/s",
        many,
        ({ perSecond }) => perSecond,
        goals.rate === undefined ? undefined : { atLeast: goals.rate },
      ),
    );
  }
  figures.push(await benchFlood(program, scene, node1, backend));
  return figures;
}

/** How soon the speaker answers its own HTTP while the network asks as fast as it can. */
async function benchFlood(
  program: string,
  scene: Scene,
  busy: Host,
  backend: string,
): Promise<Figure> {
  const [command, args] = scene.client.inside(program, "eth0", "10.77.1.100", VIP[4], "1024", "6");
  const times: number[] = [];
  await using flood = start(command, args);
  while (times.length < 40) {
    const began = performance.now();
    await busy.must("curl", "-s", "--max-time", "5", "http://127.0.0.1:7472/healthz");
    times.push(performance.now() - began);
  }
  await flood.exited;
  const { perSecond }: Load = JSON.parse(flood.output());
  return figure(
    `flood-${backend}-http-p99-at-${Math.round(perSecond / 1000)}k-per-second`,
    percentile(times, 0.99),
    "ms",
    { goal: { of: "value", atMost: 100 } },
  );
}

/** Each kind of end, again and again, watched from the client each millisecond. */
async function benchFailover(kind: string): Promise<Figure[]> {
  const happen = KINDS[kind];
  if (happen === undefined) throw new TypeError(`No kind of end is called ${kind}`);
  await using failover = await makeFailover();
  const gaps: number[] = [];
  const overlaps: number[] = [];
  for (let trial = 0; trial < TRIALS; trial++) {
    await waitFor("an owner", async () => await failover.owner(VIP[4]) >= 0);
    const owner = await failover.owner(VIP[4]);
    await using probe = await startProbe(failover.scene.client, VIP[4]);
    await pause(200 + 50 * Math.random());
    const undo = await happen(failover, owner);
    await pause(600);
    const seen = gapAndOverlap(await probe.stop());
    gaps.push(seen.gapMs);
    overlaps.push(seen.overlapMs);
    await undo();
    await pause(2_000);
  }
  const orderly = kind === "sigterm";
  return [
    figure(`failover-${kind}-gap-p50`, percentile(gaps, 0.5), "ms", {
      goal: { of: "value", atMost: orderly ? 0 : 150 },
    }),
    figure(`failover-${kind}-gap-max-of-${TRIALS}`, Math.max(...gaps), "ms", {
      goal: { of: "value", atMost: orderly ? 0 : 400 },
    }),
    figure(`failover-${kind}-overlap-max`, Math.max(...overlaps), "ms", {
      goal: { of: "value", atMost: 5 },
    }),
  ];
}

/** A thousand addresses whose owner dies: until the last of them is announced. */
async function benchTakeOver(): Promise<Figure[]> {
  await using failover = await makeFailover();
  const ips = await failover.addServices(1_000);
  const status = async () => {
    const { stdout } = await failover.node(0).run("curl", "-s", "http://127.0.0.1:7472/status");
    return JSON.parse(stdout).speaker.owned as Record<string, number>;
  };
  const owned = await status();
  const spread = Object.values(owned).map((count) => count / (ips.length / 3));
  await using dump = failover.scene.client.start("tcpdump", [
    ..."-tt -l -n -i eth0 arp[6:2]=2 and ether dst ff:ff:ff:ff:ff:ff".split(" "),
  ]);
  await waitFor("tcpdump", () => dump.output().includes("listening on"));
  const first = () => {
    const seen = new Map<string, number>();
    for (
      const [, at = "", ip = ""] of dump.output().matchAll(/^([\d.]+) .*Reply ([\d.]+) is-at/gm)
    ) {
      if (ip.startsWith("10.78.") && !seen.has(ip)) seen.set(ip, Number(at) * 1000);
    }
    return [...seen.values()];
  };
  await failover.end(0, "SIGKILL");
  const expected = (owned.node1 ?? 0) - 2;
  await waitFor("all announcements", () => first().length >= expected, { timeoutMs: 20_000 });
  const times = first();
  return [
    figure(
      `take-over-${times.length}-addresses-announced`,
      Math.max(...times) - Math.min(...times),
      "ms",
      { goal: { of: "value", atMost: 500 } },
    ),
    figure("election-spread-most-of-3-nodes", Math.max(...spread), "of the mean", {
      goal: { of: "value", atMost: 1.15 },
    }),
  ];
}

/** What three speakers cost each of them, and whether load makes them miss each other. */
async function benchSpeakers(): Promise<Figure[]> {
  await using failover = await makeFailover();
  const bytes = async () => {
    const text = await failover.node(0).must("cat", "/sys/class/net/eth0/statistics/tx_bytes");
    return Number(text);
  };
  const downs = async () => {
    const counts = await Promise.all([0, 1, 2].map(async (index) => {
      const text = await failover.node(index).must("curl", "-s", "http://127.0.0.1:7472/metrics");
      return Number(/herald_heartbeat_downs_total (\d+)/.exec(text)?.[1] ?? 0);
    }));
    return counts.reduce((sum, count) => sum + count, 0);
  };
  const [bytesBefore, ticksBefore] = [await bytes(), ticksOf(failover.process(0).pid)];
  await pause(CPU_SECONDS * 1000);
  const cpu = (ticksOf(failover.process(0).pid) - ticksBefore) / TICKS_PER_SECOND / CPU_SECONDS;
  const sent = (await bytes() - bytesBefore) / CPU_SECONDS;
  const before = await downs();
  await using loads = new AsyncDisposableStack();
  for (let core = 0; core < 2; core++) loads.use(start("sh", ["-c", "while :; do :; done"]));
  await pause(LOADED_SECONDS * 1000);
  return [
    figure("speaker-of-3-cpu", cpu * 100, "% of a core", { goal: { of: "value", atMost: 5 } }),
    figure("speaker-of-3-bytes-sent", sent, "B/s"),
    figure(`false-alarms-in-${LOADED_SECONDS}-s-of-load`, await downs() - before, "downs", {
      goal: { of: "value", atMost: 0 },
    }),
  ];
}

/** Processor time of a process, its threads together. */
function ticksOf(pid: number): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1]?.split(" ") ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

/** What a speaker among so many costs: it is one process, all its fellows another. */
async function benchManySpeakers(count: number): Promise<Figure[]> {
  await using scene = await makeScene(2);
  const [node] = scene.nodes;
  if (node === undefined) throw new Error("The scene has no node");
  const addresses = Array.from({ length: count - 1 }, (_, at) => `10.77.1.${101 + at}/24`);
  const host = await scene.lan.addHost("fellows", { addresses });
  const secret = "a key of the benchmark";
  await using speaker = scene.herald(
    node,
    "--role=speaker",
    "--node-name=node1",
    "--ml-bindaddr=10.77.1.11",
    `--ml-secret-key=${secret}`,
  );
  const program = fileURLToPath(new URL("./fellows.ts", import.meta.url));
  const args = ["run", "-A", "-q", program, String(count - 1), "10.77.1.11", secret];
  await using fellows = host.start(Deno.execPath(), args);
  await waitFor("the fellows", () => fellows.output().includes("all are here"), {
    timeoutMs: 60_000,
  });
  const up = async () => {
    const { stdout } = await node.run("curl", "-s", "http://127.0.0.1:7472/metrics");
    return Number(/herald_heartbeat_peers_up (\d+)/.exec(stdout)?.[1]);
  };
  await waitFor("all to be heard", async () => await up() === count - 1, { timeoutMs: 60_000 });
  const sent = async () =>
    Number(await node.must("cat", "/sys/class/net/eth0/statistics/tx_bytes"));
  const settle = () => new Promise((resolve) => setTimeout(resolve, CPU_SECONDS * 1000));
  await settle();
  const [bytesBefore, ticksBefore] = [await sent(), ticksOf(speaker.pid)];
  await settle();
  const cpu = (ticksOf(speaker.pid) - ticksBefore) / TICKS_PER_SECOND / CPU_SECONDS;
  const bytes = (await sent() - bytesBefore) / CPU_SECONDS;
  return [
    figure(`speaker-of-${count}-cpu`, cpu * 100, "% of a core"),
    figure(`speaker-of-${count}-bytes-sent`, bytes, "B/s"),
  ];
}
