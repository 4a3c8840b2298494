// `./install.sh demo --bgp`: a pool announced by BGP to FRR on one machine, shown step by step. Exit
// code 0 only if a client beyond the router reached the Service, and the routes went with it.
import { type BgpScene, makeBgpScene, ROUTER_IP } from "../lan/bgp_scene.ts";
import { serviceManifest, sliceManifest } from "../lan/scene.ts";
import { servePage } from "../support/pod.ts";
import { startFrr } from "../support/routers/frr.ts";
import { waitFor } from "../support/wait.ts";
import { layCable } from "../support/lan.ts";

const PAGE = "<h1>Welcome to nginx!</h1>\n";
const SERVICE_IP = "198.51.100.1";
const CONFIG = `peers:
- peer-address: ${ROUTER_IP}
  peer-asn: 64501
  my-asn: 64500
  bfd-profile: fast
bfd-profiles:
- name: fast
  receive-interval: 50
  transmit-interval: 50
address-pools:
- name: default
  protocol: bgp
  avoid-buggy-ips: true
  addresses:
  - 198.51.100.0/24
  bgp-advertisements:
  - aggregation-length: 32
    localpref: 100
    communities:
    - no-advertise
  - aggregation-length: 24
bgp-communities:
  no-advertise: 65535:65282
`;

function show(title: string, text = ""): void {
  const body = text === "" ? "" : `${text.trimEnd().replace(/^/gm, "    ")}\n`;
  Deno.stdout.writeSync(new TextEncoder().encode(`\n== ${title}\n${body}`));
}

/** A client on a network of its own, to which only the router leads. */
async function addOutside({ lan, router, nodes }: BgpScene) {
  const outside = await lan.addNamespace("outside");
  await layCable(router, "eth1", outside);
  await router.must("ip", "addr", "add", "10.99.0.1/24", "dev", "eth1");
  await outside.must("ip", "addr", "add", "10.99.0.2/24", "dev", "eth0");
  await outside.must("ip", "route", "add", "default", "via", "10.99.0.1");
  for (const node of nodes) await node.must("ip", "route", "add", "10.99.0.0/24", "via", ROUTER_IP);
  return outside;
}

async function demo(scene: BgpScene): Promise<void> {
  const { router } = scene;
  const [node1, node2] = scene.nodes;
  if (node1 === undefined || node2 === undefined) throw new TypeError("The demo has two nodes");
  const outside = await addOutside(scene);
  show(
    "Two nodes and a router on a LAN, a client on a network beyond the router",
    "node1   10.77.1.11  AS 64500\nnode2   10.77.1.12  AS 64500\n" +
      `router  ${ROUTER_IP}   AS 64501, FRR\noutside 10.99.0.2   by way of the router`,
  );
  const bfd = { intervalMs: 50, multiplier: 3 };
  await using frr = await startFrr(router, {
    asn: 64501,
    routerId: ROUTER_IP,
    neighbors: ["10.77.1.11", "10.77.1.12"].map((address) => ({ address, asn: 64500, bfd })),
  });
  const routes = () => router.must("ip", "route", "show", "proto", "bgp");
  await using _page = await servePage(scene.pod, PAGE);
  await scene.forward(SERVICE_IP, 80);
  await scene.configure(CONFIG);
  show("The configuration (ConfigMap metallb-system/config)", CONFIG);
  show("herald run --role=controller on node1, --role=speaker on node1 and node2");
  await using controller = scene.herald(node1, "--role=controller", "--port=7473");
  await using speaker1 = scene.speaker(node1);
  await using speaker2 = scene.speaker(node2);
  try {
    await waitFor(
      "both sessions",
      async () => await frr.established("10.77.1.11") && await frr.established("10.77.1.12"),
    );
    show("Before: the router's sessions, and no route by BGP", await frr.vtysh("show bgp summary"));
    await scene.write("nginx.yaml", serviceManifest("nginx"));
    await scene.write("nginx-slice.yaml", sliceManifest("nginx", ["node1"]));
    const [ip] = await waitFor("the Service's address", async () => {
      const ips = await scene.statusIps("nginx");
      return ips.length > 0 && ips;
    });
    if (ip !== SERVICE_IP) throw new Error(`The Service got ${ip}, not ${SERVICE_IP}`);
    const table = await waitFor("two routes with two next hops", async () => {
      const found = await routes();
      return (found.match(/nexthop/g)?.length ?? 0) === 4 && found;
    });
    show(`With: the Service has ${ip}, and the router sends its traffic to both nodes`, table);
    show("The same in FRR", await frr.vtysh(`show bgp ipv4 unicast ${ip}/32`));
    const page = await waitFor("the page", async () => {
      const { stdout } = await outside.run("curl", "-s", "--max-time", "5", `http://${ip}/`);
      return stdout !== "" && stdout;
    });
    show(`The client beyond the router: curl http://${ip}/`, page);
    if (page !== PAGE) throw new Error("The client got another page");
    await scene.remove("nginx.yaml");
    await waitFor("no route", async () => (await routes()) === "");
    show("After: the Service is deleted, the router has no route by BGP", await routes());
  } catch (error) {
    const logs = [controller, speaker1, speaker2].map((one) => one.output()).join("");
    show("What the roles logged", logs);
    throw error;
  }
}

try {
  await using scene = await makeBgpScene();
  await demo(scene);
} catch (error) {
  show(
    "The demo failed",
    error instanceof Error ? `${error.message}\n${error.cause ?? ""}` : String(error),
  );
  Deno.exit(1);
}
show(
  "It works: an address, a route, a page, and all of it gone again. No process and no namespace is left.",
);
