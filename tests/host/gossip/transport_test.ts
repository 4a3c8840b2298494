import assert from "node:assert/strict";
import { encodeMessage, type GossipMessage, type NodeState } from "../../../lib/gossip/message.ts";
import { type Endpoint, OWN_VSN } from "../../../lib/gossip/state.ts";
import { type GossipTransport, openGossipTransport } from "../../../lib/host/gossip/transport.ts";
import { type Clock, systemClock } from "../../../lib/host/process/clock.ts";
import { virtualClock } from "../../support/clock.ts";
import { waitFor } from "../../support/wait.ts";
import { ip4 } from "../../support/addresses.ts";

const KEY = new Uint8Array(16).fill(7);
const node = (name: string): NodeState => ({
  name,
  address: ip4(0x0a00_0001),
  port: 7946,
  meta: new Uint8Array(),
  incarnation: 1,
  state: "alive",
  vsn: OWN_VSN,
});

interface Side extends AsyncDisposable {
  readonly transport: GossipTransport;
  readonly at: Endpoint;
  readonly messages: { readonly message: GossipMessage; readonly from: Endpoint }[];
  readonly told: (readonly NodeState[])[];
  readonly refused: string[];
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** A transport on loopback that knows the nodes given, and notes what comes in. */
async function side(
  own: readonly NodeState[],
  { keys = [KEY], clock = systemClock }: { keys?: Uint8Array[]; clock?: Clock } = {},
): Promise<Side> {
  const at = { address: ip4(0x7f00_0001), port: freePort() };
  const transport = await openGossipTransport({ bind: at, keys, clock });
  const found: Pick<Side, "messages" | "told" | "refused"> = {
    messages: [],
    told: [],
    refused: [],
  };
  transport.serve({
    onMessage: (message, from) => void found.messages.push({ message, from }),
    onPushPull(nodes) {
      found.told.push(nodes);
      return own;
    },
    expected: () => [],
    onTurnedAway: () => undefined,
    onRefused: (reason, _, from) => void found.refused.push(`${reason} from ${from}`),
  });
  return { transport, at, ...found, [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose]() };
}

for (const keys of [[KEY], []]) {
  Deno.test(`pushPull() exchanges states, ${keys.length} keys`, async () => {
    await using one = await side([], { keys });
    await using other = await side([node("b")], { keys });
    const answer = await one.transport.pushPull(other.at, true, [node("a")]);
    assert.deepEqual(answer, { kind: "states", nodes: [node("b")] });
    assert.deepEqual(other.told, [[node("a")]]);
  });

  Deno.test(`send() carries messages by one datagram, ${keys.length} keys`, async () => {
    await using one = await side([], { keys });
    await using other = await side([], { keys });
    const messages: GossipMessage[] = [
      { kind: "nackResp", sequence: 7 },
      { kind: "dead", node: "c", incarnation: 2, from: "a" },
    ];
    one.transport.send(other.at, messages, true);
    await waitFor("both messages", () => other.messages.length === 2);
    assert.deepEqual(other.messages, messages.map((message) => ({ message, from: one.at })));
    assert.deepEqual(other.refused, []);
  });
}

Deno.test("tcpPing() tells whether a member answers", async () => {
  await using one = await side([]);
  const other = await side([]);
  assert.equal(await one.transport.tcpPing(other.at, "b", 3, 1_000), true);
  await other[Symbol.asyncDispose]();
  assert.equal(await one.transport.tcpPing(other.at, "b", 4, 1_000), false);
});

Deno.test("pushPull() fails where another key is used, and the other side tells why it refused", async () => {
  await using one = await side([]);
  await using other = await side([node("b")], { keys: [KEY.with(0, 1)] });
  const answer = await one.transport.pushPull(other.at, true, [node("a")]);
  assert.equal(answer.kind, "no answer");
  assert.match("detail" in answer ? answer.detail : "", /ended early/);
  assert.deepEqual([other.refused, other.told], [["bad-key from 127.0.0.1"], []]);
});

Deno.test("pushPull() fails with what the other side says", async () => {
  await using one = await side([], { keys: [] });
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answering = (async () => {
    using conn = await listener.accept();
    await conn.write(encodeMessage({ kind: "err", error: "not today" }));
    while (await conn.read(new Uint8Array(1_024)) !== null);
  })();
  const to = { address: ip4(0x7f00_0001), port: listener.addr.port };
  const answer = await one.transport.pushPull(to, true, []);
  assert.deepEqual(answer, { kind: "no answer", detail: "not today" });
  await answering;
});

Deno.test("pushPull() tells that nobody listens from that nobody answers", async () => {
  await using one = await side([]);
  const other = await side([]);
  await other[Symbol.asyncDispose]();
  assert.equal((await one.transport.pushPull(other.at, true, [])).kind, "no stream");
});

Deno.test("pushPull() ends after 10 s, whatever the other side does not say", async () => {
  const clock = virtualClock();
  await using one = await side([], { clock });
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const to = { address: ip4(0x7f00_0001), port: listener.addr.port };
  const exchange = one.transport.pushPull(to, true, []).then(({ kind }) => kind);
  using conn = await listener.accept();
  await conn.read(new Uint8Array(1_024));
  clock.advance(9_999);
  assert.equal(clock.pending(), 1);
  clock.advance(1);
  assert.equal(await exchange, "no answer");
  assert.equal(clock.pending(), 0);
});

Deno.test("serve() ends a stream that says nothing within a second, and more of one address at once (corpus 2.8.10)", async () => {
  const clock = virtualClock();
  await using one = await side([], { clock });
  const connect = () => Deno.connect({ hostname: "127.0.0.1", port: one.at.port });
  using idle = new DisposableStack();
  const ends: Promise<number | null>[] = [];
  for (let count = 0; count < 4; count++) {
    const conn = idle.use(await connect());
    ends.push(conn.read(new Uint8Array(64)).catch(() => null));
  }
  await waitFor("four streams", () => clock.pending() === 4);
  using fifth = await connect();
  assert.equal(await fifth.read(new Uint8Array(64)).catch(() => null), null, "closed at once");
  assert.deepEqual(one.refused, ["too-many-streams from 127.0.0.1"]);
  clock.advance(999);
  assert.equal(clock.pending(), 4);
  clock.advance(1);
  assert.deepEqual(await Promise.all(ends), Array(4).fill(null));
  await waitFor("their places", () => clock.pending() === 0);
  using talk = await connect();
  // In the clear, where there is a key: it is refused, which shows that it was served.
  await talk.write(encodeMessage({ kind: "nackResp", sequence: 7 }));
  assert.equal(await talk.read(new Uint8Array(64)).catch(() => null), null);
  await waitFor("the refusal", () => one.refused.includes("not-encrypted from 127.0.0.1"));
});

Deno.test("serve() gives a stream that has begun ten seconds", async () => {
  const clock = virtualClock();
  await using one = await side([], { clock });
  using slow = await Deno.connect({ hostname: "127.0.0.1", port: one.at.port });
  await waitFor("the stream", () => clock.pending() === 1);
  await slow.write(Uint8Array.of(10)); // encrypted, and nothing more
  const end = slow.read(new Uint8Array(64)).catch(() => null);
  clock.advance(500);
  await new Promise((resolve) => setTimeout(resolve, 100));
  clock.advance(9_000);
  assert.equal(clock.pending(), 1);
  clock.advance(1_000);
  assert.equal(await end, null);
});

Deno.test("openGossipTransport() fails where a port is taken, and leaves no socket open", async () => {
  const at = { address: ip4(0x7f00_0001), port: freePort() };
  const open = () => openGossipTransport({ bind: at, keys: [], clock: systemClock });
  {
    using _ = Deno.listen({ hostname: "127.0.0.1", port: at.port });
    await assert.rejects(open(), Deno.errors.AddrInUse);
  }
  await using _ = await open();
  await assert.rejects(open(), /EADDRINUSE/);
});

Deno.test("where no port is named the kernel's choice is guarded, and streams come to it too", async () => {
  const guarded: Endpoint[] = [];
  const bind = { address: ip4(0x7f00_0001), port: 0 };
  const openGuard = (at: Endpoint) => {
    guarded.push(at);
    return {
      sourcesChanged: () => undefined,
      mayKnock: () => true,
      takeKeptOut: () => 0,
      [Symbol.dispose]: () => undefined,
    };
  };
  await using transport = await openGossipTransport({
    bind,
    keys: [],
    clock: systemClock,
    openGuard,
  });
  transport.serve({
    onMessage: () => undefined,
    onPushPull: () => [],
    expected: () => [],
    onTurnedAway: () => undefined,
    onRefused: () => undefined,
  });
  const [at] = guarded;
  assert.ok(at !== undefined && at.port > 0);
  using _ = await Deno.connect({ hostname: "127.0.0.1", port: at.port });
});
