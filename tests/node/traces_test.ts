import assert from "node:assert/strict";
import { must, run } from "../support/process.ts";
import { inNodeScene, installHerald } from "./scene.ts";

/** Where kubelets, containerd and CNI plugins write on a machine that is theirs. */
const PLACES = [
  "/run/containerd",
  "/run/xtables.lock",
  "/var/lib/cni",
  "/var/lib/containerd",
  "/var/lib/kubelet",
  "/var/log/containers",
  "/var/log/pods",
];

/** What a scene could change of the machine, by kinds. Other tests' control groups are none of it. */
async function machine(): Promise<Readonly<Record<string, readonly string[]>>> {
  const lines = (text: string) => text.split("\n").filter(Boolean).sort();
  const own = (line: string) => line.includes(`-${Deno.pid}`);
  const sysctls = await run("sysctl", ["-a", "--pattern", "^(vm|net|kernel.(panic|keys|pid))"]);
  const groups = await run("find", ["/sys/fs/cgroup", "-type", "d"]);
  return {
    sysctls: lines(sysctls.stdout).filter((line) => !/conntrack_count|random/.test(line)),
    groups: lines(groups.stdout).filter(own),
    // Namespaces are mounts too, and have a line of their own below.
    mounts: lines(await Deno.readTextFile("/proc/self/mountinfo"))
      .filter((line) => !line.includes(" /run/netns")),
    networks: lines(await must("ip", ["netns", "list"])),
    places: lines((await run("find", PLACES)).stdout),
    processes: lines(await must("ps", ["-eo", "args"])).filter(own),
    folders: lines((await run("find", ["/tmp", "-maxdepth", "1"])).stdout).filter(own),
  };
}

Deno.test("a scene of real kubelets leaves nothing on the machine and changes nothing of it", async () => {
  const before = await machine();
  await inNodeScene(async (scene) => {
    await installHerald(scene);
    const during = await machine();
    for (const kind of ["groups", "networks", "processes", "folders"]) {
      assert.notDeepEqual(during[kind], before[kind], `${kind} of a scene are looked at`);
    }
    for (const kind of ["sysctls", "mounts", "places"]) {
      assert.deepEqual(during[kind], before[kind], kind);
    }
  });
  assert.deepEqual(await machine(), before);
});
