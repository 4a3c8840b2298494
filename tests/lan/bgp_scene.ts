import { familyOf, parseIp } from "../../lib/net/ip.ts";
import type { Host } from "../support/lan.ts";
import type { RunningProcess } from "../support/process.ts";
import { makeScene, type Scene, serviceManifest, sliceManifest } from "./scene.ts";

export const ROUTER_IP = "10.77.1.1";
export const ROUTER_IP6 = "fd77::1";

/** The scene with a router on the LAN, and IPv6 beside IPv4. */
export interface BgpScene extends Scene {
  readonly router: Host;
  /** Writes the ConfigMap with this text. */
  configure(text: string): Promise<void>;
  /** A Service that has its address, with an endpoint on each node named. */
  serve(name: string, ip: string, on: readonly string[], extra?: string): Promise<void>;
  /** Runs a speaker on a node. */
  speaker(node: Host, ...flags: string[]): RunningProcess;
}

/** Lays the LAN with two nodes and a router at 10.77.1.1 and fd77::1; no daemon runs yet. */
export async function makeBgpScene(): Promise<BgpScene> {
  const scene = await makeScene();
  const router = await scene.lan.addHost("router", {
    addresses: [`${ROUTER_IP}/24`, `${ROUTER_IP6}/64`],
  });
  await router.must("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1");
  return {
    ...scene,
    router,
    configure: (text) =>
      scene.write(
        "config.yaml",
        `apiVersion: v1
kind: ConfigMap
metadata: { namespace: metallb-system, name: config }
data:
  config: |
${text.trimEnd().split("\n").map((line) => `    ${line}`).join("\n")}
`,
      ),
    async serve(name, ip, on, extra = "") {
      const parsed = parseIp(ip);
      const family = parsed !== undefined && familyOf(parsed) === 6 ? "fd00::1" : "172.17.12.39";
      const manifest = serviceManifest(name, 80, extra).replaceAll("172.17.12.39", family);
      await scene.write(`${name}-slice.yaml`, sliceManifest(name, on));
      await scene.write(
        `${name}.yaml`,
        `${manifest}status: { loadBalancer: { ingress: [{ ip: "${ip}" }] } }\n`,
      );
    },
    speaker: (node, ...flags) =>
      scene.herald(node, "--role=speaker", `--node-name=${node.name}`, ...flags),
  };
}
