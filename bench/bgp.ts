import { fileURLToPath } from "node:url";
import { makeBgpScene, ROUTER_IP } from "../tests/lan/bgp_scene.ts";
import { sliceManifest } from "../tests/lan/scene.ts";
import { makeStage } from "../tests/cluster/stage.ts";
import { startFrr } from "../tests/support/routers/frr.ts";
import { must } from "../tests/support/process.ts";
import { waitFor } from "../tests/support/wait.ts";
import { benchCodec } from "./bgp_codec.ts";
import { type Figure, figure, percentile } from "./figure.ts";

const ADDRESSES = 2_000;
const FLAPS = 100;

/** The codec, a full table to FRR and to a listener, and how soon a lost endpoint is withdrawn. */
export async function benchBgp(): Promise<Figure[]> {
  return [...benchCodec(), ...await benchTable(), ...await benchFrr(), ...await benchWithdraw()];
}

async function benchTable(): Promise<Figure[]> {
  const script = fileURLToPath(new URL("./bgp_table.ts", import.meta.url));
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--v8-flags=--expose-gc", script],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const { firstMs, bytes } = JSON.parse(new TextDecoder().decode(stdout));
  return [
    figure("bgp-100000-routes-to-one-peer", firstMs, "ms", {
      goal: { of: "value", atMost: 2_000 },
    }),
    figure("bgp-memory-per-route-and-peer", bytes, "bytes", { goal: { of: "value", atMost: 200 } }),
  ];
}

/** From "session established" in Herald's log until FRR counts all routes, which it is asked often. */
async function benchFrr(): Promise<Figure[]> {
  await using scene = await makeBgpScene();
  const [node1] = scene.nodes;
  if (node1 === undefined) throw new TypeError("The scene has no node");
  await using frr = await startFrr(scene.router, {
    asn: 64501,
    routerId: ROUTER_IP,
    neighbors: [{ address: "10.77.1.11", asn: 64500 }],
  });
  await scene.configure(`peers:
- {peer-address: ${ROUTER_IP}, peer-asn: 64501, my-asn: 64500}
address-pools:
- {name: default, protocol: bgp, addresses: [10.64.0.0/16]}
`);
  const services = Array.from({ length: ADDRESSES }, (_, index) => {
    const ip = `10.64.${index >> 8}.${index & 255}`;
    return `apiVersion: v1
kind: Service
metadata: { name: s${index}, namespace: default }
spec: { type: LoadBalancer, clusterIP: 172.17.12.39, clusterIPs: [172.17.12.39], ports: [{ port: 80 }] }
status: { loadBalancer: { ingress: [{ ip: ${ip} }] } }
---
${sliceManifest(`s${index}`, ["node1"])}`;
  });
  await scene.write("services.yaml", services.join("---\n"));
  await using speaker = scene.speaker(node1);
  const established = await waitFor("the session", () => {
    const line = speaker.output().split("\n").find((one) =>
      one.includes("BGP session established")
    );
    return line && Date.parse(JSON.parse(line).time);
  }, { everyMs: 2 });
  const received = async () => {
    const said = JSON.parse(await frr.vtysh("show bgp ipv4 unicast summary json"));
    return said.peers["10.77.1.11"]?.pfxRcd === ADDRESSES;
  };
  await waitFor("all routes", received, { everyMs: 1 });
  return [
    figure(`bgp-${ADDRESSES}-routes-in-frr`, Date.now() - Number(established), "ms", {
      goal: { of: "value", atMost: 300 },
    }),
  ];
}

/** From the API server's answer to a change of an EndpointSlice until the withdrawal arrives. */
async function benchWithdraw(): Promise<Figure[]> {
  await using stage = await makeStage();
  const { kube } = stage;
  const [node1] = stage.nodes;
  if (node1 === undefined) throw new TypeError("The stage has no node");
  const router = await stage.lan.addHost("router", { addresses: [`${ROUTER_IP}/24`] });
  const script = fileURLToPath(new URL("./bgp_sink.ts", import.meta.url));
  await using sink = router.start(Deno.execPath(), ["run", "-A", script, ROUTER_IP, "179"]);
  await waitFor("the listener", () => sink.output().includes("listening"));
  const manifest = fileURLToPath(new URL("../deploy/metallb-compatible.yaml", import.meta.url));
  await kube.kubectl(["apply", "-f", manifest]);
  await kube.kubectl(
    ["apply", "-f", "-"],
    JSON.stringify({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "config", namespace: "metallb-system" },
      data: {
        config: `peers:
- {peer-address: ${ROUTER_IP}, peer-asn: 64501, my-asn: 64500}
address-pools:
- {name: default, protocol: bgp, addresses: [10.64.0.0/16]}
`,
      },
    }),
  );
  await kube.kubectl(
    ["apply", "-f", "-"],
    JSON.stringify({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web", namespace: "default" },
      spec: { type: "LoadBalancer", ports: [{ port: 80 }] },
    }),
  );
  const slice = (ready: boolean) => ({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: "web-1",
      namespace: "default",
      labels: { "kubernetes.io/service-name": "web" },
    },
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.244.1.5"], nodeName: "node1", conditions: { ready } }],
    ports: [{ port: 80 }],
  });
  await kube.kubectl(["apply", "-f", "-"], JSON.stringify(slice(true)));
  await using _controller = await stage.herald("controller", stage.master);
  await using speaker = await stage.herald("speaker", node1, "--node-name=node1");
  const updates = (): { atMs: number; announced: number; withdrawn: number }[] =>
    sink.output().split("\n").filter((line) => line.includes('"update"')).map((line) =>
      JSON.parse(line)
    );
  const until = (what: "announced" | "withdrawn", after: number) =>
    waitFor(`a route ${what}`, () => updates().slice(after).find((one) => one[what] > 0), {
      everyMs: 2,
    }).catch((error) => {
      throw new Error(speaker.output().slice(-2000), { cause: error });
    });
  await until("announced", 0);
  const before = updates().length;
  const flapper = fileURLToPath(new URL("./slice_flapper.ts", import.meta.url));
  const [command, args] = stage.master.inside(
    Deno.execPath(),
    ...["run", "-A", flapper, kube.kubeconfig, kube.server, `${FLAPS}`, "60"],
  );
  const answers = (await must(command, args, JSON.stringify([slice(true), slice(false)])))
    .trim().split("\n").map((line) => Number(JSON.parse(line).atMs));
  const withdrawals = await waitFor("all withdrawals", () => {
    const found = updates().slice(before).filter(({ withdrawn }) => withdrawn > 0);
    return found.length >= FLAPS && found;
  });
  const waits = answers.map((atMs, flap) => (withdrawals[flap]?.atMs ?? NaN) - atMs);
  return [
    figure("bgp-endpoint-lost-to-withdraw-p50", percentile(waits, 0.5), "ms"),
    figure("bgp-endpoint-lost-to-withdraw-p99", percentile(waits, 0.99), "ms", {
      goal: { of: "value", atMost: 20 },
    }),
  ];
}
