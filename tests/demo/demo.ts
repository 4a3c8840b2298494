// `./install.sh demo`: the main job on one machine, shown step by step. Exit code 0 only if the
// client reached the Service. Everything it makes stands in namespaces and one temporary folder.
import { makeScene, type Scene, SERVICE_IP, serviceManifest, sliceManifest } from "../lan/scene.ts";
import { servePage } from "../support/pod.ts";
import { waitFor } from "../support/wait.ts";

const PAGE = "<h1>Welcome to nginx!</h1>\n";

function show(title: string, text = ""): void {
  const body = text === "" ? "" : `${text.trimEnd().replace(/^/gm, "    ")}\n`;
  Deno.stdout.writeSync(new TextEncoder().encode(`\n== ${title}\n${body}`));
}

async function demo(scene: Scene): Promise<void> {
  const { client } = scene;
  const [node1, node2] = scene.nodes;
  if (node1 === undefined || node2 === undefined) throw new TypeError("The demo has two nodes");
  show(
    "A LAN of network namespaces: two nodes, a client, a switch between them",
    [node1, node2, client].map(({ name, mac }, index) =>
      `${name.padEnd(7)} 10.77.1.${[11, 12, 63][index]}  ${mac}`
    ).join("\n"),
  );
  await using _page = await servePage(scene.pod, PAGE);
  await scene.forward(SERVICE_IP, 80);
  show(
    "The configuration, as on a cluster (ConfigMap metallb-system/config)",
    await Deno.readTextFile(`${scene.store}/config.yaml`),
  );

  show("herald run --role=controller on node1, --role=speaker on node1 and node2");
  await using controller = scene.herald(node1, "--role=controller", "--port=7473");
  await using speaker1 = scene.herald(node1, "--role=speaker", "--node-name=node1");
  await using speaker2 = scene.herald(node2, "--role=speaker", "--node-name=node2");
  const logs = () => [controller, speaker1, speaker2].map((one) => one.output()).join("");
  try {
    await using sniffer = client.start("tcpdump", [
      "-l",
      "-n",
      "-e",
      "-i",
      "eth0",
      "arp",
      "and",
      "host",
      SERVICE_IP,
    ]);
    await waitFor("tcpdump", () => sniffer.output().includes("listening on"));
    await scene.write("nginx.yaml", serviceManifest("nginx"));
    await scene.write("nginx-slice.yaml", sliceManifest("nginx", ["node1"]));
    show(
      "A Service of type LoadBalancer appears: kubectl expose pod nginx --port=80 --type=LoadBalancer",
    );
    const [ip] = await waitFor("the Service's address", async () => {
      const ips = await scene.statusIps("nginx");
      return ips.length > 0 && ips;
    });
    show("kubectl get svc nginx", servicesTable(ip ?? "<pending>"));
    const owner = await waitFor(
      "an owner that answers",
      async () => (await client.arping(SERVICE_IP, 1))[0],
    );
    await client.run("ip", "neigh", "flush", "dev", "eth0");
    const page = await client.must("curl", "-s", "--max-time", "5", `http://${SERVICE_IP}/`);
    const exchange = await waitFor("the ARP exchange", () => {
      const lines = sniffer.output().split("\n").filter((line) => / (Request|Reply) /.test(line));
      const asked = lines.findLastIndex((line) =>
        line.includes(`who-has ${SERVICE_IP} tell 10.77.1.63`)
      );
      const answered = asked < 0
        ? undefined
        : lines.slice(asked).find((line) => line.includes("Reply"));
      return answered && `${lines[asked]}\n${answered}`;
    });
    const name = [node1, node2].find(({ mac }) => mac === owner)?.name ?? "nobody we know";
    show(`The network finds it: ${name} (${owner}) answers ARP for ${SERVICE_IP}`, exchange);
    show(`The client's page: curl http://${SERVICE_IP}/`, page);
    if (ip !== SERVICE_IP || page !== PAGE) {
      throw new Error(`The client got another page or address: ${ip}`);
    }
  } catch (error) {
    show("What the roles logged", logs());
    throw error;
  }
}

function servicesTable(ip: string): string {
  return [
    "NAME    TYPE           CLUSTER-IP     EXTERNAL-IP   PORT(S)   AGE",
    `nginx   LoadBalancer   172.17.12.39   ${ip.padEnd(13)} 80/TCP    0s`,
  ].join("\n");
}

try {
  await using scene = await makeScene();
  await demo(scene);
} catch (error) {
  show(
    "The demo failed",
    error instanceof Error ? `${error.message}\n${error.cause ?? ""}` : String(error),
  );
  Deno.exit(1);
}
show("It works: an address, an answer, a page. Nothing is left behind.");
