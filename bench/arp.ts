import {
  makeScene,
  type Scene,
  SERVICE_IP,
  serviceManifest,
  sliceManifest,
} from "../tests/lan/scene.ts";
import { installPackages } from "../tests/support/packages.ts";
import { must } from "../tests/support/process.ts";
import { waitFor } from "../tests/support/wait.ts";
import { type Figure, figure, percentile } from "./figure.ts";

/** What the load generator prints. */
interface Load {
  readonly p50Us: number;
  readonly p99Us: number;
  readonly lost: number;
  readonly answered: number;
  readonly perSecond: number;
}

const NODE_IP = "10.77.1.11";
/** Outside of what the hosts have; each request in flight has its own. */
const ASKING_FROM = "10.77.1.100";
const ROUNDS = 5;
const SECONDS = "1";

/**
 * ARP replies across a bridge: Herald's for a Service's address against the kernel's own for a
 * node's address, in turn. The kernel has a LAN of its own: every broadcast wakes Herald on its LAN.
 */
export async function benchArp(): Promise<Figure[]> {
  await installPackages(["gcc", "libc6-dev", "iproute2", "iputils-arping", "nftables", "curl"]);
  const program = await Deno.makeTempFile({ prefix: "herald-arping-load-" });
  const source = new URL("./arp/arping_load.c", import.meta.url).pathname;
  try {
    await must("gcc", ["-O2", "-o", program, source]);
    return await measure(program);
  } finally {
    await Deno.remove(program);
  }
}

async function measure(program: string): Promise<Figure[]> {
  await using plain = await makeScene();
  await using scene = await makeScene();
  const [node1] = scene.nodes;
  if (node1 === undefined) throw new TypeError("A scene has two nodes");
  await using _herald = scene.herald(node1, "--role=all", "--node-name=node1");
  await scene.remove("node2.yaml");
  await scene.write("nginx.yaml", serviceManifest("nginx"));
  await scene.write("slice.yaml", sliceManifest("nginx", ["node1"]));
  await waitFor("an owner", async () => (await scene.client.arping(SERVICE_IP, 1)).length === 1);
  const ask = async (of: Scene, ip: string, inFlight: number, pauseUs: number): Promise<Load> => {
    const args = ["eth0", ASKING_FROM, ip, String(inFlight), SECONDS, String(pauseUs)];
    return JSON.parse(await of.client.must(program, ...args));
  };
  const rounds = async (inFlight: number, pauseUs = 0) => {
    const herald: Load[] = [];
    const kernel: Load[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      kernel.push(await ask(plain, NODE_IP, inFlight, pauseUs));
      herald.push(await ask(scene, SERVICE_IP, inFlight, pauseUs));
    }
    return { herald, kernel };
  };
  const one = await rounds(1);
  // With a pause the responder sleeps before each request, as on a quiet LAN.
  const paced = await rounds(1, 500);
  const many = await rounds(64);
  const median = (loads: readonly Load[], take: (load: Load) => number) =>
    percentile(loads.map(take), 0.5);
  const compared = (
    name: string,
    unit: string,
    of: typeof one,
    take: (load: Load) => number,
    goal?: Parameters<typeof figure>[3],
  ) => figure(name, median(of.herald, take), unit, { ...goal, baseline: median(of.kernel, take) });
  return [
    compared("arp-reply-p50", "us", one, ({ p50Us }) => p50Us, {
      goal: { of: "ratio", atMost: 3 },
    }),
    compared("arp-reply-p99", "us", one, ({ p99Us }) => p99Us),
    compared("arp-reply-paced-p50", "us", paced, ({ p50Us }) => p50Us),
    compared("arp-reply-rate", "1/s", many, ({ perSecond }) => perSecond, {
      goal: { of: "ratio", atLeast: 0.75 },
    }),
    figure(
      "arp-lost",
      [...one.herald, ...many.herald].reduce((sum, { lost }) => sum + lost, 0),
      "replies",
    ),
  ];
}
