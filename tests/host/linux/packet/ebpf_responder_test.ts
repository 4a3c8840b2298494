import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { Mac } from "../../../../lib/net/ethernet.ts";
import { type Ip6, parseIp } from "../../../../lib/net/ip.ts";
import {
  ADVERTISEMENT_FRAME_LENGTH,
  AT,
  type NdpPacket,
  solicitedNodeGroup,
  writeNdp,
} from "../../../../lib/ndp/packet.ts";
import { type Host, type Lan, makeLan } from "../../../support/lan.ts";
import { run } from "../../../support/process.ts";
import { waitFor } from "../../../support/wait.ts";
import { inject } from "../child_process.ts";
import { request, SENDER } from "../frames.ts";
import { parseMac } from "../../../support/addresses.ts";

const VIP = "10.77.1.220";
const VIP6 = "fd77::220";
const childOf = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const CHILD = childOf("ebpf_child.ts");
/** No more than the manifests give: what only root may load is no program for a container. */
const CAPABILITIES = ["--inh-caps=-all", "--bounding-set=-all,+net_raw,+bpf,+net_admin"];

/** The responder in a process of its own. */
interface Responder extends AsyncDisposable {
  /** Says a line to the responder and gives its answer. */
  say(line: string): Promise<Record<string, unknown>>;
  kill(): Promise<void>;
}

interface Stage extends Responder {
  readonly lan: Lan;
  readonly node: Host;
  readonly client: Host;
}

async function makeStage(attach: string): Promise<Stage> {
  await using unfinished = new AsyncDisposableStack();
  const lan = unfinished.use(await makeLan());
  const node = await lan.addHost("node", { addresses: ["10.77.1.11/16", "fd77::11/64"] });
  const client = await lan.addHost("client", { addresses: ["10.77.1.63/16", "fd77::63/64"] });
  const responder = unfinished.use(await respondOn(node, attach));
  const finished = unfinished.move();
  return {
    ...responder,
    lan,
    node,
    client,
    [Symbol.asyncDispose]: () => finished.disposeAsync(),
  };
}

async function respondOn(node: Host, attach: string): Promise<Responder> {
  await using unfinished = new AsyncDisposableStack();
  const program = ["run", "-A", "-q", CHILD, attach, VIP, VIP6];
  const [command, args] = node.inside("setpriv", ...CAPABILITIES, Deno.execPath(), ...program);
  const child = new Deno.Command(command, { args, stdin: "piped", stdout: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  const lines: Record<string, unknown>[] = [];
  const reading = (async () => {
    let rest = "";
    for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + part).split("\n");
      rest = parts.pop() ?? "";
      lines.push(...parts.map((line) => JSON.parse(line)));
    }
  })();
  async function kill(): Promise<void> {
    await writer.close().catch(() => undefined);
    try {
      child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // It has ended already.
    }
    await child.status;
    await reading;
  }
  unfinished.defer(kill);
  const first = await waitFor("the responder", () => lines[0]);
  assert.deepEqual(first, { failed: [] });
  const finished = unfinished.move();
  return {
    kill,
    async say(line) {
      const from = lines.length;
      await writer.write(new TextEncoder().encode(`${line}\n`));
      return await waitFor(`an answer to ${line}`, () => lines[from]);
    },
    [Symbol.asyncDispose]: () => finished.disposeAsync(),
  };
}

function parseIp6(text: string): Ip6 {
  const ip = parseIp(text);
  return typeof ip === "bigint" ? ip : assert.fail(`${text} is no IPv6 address`);
}

function solicitationOf(sender: Mac): NdpPacket {
  return {
    destinationMac: 0x3333_ff00_0220 as Mac,
    sourceMac: sender,
    source: parseIp6("fd77::63"),
    destination: solicitedNodeGroup(parseIp6(VIP6)),
    kind: "solicitation",
    flags: 0,
    target: parseIp6(VIP6),
    linkLayer: sender,
  };
}

/** Hardware addresses of who answers a solicitation. */
async function solicit(host: Host, ip: string): Promise<string[]> {
  const { stdout } = await host.run("ndisc6", "-m", "-r", "1", "-w", "300", ip, "eth0");
  return [...stdout.matchAll(/Target link-layer address: ([0-9A-F:]+)/g)].map(([, mac = ""]) =>
    mac.toLowerCase()
  );
}

