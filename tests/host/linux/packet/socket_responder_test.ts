import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { OsError } from "../../../../ffi/result.ts";
import { startSocketResponder } from "../../../../lib/host/linux/packet/socket_responder.ts";
import { ZERO_MAC } from "../../../../lib/net/ethernet.ts";
import { type Host, type Lan, makeLan } from "../../../support/lan.ts";
import { run } from "../../../support/process.ts";
import { waitFor } from "../../../support/wait.ts";
import { flood, inject, startResponder } from "../child_process.ts";
import { reply, request, SENDER } from "../frames.ts";
import { ip4, parseMac } from "../../../support/addresses.ts";
import { timekeeper } from "../../../support/timekeeper.ts";

const VIP = "10.77.1.220";
const VIP_HEX = "0a4d01dc";
const OTHER_HEX = "0a4d01dd";
const BRIDGE_MAC = "02:00:00:00:77:01";

interface Stage extends AsyncDisposable {
  readonly lan: Lan;
  readonly node: Host;
  readonly client: Host;
}

async function makeStage(): Promise<Stage> {
  const lan = await makeLan();
  try {
    const node = await lan.addHost("node", { addresses: ["10.77.0.11/16"] });
    const client = await lan.addHost("client", { addresses: ["10.77.0.100/16"] });
    return { lan, node, client, [Symbol.asyncDispose]: () => lan[Symbol.asyncDispose]() };
  } catch (error) {
    await lan[Symbol.asyncDispose]();
    throw error;
  }
}

const hex = (mac: string) => mac.replaceAll(":", "");
/** A request of the n-th asker, so that each reply tells which request it answers. */
const ask = (n: number, parts: Partial<Parameters<typeof request>[0]> = {}) =>
  request({ senderIp: ipOf(n), targetIp: VIP_HEX, ...parts });
const ipOf = (n: number) => `0a4d63${n.toString(16).padStart(2, "0")}`;

Deno.test("a responder is found by hosts of the LAN, and only for what it owns", async () => {
  await using stage = await makeStage();
  const { node, client } = stage;
  await using _responder = await startResponder(node, VIP);
  assert.deepEqual(await client.arping(VIP, 2), [node.mac, node.mac]);
  assert.deepEqual(await client.arping("10.77.1.221", 1), []);
  await client.run("bash", "-c", `echo > /dev/udp/${VIP}/9`);
  assert.equal(await waitFor("the neighbour", () => client.neighbour(VIP)), node.mac);
});

Deno.test("a responder answers these frames and no others, to the sender's hardware address", async () => {
  await using stage = await makeStage();
  const { node, client } = stage;
  await using responder = await startResponder(node, VIP);
  const own = hex(node.mac);
  const foreign = "020000009907";
  const replies = await inject(
    client,
    ask(1, { targetIp: OTHER_HEX }),
    ask(2, { destination: own }),
    ask(3, { destination: "020000009955" }), // to another host: the switch floods it here
    ask(4, { operation: "0002" }),
    ask(5, { operation: "ffff" }),
    ask(6, { hardwareType: "0006" }),
    ask(7, { protocolType: "86dd" }),
    ask(8, { lengths: "0804" }),
    ask(9, { sender: "ffffffffffff", source: SENDER }),
    ask(10, { sender: "000000000000", source: SENDER }),
    ask(11, { sender: own, source: SENDER }),
    ask(12, { tag: "81000005" }), // a VLAN that has no interface here
    ask(13, { tag: "8100e000" }), // a priority
    ask(14, { source: foreign }), // a proxy sent it: the reply goes to the asker itself
    ask(15).slice(0, 82), // one octet short
    ask(16, { padding: "00".repeat(18) }),
    ask(17, { padding: "5a".repeat(1400) }),
    request({ senderIp: "00000000", targetIp: VIP_HEX }), // a probe, RFC 5227
    ask(18),
  );
  assert.deepEqual(
    replies,
    [ipOf(2), ipOf(13), ipOf(14), ipOf(16), ipOf(17), "00000000", ipOf(18)]
      .map((asker) => reply(own, SENDER, VIP_HEX, asker)),
  );
  const { counters, drops, problem } = await responder.ask("USR1");
  assert.deepEqual(counters, [{ requests: 7, replies: 7, gratuitous: 0 }]);
  assert.equal(problem, null);
  // The kernel's filter kept most from the Worker; what came through it judged, the short one and
  // the reply too.
  const seen = { "bad-sender": 2, "own-frame": 1, "not-request": 1, "not-to-us": 0, "not-arp": 1 };
  for (const [reason, count] of Object.entries(seen)) assert.equal(drops?.[reason], count, reason);
});

