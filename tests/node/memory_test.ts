import assert from "node:assert/strict";
import { must, run } from "../support/process.ts";
import { waitFor } from "../support/wait.ts";
import { tellFigure } from "./health.ts";
import {
  CONFIG,
  FIRST_ADDRESS,
  installHerald,
  NAMESPACE,
  type NodeScene,
  serviceManifest,
  testOnNodes,
} from "./scene.ts";

const SERVICES = 500;
/** Beyond the LAN's own network: its hosts have a route, as a network that was made larger. */
const RANGE = "10.77.2.0/23";
const MIB = 1024 * 1024;

interface Memory {
  readonly role: string;
  /** What counts against the limit and cannot be given back, as the kubelet reckons it. */
  readonly workingSet: number;
  readonly peak: number;
  readonly limit: number;
  readonly kills: number;
}

/** The memory of each container of Herald's, by the control groups that the kubelets made for them. */
async function memories({ nodes }: NodeScene): Promise<readonly Memory[]> {
  const found: Memory[] = [];
  for (const { name } of nodes) {
    const groups = await must("find", [`/sys/fs/cgroup/memory/${name}`, "-name", "cgroup.procs"]);
    for (const file of groups.split("\n").filter(Boolean)) {
      const [pid] = (await Deno.readTextFile(file)).split("\n");
      const { stdout } = await run("cat", [`/proc/${pid || "none"}/cmdline`]);
      const [, role] = /--role=(\w+)/.exec(stdout) ?? [];
      if (role !== undefined) found.push(await memoryOf(role, file.replace(/\/cgroup.procs$/, "")));
    }
  }
  assert.equal(found.length, 4, "two controllers and two speakers");
  return found;
}

async function memoryOf(role: string, group: string): Promise<Memory> {
  const read = (file: string) => Deno.readTextFile(`${group}/memory.${file}`);
  const field = (text: string, name: string) =>
    Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1]);
  const inactive = field(await read("stat"), "total_inactive_file");
  return {
    role,
    workingSet: Number(await read("usage_in_bytes")) - inactive,
    peak: Number(await read("max_usage_in_bytes")),
    limit: Number(await read("limit_in_bytes")),
    kills: field(await read("oom_control"), "oom_kill"),
  };
}

function tellMemory(when: string, all: readonly Memory[]): void {
  for (const role of ["controller", "speaker"]) {
    const told = all.filter((one) => one.role === role)
      .map(({ peak, workingSet }) => `${Math.round(workingSet / MIB)} (${Math.round(peak / MIB)})`);
    tellFigure(`memory ${when}`, `${role}s ${told.join(", ")} MiB (at most)`);
  }
}

/** What the manifest says of memory for each pod, in bytes, the least first. */
async function resources(
  { kube }: NodeScene,
  kind: "limits" | "requests",
): Promise<readonly number[]> {
  const path = `{range .items[*]}{.spec.containers[0].resources.${kind}.memory} {end}`;
  const told = await kube.kubectl(["get", "pods", "-n", NAMESPACE, "-o", `jsonpath=${path}`]);
  return sorted([...told.matchAll(/(\d+)Mi /g)].map(([, number]) => MIB * Number(number)));
}

function sorted(numbers: readonly number[]): readonly number[] {
  return numbers.toSorted((a, b) => a - b);
}

/** The addresses that the pool has given out. */
async function addresses({ kube }: NodeScene): Promise<readonly string[]> {
  const path = "{range .items[*]}{.status.loadBalancer.ingress[0].ip} {end}";
  const told = await kube.kubectl(["get", "services", "-o", `jsonpath=${path}`]);
  return [...new Set(told.split(" ").filter(Boolean))];
}

testOnNodes(
  "the manifest's memory limits bear 500 Services",
  async (scene) => {
    const { client, kube } = scene;
    await client.must("ip", "route", "add", RANGE, "dev", "eth0");
    const pool = `${FIRST_ADDRESS}/32, ${RANGE}`;
    await installHerald(scene, {
      config: CONFIG.replace(/addresses: .*/, `addresses: [${pool}]`),
    });
    const atRest = await memories(scene);
    tellMemory("at rest", atRest);
    const [request = 0] = await resources(scene, "requests");
    for (const one of atRest) {
      assert.ok(one.workingSet < request, `more than requested: ${JSON.stringify(one)}`);
    }

    const began = performance.now();
    const since = () => `${Math.round((performance.now() - began) / 1_000)} s`;
    const names = Array.from({ length: SERVICES }, (_, at) => `service-${at}`);
    await kube.kubectl(["create", "-f", "-"], names.map(serviceManifest).join("---\n"));
    tellFigure(`${SERVICES} Services`, `made in ${since()}`);
    const given = await waitFor(
      `${SERVICES} addresses and that of the first Service`,
      async () => {
        const now = await addresses(scene);
        return now.length === SERVICES + 1 ? now : undefined;
      },
      { timeoutMs: 60_000, everyMs: 500 },
    );
    tellFigure(`${SERVICES} Services`, `each has an address after ${since()}`);
    for (const address of given.filter((_, at) => at % 50 === 0)) {
      await waitFor(`a page from ${address}`, async () => {
        const { stdout } = await client.run("curl", "-s", "--max-time", "2", `http://${address}/`);
        return stdout.startsWith("Hello from web-");
      });
    }
    tellFigure(`${SERVICES} Services`, `a sample answers after ${since()}`);

    const loaded = await memories(scene);
    tellMemory(`under ${SERVICES} Services`, loaded);
    for (const one of loaded) {
      assert.equal(one.kills, 0);
      assert.ok(one.workingSet < 0.75 * one.limit, `too near to its limit: ${JSON.stringify(one)}`);
    }
    const limits = await resources(scene, "limits");
    assert.deepEqual(sorted(loaded.map(({ limit }) => limit)), limits, "limits in force");
  },
);
