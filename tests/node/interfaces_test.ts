import assert from "node:assert/strict";
import { type Capture, type Frame, startCapture } from "../support/capture.ts";
import { type Host, type Lan, layCable } from "../support/lan.ts";
import { waitFor } from "../support/wait.ts";
import {
  CONFIG,
  FIRST_ADDRESS as VIP,
  MANIFEST,
  NAMESPACE,
  podsReady,
  testOnNodes,
  WEB,
} from "./scene.ts";

/** What Calico, Cilium, flannel and Docker would make of a node, beside the CNI bridge's cni0. */
const MADE = ["cali1f2e3d4c5b6", "docker0", "flannel.1", "lxc9a8b7c6d5e4f"] as const;
const CONTAINERS = [...MADE, "cni0"].sort();

async function addContainerNetworks(lan: Lan, node: Host): Promise<void> {
  for (const [at, name] of ["cali1f2e3d4c5b6", "lxc9a8b7c6d5e4f"].entries()) {
    await layCable(node, name, await lan.addNamespace(`${node.name}-pod${at}`));
  }
  await node.must("ip", "link", "add", "docker0", "type", "bridge", "forward_delay", "0");
  await layCable(node, "vethd0", await lan.addNamespace(`${node.name}-docker`));
  await node.must("ip", "link", "set", "vethd0", "master", "docker0");
  const vxlan = "type vxlan id 1 dev eth0 dstport 8472 nolearning".split(" ");
  await node.must("ip", "link", "add", "flannel.1", ...vxlan);
  for (const name of ["docker0", "flannel.1"]) await node.must("ip", "link", "set", name, "up");
}

interface Told {
  readonly interfaces: readonly string[];
  readonly leftOut: readonly string[];
  readonly owner: boolean;
}

/** What the speaker on that node says of its interfaces; undefined while none answers. */
async function toldBy(node: Host, address: string): Promise<Told | undefined> {
  const url = `http://${address}:7472/status`;
  const { stdout } = await node.run("curl", "-s", "--max-time", "2", url);
  if (stdout === "") return undefined;
  const { speaker } = JSON.parse(stdout);
  return {
    interfaces: speaker.interfaces.map(({ name }: { name: string }) => name).sort(),
    leftOut: [...speaker.leftOut].sort(),
    owner: speaker.addresses.some(({ announcing }: { announcing: boolean }) => announcing),
  };
}

/** Whether the sender of an ARP frame says that the address is its own: a reply or an announcement. */
function isClaim({ hex }: Frame): boolean {
  return hex.slice(56, 64) === "0a4d01dc";
}

testOnNodes(
  "N2: on a node with the interfaces of several container networks only the LAN's answers, unless --interface says otherwise",
  async (scene) => {
    const { client, kube, lan } = scene;
    const hosts = scene.nodes.map(({ host }) => host);
    for (const host of hosts) await addContainerNetworks(lan, host);
    // Its pods bring the nodes the bridge cni0, and a veth pair each, by a real CNI plugin.
    await kube.kubectl(["apply", "-f", "-"], WEB);
    await podsReady(kube, "default", "app=web", 2);
    // Recorded from before the speakers start: gratuitous frames come first of all.
    await using resources = new AsyncDisposableStack();
    const captures: { readonly name: string; readonly capture: Capture }[] = [];
    for (const host of hosts) {
      for (const name of CONTAINERS) {
        const capture = resources.use(await startCapture(host, `arp host ${VIP}`, name));
        captures.push({ name: `${host.name} ${name}`, capture });
      }
    }
    const seenOn = () =>
      captures.filter(({ capture }) => capture.frames().length > 0).map(({ name }) => name);

    await kube.kubectl(["apply", "-f", MANIFEST]);
    await kube.kubectl(["apply", "-f", "-"], CONFIG);
    await podsReady(kube, NAMESPACE, "component=speaker", 2);
    await waitFor("an answer on the LAN", async () => (await client.arping(VIP, 1)).length > 0);
    const told = await Promise.all(hosts.map((host, at) => toldBy(host, `10.77.1.2${at + 1}`)));
    for (const one of told) {
      assert.deepEqual(one?.interfaces, ["eth0"]);
      assert.deepEqual(one?.leftOut, CONTAINERS);
    }
    assert.equal(told.filter((one) => one?.owner).length, 1);
    // A container that asks gets no answer of ours, whichever node is the owner.
    for (const host of hosts) {
      const { stdout } = await host.run("arping", "-I", "docker0", "-c", "1", "-w", "1", "-D", VIP);
      assert.doesNotMatch(stdout, /reply from/);
    }
    const ours = captures.filter(({ capture }) => capture.frames().some(isClaim)).map(({ name }) =>
      name
    );
    assert.deepEqual(ours, [], "a reply or an announcement on a container's interface");
    assert.deepEqual(seenOn(), hosts.map(({ name }) => `${name} docker0`), "the question alone");

    // The same recordings show that nothing else kept the frames away.
    await kube.kubectl([
      "patch",
      "daemonset/speaker",
      "-n",
      "metallb-system",
      "--type=json",
      "-p",
      JSON.stringify([{
        op: "add",
        path: "/spec/template/spec/containers/0/args/-",
        value: "--interface=*",
      }]),
    ]);
    await waitFor("all interfaces to answer", async () => {
      const now = await Promise.all(hosts.map((host, at) => toldBy(host, `10.77.1.2${at + 1}`)));
      return now.every((one) => CONTAINERS.every((name) => one?.interfaces.includes(name)));
    }, { timeoutMs: 60_000 });
    await waitFor(
      "announcements on a pod's interface",
      () => seenOn().some((name) => /cali/.test(name)),
    );
  },
);
