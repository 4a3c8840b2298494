import type { Host, Lan } from "./lan.ts";
import { must, type RunningProcess } from "./process.ts";
import { waitFor } from "./wait.ts";
import { layCable } from "./lan.ts";

export const POD_IP = "10.244.1.5";
export const POD_IP6 = "fd88::5";

/**
 * A pod's network as a container network would lay it: behind node1, and node2 reaches it through
 * node1, by IPv6 too where that has an address.
 */
export async function addPod(
  lan: Lan,
  [node1, node2]: readonly Host[],
  gateway6?: string,
): Promise<Host> {
  if (node1 === undefined || node2 === undefined) throw new TypeError("A pod wants two nodes");
  const pod = await lan.addNamespace("pod");
  const ip = (...args: string[]) => must("ip", args);
  await layCable(node1, "veth-pod", pod);
  await ip("-n", node1.netns, "addr", "add", "10.244.1.1/24", "dev", "veth-pod");
  await ip("-n", pod.netns, "addr", "add", `${POD_IP}/24`, "dev", "eth0");
  await ip("-n", pod.netns, "route", "add", "default", "via", "10.244.1.1");
  await ip("-n", node2.netns, "route", "add", "10.244.1.0/24", "via", "10.77.1.11");
  await ip("-n", node1.netns, "addr", "add", "fd88::1/64", "dev", "veth-pod", "nodad");
  await ip("-n", pod.netns, "addr", "add", `${POD_IP6}/64`, "dev", "eth0", "nodad");
  await ip("-n", pod.netns, "route", "add", "default", "via", "fd88::1");
  if (gateway6 !== undefined) {
    await ip("-n", node2.netns, "route", "add", "fd88::/64", "via", gateway6);
  }
  const forwarding = ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"];
  for (const node of [node1, node2]) await node.must("sysctl", "-qw", ...forwarding);
  return pod;
}

/** Starts a real HTTP server in the pod that answers with this page. */
export async function servePage(pod: Host, page: string): Promise<RunningProcess> {
  const program = `Deno.serve({ port: 80, hostname: "::" }, () => new Response(${
    JSON.stringify(page)
  }))`;
  const server = pod.start(Deno.execPath(), ["eval", program]);
  await waitFor(
    "the pod's web server",
    async () =>
      (await pod.run("curl", "-s", "--max-time", "2", "http://127.0.0.1/")).stdout === page,
  );
  return server;
}

/** Waits until a role that listens there says that it is ready. */
export async function roleReady(host: Host, url: string): Promise<void> {
  await waitFor(
    `readiness at ${url}`,
    async () =>
      (await host.run("curl", "-s", "--max-time", "2", `${url}/readyz`)).stdout === "ok\n",
  );
}