Deno.test("sendGratuitous() sends a request and then a reply to all", async () => {
  await using stage = await makeStage();
  const { node, client } = stage;
  await using responder = await startResponder(node, VIP);
  await using dump = client.start("tcpdump", [
    ..."-i eth0 -xx -n -l -c 2 --immediate-mode arp host".split(" "),
    VIP,
  ]);
  await waitFor("tcpdump", () => dump.output().includes("listening on"));
  assert.equal((await responder.ask("USR2")).announced, true);
  assert.equal(await dump.exited, 0);
  const frames = dump.output().split(/^.*ARP, .*$/m).slice(1).map((lines) =>
    [...lines.matchAll(/0x[0-9a-f]{4}: +([0-9a-f ]+)/g)].map(([, octets = ""]) => octets).join("")
      .replaceAll(/[^0-9a-f]/g, "").slice(0, 84)
  );
  const own = hex(node.mac);
  const head = `ffffffffffff${own}08060001080006040`;
  assert.deepEqual(frames, [
    `${head}001${own}${VIP_HEX}000000000000${VIP_HEX}`,
    `${head}002${own}${VIP_HEX}${own}${VIP_HEX}`,
  ]);
  assert.equal((await responder.ask("USR1")).counters?.[0]?.gratuitous, 2);
});

Deno.test("a responder follows its interface down and up, renamed, and with another MAC", async () => {
  await using stage = await makeStage();
  const { lan, node, client } = stage;
  await using responder = await startResponder(node, VIP);
  await lan.setCable(node, "down");
  await responder.uses();
  await lan.setCable(node, "up");
  await responder.uses(`eth0 ${node.mac}`);
  assert.deepEqual(await client.arping(VIP, 1), [node.mac]);
  const link = ["-n", node.netns, "link", "set"];
  await run("ip", [...link, "eth0", "name", "net0"]);
  await responder.uses(`net0 ${node.mac}`);
  assert.deepEqual(await client.arping(VIP, 1), [node.mac]);
  await run("ip", [...link, "net0", "address", BRIDGE_MAC]);
  await responder.uses(`net0 ${BRIDGE_MAC}`);
  assert.deepEqual(await client.arping(VIP, 1), [BRIDGE_MAC]);
});

Deno.test("a responder answers on an interface made after it, under an old name", async () => {
  await using stage = await makeStage();
  const { lan, node, client } = stage;
  await using responder = await startResponder(node, VIP);
  const bridge = `${lan.prefix}-switch`;
  for (let round = 0; round < 3; round++) {
    await node.must("ip", "link", "del", "eth0");
    await responder.uses();
    await node.must(
      "ip",
      ..."link add eth0 address".split(" "),
      node.mac,
      ..."type veth peer name port9".split(" "),
      "netns",
      bridge,
    );
    await run("ip", ["-n", bridge, "link", "set", "port9", "master", "br0", "up"]);
    await node.must("ip", "link", "set", "eth0", "up");
    await responder.uses(`eth0 ${node.mac}`);
    assert.deepEqual(await client.arping(VIP, 1), [node.mac]);
  }
});

Deno.test("a responder answers once, as the bridge, when its interface is a bridge's port", async () => {
  await using stage = await makeStage();
  const { node, client } = stage;
  await using responder = await startResponder(node, VIP);
  await node.must(
    "ip",
    ..."link add br1 address".split(" "),
    BRIDGE_MAC,
    ..."type bridge forward_delay 0".split(" "),
  );
  await node.must("ip", ..."link set eth0 master br1".split(" "));
  await node.must("ip", ..."link set br1 up".split(" "));
  await responder.uses(`br1 ${BRIDGE_MAC}`);
  const own = hex(BRIDGE_MAC);
  assert.deepEqual(await inject(client, ask(1), ask(2)), [
    reply(own, SENDER, VIP_HEX, ipOf(1)),
    reply(own, SENDER, VIP_HEX, ipOf(2)),
  ]);
});

Deno.test("a responder that stood still drops the requests of that time", async () => {
  await using stage = await makeStage();
  const { node, client } = stage;
  await using responder = await startResponder(node, VIP);
  const { pid } = responder.process;
  await run("kill", ["-STOP", String(pid)]);
  assert.deepEqual(await client.arping(VIP, 3), [], "three seconds of requests");
  await run("kill", ["-CONT", String(pid)]);
  const stale = await waitFor("dropped requests", async () => {
    const count = (await responder.ask("USR1")).drops?.stale ?? 0;
    return count > 0 && count;
  });
  assert.ok(stale >= 2, `${stale} requests were dropped`);
  assert.equal((await responder.ask("USR1")).counters?.[0]?.requests, 0);
  assert.deepEqual(await client.arping(VIP, 1), [node.mac]);
});

