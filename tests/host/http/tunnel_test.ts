import assert from "node:assert/strict";
import fc from "fast-check";
import { openTunnel } from "../../../lib/host/http/tunnel.ts";
import { makeKeyPair } from "../../../lib/host/process/key_pair.ts";
import { openSockets } from "../../support/sockets.ts";
import { waitFor } from "../../support/wait.ts";

const PAIR = await makeKeyPair(["127.0.0.1"], Date.now());

/** A client, and the connection that came of it. */
async function connected(): Promise<{ client: Deno.TcpConn; outside: Deno.TcpConn }> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [client, outside] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
    listener.accept(),
  ]);
  return { client, outside };
}

/** What a client of TLS says first. */
async function clientHello(): Promise<Uint8Array<ArrayBuffer>> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const trying = Deno.connectTls({ hostname: "127.0.0.1", port })
    .then((connection) => connection.handshake().finally(() => connection.close()))
    .catch(() => {});
  const connection = await listener.accept();
  const bytes = new Uint8Array(4_096);
  const count = await connection.read(bytes) ?? 0;
  connection.close();
  await trying;
  return bytes.slice(0, count);
}

function shut(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It is closed.
  }
}

Deno.test("what goes in at one end comes out at the other, and the end too", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    const outside = await listener.accept();
    const tunnel = await openTunnel(outside, PAIR);
    assert.ok(tunnel);
    const buffer = new Uint8Array(100);
    const count = await tunnel.wire.read(buffer) ?? 0;
    const bytes = new Uint8Array(1_000_000).fill(buffer[count - 1] ?? 0);
    for (let at = 0; at < bytes.length;) at += await tunnel.wire.write(bytes.subarray(at));
    await tunnel.close();
    outside.close();
  })();
  const caCerts = [PAIR.certificate];
  const { port } = listener.addr;
  const client = await Deno.connectTls({ hostname: "127.0.0.1", port, caCerts });
  await client.write(Uint8Array.of(7));
  let sum = 0;
  for await (const chunk of client.readable) {
    assert.ok(chunk.every((octet) => octet === 7));
    sum += chunk.length;
  }
  assert.equal(sum, 1_000_000);
  await serving;
});

Deno.test("whatever a client says, and whoever ends it in the middle, nothing stays open", async () => {
  const hello = await clientHello();
  assert.equal(hello[0], 22);
  const before = openSockets();
  const said = fc.oneof(
    fc.nat({ max: hello.length }).map((count) => hello.slice(0, count)),
    fc.uint8Array({ maxLength: 2_000 }).map((bytes) => Uint8Array.of(22, ...bytes)),
    fc.uint8Array({ maxLength: 100 }),
  );
  await fc.assert(
    fc.asyncProperty(said, fc.boolean(), fc.boolean(), async (bytes, isOurs, isReading) => {
      const { client, outside } = await connected();
      await client.write(bytes);
      // Whoever says nothing has to end it himself, or his time does.
      if (bytes.length === 0) shut(client);
      const tunnel = await openTunnel(outside, PAIR).catch(() => undefined);
      const buffer = new Uint8Array(10);
      const reading = isReading ? tunnel?.wire.read(buffer).catch(() => {}) : undefined;
      // As who looks after the limits does, or the other side.
      shut(isOurs ? outside : client);
      await reading;
      await tunnel?.close();
      shut(outside);
      shut(client);
    }),
    { numRuns: 100 },
  );
  await waitFor("the end of all sockets", () => openSockets() <= before);
});
