import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { Registry } from "prom-client";
import { createGossipMetrics } from "../../../lib/host/metrics/gossip.ts";
import { type Gossip, type GossipOptions, startGossip } from "../../../lib/host/gossip/gossip.ts";
import { systemClock } from "../../../lib/host/process/clock.ts";
import type { Log } from "../../../lib/host/process/log.ts";
import { compressLzw } from "../../../lib/gossip/lzw.ts";
import { encodeMessage, type GossipMessage, TYPE } from "../../../lib/gossip/message.ts";
import { encodeMap } from "../../../lib/gossip/msgpack.ts";
import { sealPacket } from "../../../lib/gossip/packet.ts";
import { joined } from "../../../lib/gossip/seal.ts";
import { OWN_VSN } from "../../../lib/gossip/state.ts";
import type { Ip } from "../../../lib/net/ip.ts";
import { waitFor } from "../../support/wait.ts";
import { ip4 } from "../../support/addresses.ts";
import { logOf } from "../../support/log.ts";

const KEY = new Uint8Array(16).fill(7);
const LOOPBACK = ip4(0x7f00_0001);
const B = { node: "b", address: ip4(0x7f00_0002), port: 1, vsn: OWN_VSN } as const;
const alive = (part: object = {}): GossipMessage => ({
  kind: "alive",
  ...B,
  meta: new Uint8Array(),
  incarnation: 5,
  ...part,
});

