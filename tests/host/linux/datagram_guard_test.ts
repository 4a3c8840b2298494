import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { instant } from "../../../lib/base/time.ts";
import { guardDatagrams } from "../../../lib/host/linux/datagram_guard.ts";
import { ip6 } from "../../../lib/net/ip.ts";
import { ip4 } from "../../support/addresses.ts";
import { waitFor } from "../../support/wait.ts";

const [SELF, SPEAKER] = [ip4(0x7f00_0001), ip4(0x7f00_0002)];

function bound(address: string, port = 0): Promise<Socket> {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(port, address, () => resolve(socket));
  });
}

/** Sends so many, one after the other. */
async function send(from: Socket, port: number, to: string, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent++) {
    await new Promise<void>((resolve) => from.send(Uint8Array.of(1), port, to, () => resolve()));
  }
}

for (
  const [family, self, text] of [[4, SELF, "127.0.0.1"], [6, ip6(1n), "::1"]] as const
) {
  Deno.test(`IPv${family}: the kernel keeps a flood from the runtime's own socket, once it is guarded`, async () => {
    const socket = await bound(text);
    const { port } = socket.address();
    // A stream has the same address and port.
    using _listener = Deno.listen({ hostname: text, port });
    const other = await bound(text);
    try {
      let taken = 0;
      socket.on("message", () => void taken++);
      using guard = guardDatagrams({ address: self, port }, new Set([SPEAKER]));
      await send(other, port, text, 100);
      await waitFor("all", () => taken === 100);
      for (let count = 0; count < 200; count++) guard.mayKnock(instant(0));
      taken = 0;
      await send(other, port, text, 2_000);
      await waitFor("the kernel to tell", () => guard.takeKeptOut(instant(1_000)) > 1_800);
      assert.ok(taken < 100, `${taken}`);
    } finally {
      socket.close();
      other.close();
    }
  });
}

Deno.test("speakers come through the guard, and a socket of nobody has none", async () => {
  const socket = await bound("127.0.0.1");
  const { port } = socket.address();
  const speaker = await bound("127.0.0.2");
  try {
    let taken = 0;
    socket.on("message", () => void taken++);
    using guard = guardDatagrams({ address: SELF, port }, new Set([SPEAKER]));
    for (let count = 0; count < 200; count++) guard.mayKnock(instant(0));
    await send(speaker, port, "127.0.0.1", 100);
    await waitFor("all", () => taken === 100);
  } finally {
    socket.close();
    speaker.close();
  }
  assert.throws(() => guardDatagrams({ address: SPEAKER, port }, new Set()), /no datagram socket/);
});
