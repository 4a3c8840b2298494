import { HERALD, makeStage, MANIFEST } from "../tests/cluster/stage.ts";
import { must } from "../tests/support/process.ts";
import { roleReady } from "../tests/support/pod.ts";
import { type Figure, figure, percentile } from "./figure.ts";

const RUNS = 31;
/** After the start the garbage of it is still there: a role is idle once that has gone. */
const IDLE_AFTER_MS = 10_000;

/** Start of the program, and the memory of idle roles that are connected to a real API server. */
export async function benchProcess(): Promise<Figure[]> {
  return [await benchVersion(), ...await benchMemory()];
}

async function benchVersion(): Promise<Figure> {
  const timed = async (command: string, ...args: string[]) => {
    const began = performance.now();
    await must(command, args);
    return performance.now() - began;
  };
  const herald: number[] = [];
  const deno: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    deno.push(await timed(Deno.execPath(), "--version"));
    herald.push(await timed(HERALD, "version"));
  }
  return figure("version", percentile(herald, 0.5), "ms", {
    baseline: percentile(deno, 0.5),
    goal: { of: "value", atMost: 60 },
  });
}

async function benchMemory(): Promise<Figure[]> {
  await using stage = await makeStage();
  const { kube, master, nodes: [node1] } = stage;
  if (node1 === undefined) throw new TypeError("A stage has two nodes");
  await kube.kubectl(["apply", "-f", MANIFEST]);
  await kube.kubectl([
    "create",
    "configmap",
    "-n",
    "metallb-system",
    "config",
    "--from-literal=config={}",
  ]);
  await using controller = await stage.herald("controller", master);
  await using speaker = await stage.herald("speaker", node1);
  await roleReady(master, "http://127.0.0.1:7472");
  await roleReady(node1, "http://10.77.1.11:7472");
  await new Promise((resolve) => setTimeout(resolve, IDLE_AFTER_MS));
  const memory = (pid: number) => {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))
      ?.[1];
    return Number(kilobytes) / 1024;
  };
  const goal = { of: "value", atMost: 80 } as const;
  return [
    figure("memory-idle-controller", memory(controller.pid), "MiB", { goal }),
    figure("memory-idle-speaker", memory(speaker.pid), "MiB", { goal }),
  ];
}
