import assert from "node:assert/strict";
import { joined } from "./cluster.ts";
import type { GossipMessage } from "../../lib/gossip/message.ts";

const from = { address: 0x0a00_0063 as never, port: 4_000 };
const source = { sourceAddress: undefined, sourcePort: 0, sourceNode: "" };
const sentBy = (cluster: ReturnType<typeof joined>, name: string) =>
  cluster.told.filter(({ by }) => by === name).flatMap(({ action }) =>
    action.kind === "send" ? action.messages.map((message) => ({ to: action.to, message })) : []
  );

Deno.test("a ping for us is answered to where it came from, or to where it says", () => {
  const cluster = joined("a", "b");
  const ask = (message: GossipMessage) => {
    const before = sentBy(cluster, "a").length;
    cluster.act("a", { kind: "message", message, from });
    return sentBy(cluster, "a").slice(before);
  };
  const ping = { kind: "ping", sequence: 77, node: "a", ...source } as const;
  assert.deepEqual(ask(ping)[0]?.to, from);
  assert.equal(ask({ ...ping, node: "" }).length > 0, true);
  assert.deepEqual(ask({ ...ping, node: "somebody" }), [], "another's name");
  const other = { sourceAddress: 0x0a00_0007 as never, sourcePort: 9, sourceNode: "q" };
  assert.deepEqual(ask({ ...ping, ...other })[0]?.to, { address: 0x0a00_0007, port: 9 });
});

Deno.test("a helper pings for another, and says when it could not", () => {
  const cluster = joined("a", "b", "c");
  const target = cluster.members.get("b")?.self.address ?? assert.fail();
  const asked: GossipMessage = {
    kind: "indirectPing",
    sequence: 500,
    target,
    port: 7946,
    node: "b",
    nack: true,
    ...source,
  };
  const answers = () =>
    sentBy(cluster, "a").filter(({ to }) => to.address === from.address).map(({ message }) =>
      message
    );
  cluster.act("a", { kind: "message", message: asked, from });
  assert.deepEqual(answers(), [{ kind: "ackResp", sequence: 500, payload: new Uint8Array() }]);
  cluster.stop("b");
  cluster.act("a", { kind: "message", message: { ...asked, sequence: 501 }, from });
  cluster.pass(600);
  assert.deepEqual(answers().at(-1), { kind: "nackResp", sequence: 501 });
});

Deno.test("a flood of requests to ping others is bounded", () => {
  const cluster = joined("a");
  for (let sequence = 0; sequence < 5_000; sequence++) {
    const target = 0x0a00_0050 as never;
    const message = {
      kind: "indirectPing",
      sequence,
      target,
      port: 1,
      node: "x",
      nack: true,
    } as const;
    cluster.act("a", { kind: "message", message: { ...message, ...source }, from });
  }
  assert.equal(cluster.members.get("a")?.relays.size, 1_024);
  cluster.pass(1_100);
  assert.equal(cluster.members.get("a")?.relays.size, 0);
});
