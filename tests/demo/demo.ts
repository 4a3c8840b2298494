// `./install.sh demo [--ipv6]`: the main job on one machine, shown step by step. Exit code 0 only if
// the client reached the Service, before and after the death of the node that answers. Everything
// it makes stands in namespaces and one temporary folder.
import { makeScene, type Scene, SERVICE_IP, serviceManifest, sliceManifest } from "../lan/scene.ts";
import type { Host } from "../support/lan.ts";
import { servePage } from "../support/pod.ts";
import type { RunningProcess } from "../support/process.ts";
import { gapAndOverlap, startProbe } from "../support/probe.ts";
import { pause, waitFor } from "../support/wait.ts";

const PAGE = "<h1>Welcome to nginx!</h1>\n";
/** An address that goes to another node does so within this time of the first beat. */
const SETTLED_MS = 1_000;
/** Longer than that nobody shall wait for another node. */
const GAP_MS = 400;

/** What differs between the families. */
const FAMILY = Deno.args.includes("--ipv6")
  ? {
    ip: "fd77::220",
    url: "http://[fd77::220]/",
    clusterIp: "fd99::1",
    filter: ["icmp6", "and", "(ip6[40]=135", "or", "ip6[40]=136)"],
    protocol: "NDP",
    question: /neighbor solicitation, .*who has fd77::220/,
    answer: /neighbor advertisement, .*tgt is fd77::220/,
  }
  : {
    ip: SERVICE_IP,
    url: `http://${SERVICE_IP}/`,
    clusterIp: "172.17.12.39",
    filter: ["arp", "and", "host", SERVICE_IP],
    protocol: "ARP",
    question: new RegExp(`who-has ${SERVICE_IP} tell 10\\.77\\.1\\.63`),
    answer: new RegExp(`Reply ${SERVICE_IP} is-at`),
  };

function show(title: string, text = ""): void {
  const body = text === "" ? "" : `${text.trimEnd().replace(/^/gm, "    ")}\n`;
  Deno.stdout.writeSync(new TextEncoder().encode(`\n== ${title}\n${body}`));
}

interface Stage {
  readonly scene: Scene;
  readonly nodes: readonly Host[];
  readonly speakers: readonly RunningProcess[];
}

async function demo(scene: Scene): Promise<void> {
  const { client, nodes } = scene;
  show(
    "A LAN of network namespaces: two nodes, a client, a switch between them",
    [...nodes, client].map(({ name, mac }, index) =>
      `${name.padEnd(7)} 10.77.1.${[11, 12, 63][index]}  fd77::${[11, 12, 63][index]}  ${mac}`
    ).join("\n"),
  );
  await using _page = await servePage(scene.pod, PAGE);
  await scene.forward(FAMILY.ip, 80);
  show(
    "The configuration, as on a cluster (ConfigMap metallb-system/config)",
    await Deno.readTextFile(`${scene.store}/config.yaml`),
  );
  show("herald run --role=controller on a host, --role=speaker on node1 and node2, which gossip");
  await using roles = new AsyncDisposableStack();
  const controller = roles.use(scene.herald(client, "--role=controller", "--port=7473"));
  const speakers = nodes.map(({ name }, index) =>
    roles.use(
      scene.herald(
        nodes[index] ?? client,
        "--role=speaker",
        `--node-name=${name}`,
        `--ml-bindaddr=10.77.1.${11 + index}`,
        "--ml-join=10.77.1.11,10.77.1.12",
        "--ml-secret-key=a key for the demo",
      ),
    )
  );
  try {
    const stage = { scene, nodes, speakers };
    await eachHears(stage);
    const owner = await showService(stage);
    await showDeath(stage, owner);
  } catch (error) {
    show("What the roles logged", [controller, ...speakers].map((one) => one.output()).join(""));
    throw error;
  }
}

/** The speakers hear each other: until then each may think itself alone, and answer for a moment. */
async function eachHears({ nodes }: Stage): Promise<void> {
  for (const node of nodes) {
    await waitFor("the speakers to hear each other", async () => {
      const { stdout } = await node.run("curl", "-s", "http://127.0.0.1:7472/metrics");
      return stdout.includes("herald_heartbeat_peers_up 1");
    });
  }
}

