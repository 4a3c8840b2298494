// Who has an address on the LAN, and its speaker's process.
import { must, run } from "../support/process.ts";
import { waitFor } from "../support/wait.ts";
import type { KubeletNode } from "./kubelet.ts";
import { NAMESPACE, type NodeScene } from "./scene.ts";

/** The node that alone answers for the address, as the client's LAN shows it. */
export async function ownerOf(scene: NodeScene, address: string): Promise<KubeletNode> {
  return await waitFor(`one owner of ${address}`, async () => {
    const [mac, ...others] = new Set(await scene.client.arping(address, 1));
    if (others.length > 0) return undefined;
    return scene.nodes.find(({ host }) => host.mac === mac);
  });
}

/** Its speaker's pod, gone ones left out. */
export async function speakerPod({ kube }: NodeScene, { name }: KubeletNode): Promise<string> {
  const told = await kube.kubectl([
    "get",
    "pods",
    "-n",
    NAMESPACE,
    "-l",
    "component=speaker",
    `--field-selector=spec.nodeName=${name}`,
    "-o",
    "jsonpath={.items[0].metadata.name}",
  ]);
  return told;
}

/** The pid of the speaker that runs on the node, as this machine knows it. */
export async function speakerPid({ host }: KubeletNode): Promise<string | undefined> {
  for (const pid of (await must("ip", ["netns", "pids", host.netns])).split("\n")) {
    if (pid === "") continue;
    const { stdout } = await run("cat", [`/proc/${pid}/cmdline`]);
    if (stdout.includes("--role=speaker")) return pid;
  }
  return undefined;
}

/** Waits until a speaker other than that one runs on the node and is Ready. */
export async function newSpeaker(
  node: KubeletNode,
  before: string,
  timeoutMs = 60_000,
): Promise<void> {
  await waitFor(`another speaker on ${node.name}`, async () => {
    const pid = await speakerPid(node);
    if (pid === undefined || pid === before) return false;
    const { stdout } = await node.host.run(
      "curl",
      "-s",
      "--max-time",
      "1",
      "-o",
      "/dev/null",
      "-w",
      "%{http_code}",
      `http://${node.options.address}:7472/readyz`,
    );
    return stdout === "200";
  }, { timeoutMs, everyMs: 200 });
}
