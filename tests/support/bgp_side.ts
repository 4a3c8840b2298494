import assert from "node:assert/strict";
import { messageLength } from "../../lib/bgp/frame.ts";
import { decodeMessage, encodeKeepalive } from "../../lib/bgp/message.ts";
import type { Notification } from "../../lib/bgp/notification.ts";
import { encodeOpen } from "../../lib/bgp/open.ts";
import { ip4 } from "./addresses.ts";

/** An OPEN of AS 64501, which takes IPv4 routes and answers requests for a refresh. */
export const THEIR_OPEN = encodeOpen({
  version: 4,
  myAs: 64501,
  holdTimeSeconds: 90,
  routerId: ip4(0x0a000002),
  parameters: [[{ kind: "four-octet-as", asn: 64501 }, { kind: "enhanced-route-refresh" }, {
    kind: "route-refresh",
  }]],
});

/** The other side of a session of Herald's: a test writes its messages. */
export interface BgpSide extends Disposable {
  /** The next whole message; undefined at the end of the stream. */
  next(): Promise<Uint8Array | undefined>;
  send(...all: Uint8Array[]): Promise<void>;
  /** The kinds of all messages until the stream ends, and the NOTIFICATION among them. */
  untilEnd(): Promise<{ kinds: string[]; said: Notification | undefined }>;
  readonly conn: Deno.TcpConn;
}

/** Reads whole messages, whatever the pieces. */
export function talk(conn: Deno.TcpConn): BgpSide {
  let rest: Uint8Array = new Uint8Array(0);
  async function next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const length = messageLength(rest, 0, rest.length, 4096);
      assert.notEqual(typeof length, "object", "Herald sent no message");
      if (typeof length === "number" && length <= rest.length) {
        const message = rest.slice(0, length);
        rest = rest.slice(length);
        return message;
      }
      const chunk = new Uint8Array(65_536);
      const count = await conn.read(chunk);
      if (count === null) return undefined;
      rest = Uint8Array.from([...rest, ...chunk.subarray(0, count)]);
    }
  }
  return {
    next,
    send: async (...all: Uint8Array[]) => {
      for (const bytes of all) await conn.write(bytes);
    },
    async untilEnd() {
      const kinds: string[] = [];
      let said: Notification | undefined;
      for (let bytes = await next(); bytes !== undefined; bytes = await next()) {
        const message = decodeMessage(bytes, { asnBytes: 4, ebgp: true, maxLength: 4096 });
        kinds.push(message.kind);
        if (message.kind === "notification") said = message.notification;
      }
      return { kinds, said };
    },
    conn,
    [Symbol.dispose]: () => {
      try {
        conn.close();
      } catch {
        // the test has closed it
      }
    },
  };
}

/** Takes Herald's OPEN and KEEPALIVE, and says its own. */
export async function establish(side: BgpSide): Promise<void> {
  await side.next();
  await side.send(THEIR_OPEN, encodeKeepalive());
  await side.next();
}