for (const attach of ["tcx", "xdp"]) {
  Deno.test(`by ${attach} the kernel answers ARP for what is owned, and at once no more`, async () => {
    await using stage = await makeStage(attach);
    const { client, node } = stage;
    assert.deepEqual(await client.arping(VIP, 2), [node.mac, node.mac]);
    assert.deepEqual(await client.arping("10.77.1.221", 1), []);
    assert.deepEqual((await stage.say(`replies ${VIP}`)).replies, [2]);
    await stage.say(`own ${VIP6}`);
    assert.deepEqual(await client.arping(VIP, 1), []);
    await stage.say(`own ${VIP} ${VIP6}`);
    assert.deepEqual(await client.arping(VIP, 1), [node.mac]);
  });

  Deno.test(`by ${attach} the kernel answers solicitations with right checksums`, async () => {
    await using stage = await makeStage(attach);
    const { client, node } = stage;
    assert.deepEqual(await solicit(client, VIP6), [node.mac]);
    assert.deepEqual(await solicit(client, "fd77::221"), []);
    // The client's own kernel resolves it, which checks the sum, and verifies by unicast later.
    await client.run("ping", "-6", "-c", "1", "-W", "1", VIP6);
    assert.equal(await client.neighbour(VIP6), node.mac);
    await client.must(
      "ip",
      "neigh",
      "change",
      VIP6,
      "dev",
      "eth0",
      "nud",
      "probe",
      "lladdr",
      node.mac,
    );
    await waitFor(
      "the unicast verification",
      async () => /REACHABLE/.test(await client.must("ip", "neigh", "show", VIP6)),
    );
    await stage.say(`own ${VIP}`);
    assert.deepEqual(await solicit(client, VIP6), []);
  });
}

Deno.test("without a lease nothing is answered; with a new one it is", async () => {
  await using stage = await makeStage("tcx");
  const { client, node } = stage;
  await stage.say("lease -1");
  assert.deepEqual(await client.arping(VIP, 1), []);
  assert.deepEqual(await solicit(client, VIP6), []);
  await stage.say("lease 60000");
  assert.deepEqual(await client.arping(VIP, 1), [node.mac]);
  assert.deepEqual(await solicit(client, VIP6), [node.mac]);
});

Deno.test("a changed hardware address is the one that answers", async () => {
  await using stage = await makeStage("tcx");
  const mac = "02:00:00:00:77:99";
  await stage.node.must("ip", "link", "set", "eth0", "address", mac);
  assert.deepEqual((await stage.say("mac")).failed, []);
  assert.deepEqual(await stage.client.arping(VIP, 1), [mac]);
});

Deno.test("an interface that is made anew with the number and the address of one that is gone gets its program", async () => {
  await using stage = await makeStage("tcx");
  const { lan, node } = stage;
  const [{ ifindex }] = JSON.parse(await node.must("ip", "-j", "link", "show", "eth0"));
  const side = await lan.addNamespace("side");
  await node.must("ip", "link", "del", "eth0");
  const peer = ["type", "veth", "peer", "name", "eth0", "netns", side.netns];
  const again = ["index", String(ifindex), "address", node.mac];
  await node.must("ip", "link", "add", "eth0", ...again, ...peer);
  await node.must("ip", "link", "set", "eth0", "up");
  await side.must("ip", "link", "set", "eth0", "up");
  await side.must("ip", "addr", "add", "10.77.1.99/24", "dev", "eth0");
  assert.equal((await stage.say("first")).first, false);
  assert.deepEqual((await stage.say("mac")).failed, []);
  assert.equal((await stage.say("first")).first, true);
  assert.deepEqual(await side.arping(VIP, 1), [node.mac]);
});

Deno.test("the program goes with the process, however that ends", async () => {
  await using stage = await makeStage("tcx");
  assert.deepEqual(await stage.client.arping(VIP, 1), [stage.node.mac]);
  await stage.kill();
  assert.deepEqual(await stage.client.arping(VIP, 1), []);
});

Deno.test("what is not sure goes by without a reply, corpus rows 2.5.1 to 2.5.7", async () => {
  await using stage = await makeStage("tcx");
  const own = stage.node.mac.replaceAll(":", "");
  const ask = (n: number, parts: Partial<Parameters<typeof request>[0]> = {}) =>
    request({
      senderIp: `0a4d63${n.toString(16).padStart(2, "0")}`,
      targetIp: "0a4d01dc",
      ...parts,
    });
  const replies = await inject(
    stage.client,
    ask(1, { operation: "0000" }),
    ask(2, { operation: "0003" }),
    ask(3, { operation: "ffff" }),
    ask(4, { hardwareType: "0006" }),
    ask(5, { protocolType: "86dd" }),
    ask(6, { lengths: "0804" }),
    ask(7, { sender: "ffffffffffff", source: "020000009901" }),
    ask(8, { sender: "000000000000", source: "020000009901" }),
    ask(9, { sender: own, source: "020000009901" }),
    ask(10, { destination: "020000009955" }),
    ask(11).slice(0, 82),
    ask(12, { senderIp: "0a4d01dc" }), // a gratuitous request of another host
    ask(15, { tag: "81000005" }), // of a VLAN; the kernel takes the tag out before tcx
    ask(16, { tag: "81006000" }), // only a priority
    ask(13, { padding: "5a".repeat(1400) }),
    request({ senderIp: "00000000", targetIp: "0a4d01dc" }), // a probe
    ask(14, { destination: own }),
  );
  assert.deepEqual(replies.map((frame) => frame.slice(76, 84)), [
    "0a4d6310",
    "0a4d630d",
    "00000000",
    "0a4d630e",
  ]);
});