/** Gives the hardware address that answers. */
async function showService({ scene, nodes }: Stage): Promise<string> {
  const { client } = scene;
  await using sniffer = client.start("tcpdump", ["-l", "-n", "-e", "-i", "eth0", ...FAMILY.filter]);
  await waitFor("tcpdump", () => sniffer.output().includes("listening on"));
  const names = nodes.map(({ name }) => name);
  const manifest = serviceManifest("nginx").replaceAll("172.17.12.39", FAMILY.clusterIp);
  await scene.write("nginx.yaml", manifest);
  await scene.write("nginx-slice.yaml", sliceManifest("nginx", names));
  show("A Service of type LoadBalancer appears: kubectl expose pod nginx --type=LoadBalancer");
  const [ip = "<pending>"] = await waitFor("the Service's address", async () => {
    const ips = await scene.statusIps("nginx");
    return ips.length > 0 && ips;
  });
  show("kubectl get svc nginx", servicesTable(ip));
  if (ip !== FAMILY.ip) throw new Error(`The Service has another address: ${ip}`);
  await waitFor("the page", async () => await page(client) === PAGE);
  const owner = await waitFor("an owner", () => client.neighbour(FAMILY.ip));
  await client.run("ip", "neigh", "flush", "dev", "eth0");
  const got = await page(client);
  const exchange = await waitFor(`the ${FAMILY.protocol} exchange`, () => {
    const lines = sniffer.output().split("\n");
    const asked = lines.findLastIndex((line) => FAMILY.question.test(line));
    // An announcement to everybody looks alike: the answer goes to the client alone.
    const answered = lines.slice(asked).find((line) =>
      FAMILY.answer.test(line) && line.includes(`> ${client.mac}`)
    );
    return asked >= 0 && answered && `${lines[asked]}\n${answered}`;
  });
  const name = nodes.find(({ mac }) => mac === owner)?.name ?? "nobody we know";
  show(`The network finds it: ${name} (${owner}) answers ${FAMILY.protocol} for ${ip}`, exchange);
  show(`The client's page: curl ${FAMILY.url}`, got);
  if (got !== PAGE) throw new Error("The client got another page");
  return owner;
}

/** Who answers in the end. */
async function settledOwner(client: Host): Promise<string | undefined> {
  await using probe = await startProbe(client, FAMILY.ip);
  await pause(SETTLED_MS);
  return (await probe.stop()).runs.at(-1)?.who;
}

/** Kills the speaker that answers and tells, question by question, who answered. */
async function showDeath({ scene, nodes, speakers }: Stage, shown: string): Promise<void> {
  const { client } = scene;
  const owner = await settledOwner(client);
  if (owner !== shown) throw new Error(`${shown} answered, and now ${owner} does`);
  const index = nodes.findIndex(({ mac }) => mac === owner);
  const [node, speaker] = [nodes[index], speakers[index]];
  if (node === undefined || speaker === undefined) throw new Error(`Nobody has ${owner}`);
  await using probe = await startProbe(client, FAMILY.ip);
  await pause(300);
  show(`kill -9 of ${node.name}'s speaker; the client asks for ${FAMILY.ip} each millisecond`);
  await speaker.end("SIGKILL");
  await waitFor("the other node", async () => {
    await client.run("ip", "neigh", "flush", "dev", "eth0");
    return await page(client) === PAGE && await client.neighbour(FAMILY.ip) !== owner;
  });
  await pause(300);
  const seen = await probe.stop();
  show(
    "Who answered",
    seen.runs.map(({ who, atMs, count }) => {
      const name = who === "" ? "nobody" : nodes.find(({ mac }) => mac === who)?.name ?? who;
      return `from ${atMs.toFixed(0).padStart(5)} ms  ${name.padEnd(8)} ${count} questions`;
    }).join("\n"),
  );
  const { gapMs, overlapMs } = gapAndOverlap(seen);
  show(`Nobody answered for ${gapMs} ms; two answered at once for ${overlapMs} ms`);
  show(`The client's page, from the other node: curl ${FAMILY.url}`, await page(client));
  if (seen.runs[0]?.who !== owner) throw new Error(`${node.name} was not the one that answered`);
  if (gapMs > GAP_MS) throw new Error(`The gap of ${gapMs} ms is longer than ${GAP_MS} ms`);
}

async function page(client: Host): Promise<string> {
  return (await client.run("curl", "-g", "-s", "--max-time", "2", FAMILY.url)).stdout;
}

function servicesTable(ip: string): string {
  return [
    "NAME    TYPE           CLUSTER-IP     EXTERNAL-IP   PORT(S)   AGE",
    `nginx   LoadBalancer   ${FAMILY.clusterIp.padEnd(14)} ${ip.padEnd(13)} 80/TCP    0s`,
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
show(
  "It works: an address, an answer, a page, and a node's death survived. No process and no namespace is left.",
);
