import { makeBgpScene, ROUTER_IP } from "../tests/lan/bgp_scene.ts";
import type { Host } from "../tests/support/lan.ts";
import { type RunningProcess, start } from "../tests/support/process.ts";
import { startBird } from "../tests/support/routers/bird.ts";
import { waitFor } from "../tests/support/wait.ts";
import { type Figure, figure, percentile } from "./figure.ts";

const SESSIONS = 10;
const CUTS = 10;
const CPU_SECONDS = 10;
/** Long enough to meet the rare; HERALD_BENCH_SOAK_SECONDS makes it shorter. */
const SOAK_SECONDS = Number(Deno.env.get("HERALD_BENCH_SOAK_SECONDS") ?? 600);
const TICKS_PER_SECOND = 100;

/** BFD at 50 ms x 3 against BIRD: how soon routes go, what ten sessions cost, and false alarms under load. */
export async function benchBfd(): Promise<Figure[]> {
  await using scene = await makeBgpScene();
  const [node1] = scene.nodes;
  if (node1 === undefined) throw new TypeError("The scene has no node");
  const { router } = scene;
  const addresses = Array.from({ length: SESSIONS }, (_, index) => `10.77.1.${101 + index}`);
  for (const one of addresses) await node1.must("ip", "addr", "add", `${one}/24`, "dev", "eth0");
  const routers = Array.from({ length: SESSIONS }, (_, index) => `10.77.1.${151 + index}`);
  for (const one of routers) await router.must("ip", "addr", "add", `${one}/24`, "dev", "eth0");
  const bfd = { intervalMs: 50, multiplier: 3 };
  await using bird = await startBird(router, {
    asn: 64501,
    routerId: ROUTER_IP,
    neighbors: addresses.map((address, index) => ({
      address,
      asn: 64500,
      bfd,
      localAddress: routers[index] ?? "",
    })),
  });
  const peers = (count: number) =>
    addresses.slice(0, count).map((source, index) =>
      `- {peer-address: ${
        routers[index]
      }, source-address: ${source}, peer-asn: 64501, my-asn: 64500, bfd-profile: fast}`
    ).join("\n");
  const config = (count: number) =>
    `peers:
${peers(count)}
bfd-profiles: [{name: fast, receive-interval: 50, transmit-interval: 50}]
address-pools: [{name: default, protocol: bgp, addresses: [198.51.100.0/24]}]
`;
  await scene.configure(config(1));
  await scene.serve("web", "198.51.100.10", ["node1"]);
  await using speaker = scene.speaker(node1);
  const cuts: Figure[] = [];
  const [first = "", firstRouter = ""] = [addresses[0], routers[0]];
  for (
    const [what, host, from] of [
      ["herald-hears-nothing", node1, firstRouter],
      ["router-hears-nothing", router, first],
    ] as const
  ) {
    const times = await cutAgain(
      router,
      host,
      from,
      async () => (await bird.bfdUp(first)) && (await bird.rib()).length === 1,
    );
    cuts.push(
      figure(`bfd-${what}-to-route-gone-max`, Math.max(...times), "ms", {
        goal: { of: "value", atMost: 200 },
      }),
      figure(`bfd-${what}-to-route-gone-p50`, percentile(times, 0.5), "ms"),
    );
  }
  await scene.configure(config(SESSIONS));
  const ups = async () => {
    const all = await Promise.all(addresses.map((one) => bird.bfdUp(one)));
    return all.every((up) => up);
  };
  await waitFor(`${SESSIONS} sessions`, ups);
  const cpu = await cpuShare(speaker.pid);
  const falls = await falseAlarms(speaker);
  return [
    ...cuts,
    figure(`bfd-${SESSIONS}-sessions-cpu`, cpu * 100, "% of a core", {
      goal: { of: "value", atMost: 3 },
    }),
    figure(`bfd-false-downs-in-${SOAK_SECONDS}-s-under-load`, falls, "downs", {
      goal: { of: "value", atMost: 0 },
    }),
  ];
}

/** Cuts one direction of the path again and again; gives the times until the router's route is gone. */
async function cutAgain(
  router: Host,
  deaf: Host,
  from: string,
  ready: () => Promise<boolean>,
): Promise<number[]> {
  const times: number[] = [];
  await deaf.must("nft", "add table ip cut");
  await deaf.must("nft", "add chain ip cut in { type filter hook input priority 0; }");
  for (let turn = 0; turn < CUTS; turn++) {
    await waitFor("the route and BFD", ready);
    await using monitor = router.start("ip", ["-ts", "monitor", "route"]);
    const cutNow = prepareNft(deaf);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const before = await cutNow(`add rule ip cut in ip saddr ${from} drop\n`);
    const gone = await waitFor("the route's end", () => {
      const line = monitor.output().split("\n").find((one) => one.includes("Deleted"));
      return line && Date.parse(`${/\[([^\]]+)\]/.exec(line)?.[1]}Z`);
    });
    times.push(Number(gone) - before);
    await deaf.must("nft", "flush chain ip cut in");
  }
  await deaf.must("nft", "delete table ip cut");
  return times;
}

/** Starts nft, which waits for its rules: to start it takes longer than what is measured. */
function prepareNft(host: Host): (rules: string) => Promise<number> {
  const [command, args] = host.inside("nft", "-f", "-");
  const child = new Deno.Command(command, { args, stdin: "piped" }).spawn();
  return async (rules) => {
    const writer = child.stdin.getWriter();
    const before = wallMs();
    await writer.write(new TextEncoder().encode(rules));
    await writer.close();
    await child.status;
    return before;
  };
}

function wallMs(): number {
  return performance.timeOrigin + performance.now();
}

async function ticksOf(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

async function cpuShare(pid: number): Promise<number> {
  const before = await ticksOf(pid);
  await new Promise((resolve) => setTimeout(resolve, CPU_SECONDS * 1000));
  return (await ticksOf(pid) - before) / TICKS_PER_SECOND / CPU_SECONDS;
}

/** Both cores kept busy by others; gives how often a session went down. */
async function falseAlarms(speaker: RunningProcess): Promise<number> {
  const downs = () => speaker.output().split("BFD session down").length - 1;
  const before = downs();
  await using _one = start("sh", ["-c", "while :; do :; done"]);
  await using _two = start("sh", ["-c", "while :; do :; done"]);
  await new Promise((resolve) => setTimeout(resolve, SOAK_SECONDS * 1000));
  return downs() - before;
}