for (const attach of ["tcx", "xdp"]) {
  Deno.test(`by ${attach} no solicitation is answered that is not right in all`, async () => {
    await using stage = await makeStage(attach);
    const frame = new Uint8Array(128);
    const sender = parseMac(SENDER.match(/../g)?.join(":") ?? "") ?? assert.fail();
    const length = writeNdp(solicitationOf(sender), frame);
    const right = frame.slice(0, length);
    // Behind a bridge the tag is no part of the frame any more; XDP is not told of it.
    const tagged = attach === "xdp"
      ? []
      : [`${right.toHex().slice(0, 24)}81000005${right.toHex().slice(24)}`];
    const end = request({ senderIp: "0a4d6301", targetIp: "0a4d01dc" });
    const counted = async (...frames: string[]) => {
      await inject(stage.client, ...frames, end);
      return (await stage.say(`replies ${VIP6}`)).replies;
    };
    assert.deepEqual(await counted(right.toHex()), [1], "the frame itself is right");
    const wrong = [
      right.with(AT.version, 0x40),
      right.with(AT.hopLimit, 254),
      right.with(AT.code, 1),
      right.with(AT.checksum, (right[AT.checksum] ?? 0) ^ 1),
      right.with(AT.options + 7, 0xee), // an octet changed on its way
      right.slice(0, AT.options),
    ];
    assert.deepEqual(await counted(...wrong.map((one) => one.toHex()), ...tagged), [1]);
  });
}

Deno.test("of programs at one interface the one attached last sees the frames first", async () => {
  await using stage = await makeStage("tcx");
  const { client, node } = stage;
  const pass = (child: string) =>
    node.start(Deno.execPath(), ["run", "-A", "-q", childOf(child), "eth0"]);
  assert.equal((await stage.say("first")).first, true);
  await using other = pass("pass_child.ts");
  await waitFor("the other program", () => /attached/.test(other.output()));
  assert.equal((await stage.say("first")).first, false, "whatever it passes on goes by");
  assert.deepEqual(await client.arping(VIP, 1), []);
  const mac = "02:00:00:00:77:98";
  await node.must("ip", "link", "set", "eth0", "address", mac);
  assert.deepEqual((await stage.say("mac")).failed, []);
  assert.equal((await stage.say("first")).first, true);
  assert.deepEqual(await client.arping(VIP, 1), [mac]);
});

/** As drivers do that use napi_gro_frags: nothing but the Ethernet header is linear. */
Deno.test("headers in fragments are read too (layer 2, fault 2b)", async () => {
  await using lan = await makeLan();
  const node = await lan.addNamespace("frags");
  const mac = "02:00:00:00:99:55";
  const sender = parseMac(SENDER.match(/../g)?.join(":") ?? "") ?? assert.fail();
  const solicitation = new Uint8Array(ADVERTISEMENT_FRAME_LENGTH);
  writeNdp(solicitationOf(sender), solicitation);
  const card = node.start(Deno.execPath(), [
    ...["run", "-A", "-q", childOf("frags_child.ts"), "eth0", mac, "10.77.1.11/24"],
    request({ senderIp: "0a4d013f", targetIp: "0a4d01dc" }),
    solicitation.toHex(),
  ]);
  await using _card = card;
  await waitFor("the card", () => /^up$/m.test(card.output()));
  await using _responder = await respondOn(node, "tcx");
  const plain = mac.replaceAll(":", "");
  for (const reply of [`${SENDER}${plain}0806`, `${SENDER}${plain}86dd60000000`]) {
    await waitFor(`a reply ${reply}`, () => card.output().includes(reply));
  }
});

Deno.test("without the capabilities it says which are missing", async () => {
  const { stdout } = await run("setpriv", [
    "--bounding-set=-bpf,-net_admin,-sys_admin",
    Deno.execPath(),
    "run",
    "-A",
    "-q",
    CHILD,
    "tcx",
  ]);
  assert.match(stdout, /EbpfUnavailable: capability CAP_BPF and CAP_NET_ADMIN is missing; add it/);
});