Deno.test("a responder counts what its full buffer could not take, and goes on", async () => {
  await using stage = await makeStage();
  const { node, client } = stage;
  await using responder = await startResponder(node, VIP);
  const { pid } = responder.process;
  await run("kill", ["-STOP", String(pid)]);
  await flood(client, 20_000, ask(1));
  await run("kill", ["-CONT", String(pid)]);
  // The buffer may be full still when the first question comes.
  await waitFor("an answer", async () => (await client.arping(VIP, 1))[0] === node.mac);
  const { drops, counters } = await responder.ask("USR1");
  const lost = drops?.["buffer-full"] ?? 0;
  const taken = (drops?.stale ?? 0) + (counters?.[0]?.requests ?? 0);
  assert.ok(lost > 0 && taken > 0, JSON.stringify(drops));
  assert.ok(lost + taken > 20_000, `${lost} lost, ${taken} taken`);
});

Deno.test("a responder ends by SIGTERM at once, and nobody answers any more", async () => {
  await using stage = await makeStage();
  const { node, client } = stage;
  const responder = await startResponder(node, VIP);
  assert.equal(await responder.process.end("SIGTERM", 5_000), 0);
  assert.equal(responder.said().at(-1)?.ended, true);
  assert.deepEqual(responder.said().filter(({ trouble }) => trouble), []);
  assert.deepEqual(await client.arping(VIP, 1), []);
});

Deno.test("startSocketResponder() without CAP_NET_RAW names the capability", async () => {
  const child = fileURLToPath(new URL("../child.ts", import.meta.url));
  const { code, stderr } = await run("setpriv", [
    "--bounding-set=-net_raw",
    ...[Deno.execPath(), "run", "-A", "-q", child, VIP],
  ]);
  assert.equal(code, 1);
  assert.match(stderr, /Missing capability CAP_NET_RAW to answer ARP requests: add NET_RAW/);
});

function begin(signal = new AbortController().signal, worker = timekeeper()) {
  return startSocketResponder({
    worker,
    signal,
    onConflict: () => {},

    onProblem: () => undefined,
  });
}

const BROKEN_WORKER = new URL(
  `data:application/javascript,postMessage({ kind: "goodbye", fault: "broken" })`,
);
/** Carries its order out, and ends. */
const ENDING_WORKER = new URL(
  `data:application/javascript,${
    encodeURIComponent(`onmessage = ({ data: port }) => {
      port.onmessage = ({ data: { kind, number } }) => {
        postMessage({ kind: "answer", number });
        if (kind === "order") postMessage({ kind: "goodbye", fault: "the socket broke" });
      };
    };`)
  }`,
);
const openFds = () => [...Deno.readDirSync("/proc/self/fd")].length;

Deno.test("responders that start, end by disposal or signal, or fail leave no descriptor", async () => {
  await (await begin())[Symbol.asyncDispose](); // what the runtime opens once
  const before = openFds();
  for (let round = 0; round < 10; round++) {
    const ending = new AbortController();
    await using _disposed = await begin();
    await using signalled = await begin(ending.signal);
    ending.abort();
    await assert.rejects(begin(undefined, timekeeper(BROKEN_WORKER)));
    await signalled[Symbol.asyncDispose]();
  }
  // A Worker's own descriptors go when its thread does, a moment after its end.
  await waitFor("the descriptors to go", () => openFds() <= before);
});

Deno.test("startSocketResponder() does not begin under a signal that has fired", async () => {
  const before = openFds();
  await assert.rejects(begin(AbortSignal.abort()), { name: "AbortError" });
  assert.equal(openFds(), before);
});

Deno.test("sendGratuitous() fails on an interface that is gone, after tries", async () => {
  await using responder = await begin();
  await assert.rejects(
    responder.sendGratuitous(ip4(1), 0x7fff_fff0, parseMac("02:00:00:00:00:01") ?? ZERO_MAC),
    (error) => error instanceof OsError && /no such interface/.test(error.message),
  );
});

Deno.test("problem() says that the Worker ended, and why; drops() can be asked after the end", async () => {
  const responder = await begin(undefined, timekeeper(ENDING_WORKER));
  assert.match(
    await waitFor("the end", () => responder.problem()),
    /^herald-arp ended: the socket broke$/,
  );
  await responder[Symbol.asyncDispose]();
  assert.equal(responder.drops().get("buffer-full"), 0);
});
