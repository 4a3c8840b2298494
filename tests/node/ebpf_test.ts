import assert from "node:assert/strict";
import { must } from "../support/process.ts";
import { kustomize } from "../chart/kustomize.ts";
import { tellFigure } from "./health.ts";
import type { KubeletNode } from "./kubelet.ts";
import { newSpeaker, ownerOf, speakerPid, speakerPod } from "./owner.ts";
import { installHerald, NAMESPACE, type NodeScene, testOnNodes } from "./scene.ts";

async function statusOf(scene: NodeScene, node: KubeletNode): Promise<string> {
  const inPod = ["exec", "-n", NAMESPACE, await speakerPod(scene, node), "--", "herald", "status"];
  return await scene.kube.kubectl(inPod);
}

/** Links of eBPF programs that the node's speaker holds, as the kernel tells: `tcx at IFINDEX`. */
async function linksOf(node: KubeletNode): Promise<readonly string[]> {
  const told = await must("sh", ["-c", `cat /proc/${await speakerPid(node)}/fdinfo/*`]);
  return [...told.matchAll(/^link_type:\s+(\w+)$(?:\n.*)*?\nifindex:\s+(\d+)/gm)]
    .map(([, type, at]) => `${type} at ${at}`);
}

testOnNodes(
  "the kustomization's eBPF component answers in the kernel, under containerd's seccomp profile",
  async (scene, test) => {
    const { client, kube, nodes } = scene;
    const apply = async (...components: Parameters<typeof kustomize>[1]) =>
      await kube.kubectl(["apply", "-f", "-"], await kustomize(kube.binaries.kubectl, components));
    /** A host that has forgotten the address asks for it, and gets its page. */
    const assertAnswers = async (address: string) => {
      await client.must("ip", "neigh", "flush", "all");
      const page = await client.must("curl", "-sS", "--max-time", "2", `http://${address}/`);
      assert.match(page, /^Hello from web-/);
      await ownerOf(scene, address);
    };
    let address = "";

    await test.step("without its capabilities the socket answers, and the log says why", async () => {
      ({ address } = await installHerald(scene));
      for (const node of nodes) {
        assert.match(await statusOf(scene, node), /ARP, NDP +socket on eth0/);
        assert.deepEqual(await linksOf(node), []);
        const logs = (await node.podLogs(NAMESPACE)).filter(({ container }) =>
          container === "speaker"
        );
        const ready = logs.flatMap(({ lines }) => lines)
          .find(({ text }) => text.includes("ARP and NDP responder ready"));
        assert.match(ready?.text ?? "", /"backend":"socket","reason":"[^"]*BPF/);
      }
      await assertAnswers(address);
    });

    await test.step("with them the program is loaded and attached, and answers", async () => {
      const before = await Promise.all(nodes.map(speakerPid));
      const began = performance.now();
      await apply("ebpf");
      for (const [at, node] of nodes.entries()) await newSpeaker(node, before[at] ?? "");
      tellFigure("eBPF component", `in force after ${Math.round(performance.now() - began)} ms`);
      for (const node of nodes) {
        assert.match(await statusOf(scene, node), /ARP, NDP +ebpf on eth0/);
        const [link] = JSON.parse(await node.host.must("ip", "-j", "link", "show", "eth0"));
        assert.deepEqual(await linksOf(node), [`tcx at ${link.ifindex}`]);
        const confined = await must("grep", ["Seccomp:", `/proc/${await speakerPid(node)}/status`]);
        assert.match(confined, /Seccomp:\s+2/, "the profile is in force");
      }
      await assertAnswers(address);
    });
  },
);