interface Stage extends AsyncDisposable {
  readonly gossip: Gossip;
  readonly port: number;
  readonly warnings: readonly string[];
  readonly changes: () => number;
  /** Refused packets by reason. */
  refused(): Promise<Record<string, number>>;
  send(bytes: Uint8Array): Promise<void>;
  /** Sends an honest message last, and waits until that has come through. */
  settle(): Promise<void>;
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function makeStage(
  { port = freePort(), ...part }: Partial<GossipOptions> & { port?: number } = {},
): Promise<Stage> {
  await using unfinished = new AsyncDisposableStack();
  const ending = new AbortController();
  unfinished.defer(() => ending.abort());
  const warnings: string[] = [];
  const warn: Log["warn"] = (fields, text) =>
    void warnings.push(`${text} ${JSON.stringify(fields)}`);
  const registry = new Registry();
  let changes = 0;
  const gossip = unfinished.use(
    await startGossip({
      name: "a",
      bind: { address: LOOPBACK, port },
      keys: [KEY],
      meta: new Uint8Array(),
      candidates: () => ({ addresses: [], complete: true }),
      isFit: () => true,
      onVouched: () => undefined,
      clock: systemClock,
      log: logOf({ warn, error: warn }),
      metrics: createGossipMetrics(registry),
      onChange: () => changes++,
      ...part,
    }, ending.signal),
  );
  const socket = createSocket("udp4");
  unfinished.defer(() => void socket.close());
  const send = (bytes: Uint8Array) =>
    new Promise<void>((resolve) => socket.send(bytes, port, "127.0.0.1", () => resolve()));
  const finished = unfinished.move();
  let marks = 0;
  return {
    gossip,
    port,
    warnings,
    changes: () => changes,
    async refused() {
      const metric = await registry.getSingleMetric("herald_gossip_refused_total")?.get();
      return Object.fromEntries(
        metric?.values.map(({ labels, value }) => [labels.reason, value]) ?? [],
      );
    },
    send,
    async settle() {
      const node = `mark${++marks}`;
      await send(seal(alive({ node })));
      await waitFor(`${node}`, () => gossip.members().has(node));
    },
    [Symbol.asyncDispose]: () => finished.disposeAsync(),
  };
}

/** As a member that has the key sends it. */
function seal(...messages: GossipMessage[]): Uint8Array {
  const nonce = crypto.getRandomValues(new Uint8Array(12));
  return sealPacket(messages.map(encodeMessage), { keys: [KEY], nonce });
}

Deno.test("startGossip() counts bad input by cause, tells of each once, and changes nothing by it", async () => {
  await using stage = await makeStage();
  const { gossip } = stage;
  await stage.send(seal(alive()));
  await stage.settle();
  const others = () => [...gossip.alive()].filter((name) => !name.startsWith("mark")).sort();
  assert.deepEqual(others(), ["a", "b"]);
  const nonce = new Uint8Array(12);
  const bomb = joined([
    Uint8Array.of(TYPE.compress),
    encodeMap([["Algo", 0], ["Buf", compressLzw(new Uint8Array(1 << 20))]]),
  ]);
  const wrong: Record<string, Uint8Array> = {
    "bad-key": sealPacket([encodeMessage(alive())], { keys: [KEY.with(0, 1)], nonce }),
    "bad-version": encodeMessage(alive()),
    "too-large": sealPacket([bomb], { keys: [KEY], nonce }),
    "truncated": Uint8Array.of(1),
  };
  for (let round = 0; round < 200; round++) {
    for (const bytes of Object.values(wrong)) await stage.send(bytes);
    if (round % 5 === 0) await stage.settle();
  }
  await stage.settle();
  const refused = await stage.refused();
  for (const reason of Object.keys(wrong)) assert.equal(refused[reason], 200, reason);
  assert.equal(stage.warnings.length, Object.keys(wrong).length, stage.warnings.join("\n"));
  assert.deepEqual(others(), ["a", "b"]);
  assert.doesNotMatch(stage.warnings.join(), new RegExp(KEY.toHex()));
});

Deno.test("startGossip() takes replayed news for old and keeps a name that is claimed twice with who has it", async () => {
  await using stage = await makeStage();
  const { gossip } = stage;
  const old = seal(alive({ incarnation: 4, meta: Uint8Array.of(4) }));
  await stage.send(old);
  await stage.settle();
  await stage.send(seal(alive({ incarnation: 5, meta: Uint8Array.of(5) })));
  await stage.settle();
  for (let round = 0; round < 100; round++) {
    await stage.send(old);
    await stage.send(seal(alive({ address: ip4(0x7f00_0009), incarnation: 9 })));
  }
  await stage.settle();
  const b = gossip.members().get("b");
  assert.deepEqual([b?.incarnation, b?.meta, b?.address], [5, Uint8Array.of(5), B.address]);
  assert.equal((await stage.refused())["name-conflict"], 100);
  const told = stage.warnings.filter((line) => line.includes("the same node name"));
  assert.equal(told.length, 1, told.join("\n"));
  assert.equal(gossip.rival(), undefined, "another's name is not ours");
});

Deno.test("startGossip() refutes a flood of forged suspicions about itself and stays", async () => {
  await using stage = await makeStage();
  const { gossip } = stage;
  await stage.settle();
  const changes = stage.changes();
  for (let round = 1; round <= 1_000; round++) {
    await stage.send(seal({ kind: "suspect", node: "a", incarnation: round, from: `x${round}` }));
    if (round % 50 === 0) await stage.settle();
  }
  await stage.settle();
  assert.ok(gossip.alive().has("a"));
  // Each mark is a change; the accusations are none.
  assert.equal(stage.changes() - changes, 21);
  assert.deepEqual(stage.warnings, []);
});

Deno.test("startGossip() joins the candidates, says when that is done, and leaves with a word", async () => {
  const port = freePort();
  await using one = await makeStage({ port });
  const at = { address: ip4(0x7f00_0002), port };
  await using other = await makeStage({
    name: "b",
    bind: at,
    candidates: () => ({ addresses: [LOOPBACK], complete: true }),
  });
  await other.gossip.joined;
  assert.deepEqual([...other.gossip.alive()].sort(), ["a", "b"]);
  assert.deepEqual([...one.gossip.alive()].sort(), ["a", "b"]);
  other.gossip.leave();
  await waitFor("a alone", () => one.gossip.alive().size === 1);
  assert.equal(one.gossip.members().get("b")?.state, "left");
});

Deno.test("startGossip() joins new candidates soon after it is told of them", async () => {
  const port = freePort();
  const candidates: Ip[] = [];
  await using one = await makeStage({
    port,
    candidates: () => ({ addresses: candidates, complete: true }),
  });
  await using _ = await makeStage({ name: "b", bind: { address: ip4(0x7f00_0002), port } });
  await one.gossip.joined;
  assert.deepEqual([...one.gossip.alive()], ["a"]);
  candidates.push(ip4(0x7f00_0002));
  one.gossip.joinSoon();
  await waitFor("b", () => one.gossip.alive().has("b"));
});

Deno.test("startGossip() knows when another node had its name first, and says so", async () => {
  await using stage = await makeStage();
  await stage.send(seal(alive({ node: "a", address: ip4(0x0a00_0009) })));
  await waitFor("rival", () => stage.gossip.rival() !== undefined);
  assert.equal(stage.changes(), 1);
  assert.match(stage.warnings.join(), /the same node name/);
});
