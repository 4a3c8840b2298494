// deno-lint-ignore-file no-console -- a program that others read
// A BGP peer that hears everything and tells when: a JSON line for each UPDATE, with the wall clock.
// usage: bgp_sink.ts ADDRESS PORT ASN
import { messageLength } from "../lib/bgp/frame.ts";
import { decodeMessage, encodeKeepalive } from "../lib/bgp/message.ts";
import { encodeOpen } from "../lib/bgp/open.ts";
import { ip4 } from "../tests/support/addresses.ts";

const [hostname = "0.0.0.0", port = "179", asn = "64501"] = Deno.args;
const listener = Deno.listen({ hostname, port: Number(port) });
console.log(JSON.stringify({ kind: "listening" }));
for await (const conn of listener) await serve(conn).catch(() => undefined);

function wallMs(): number {
  return performance.timeOrigin + performance.now();
}

async function serve(conn: Deno.TcpConn): Promise<void> {
  conn.setNoDelay();
  let rest: Uint8Array = new Uint8Array(0);
  const chunk = new Uint8Array(1 << 20);
  for (;;) {
    const count = await conn.read(chunk);
    if (count === null) return conn.close();
    const bytes = new Uint8Array(rest.length + count);
    bytes.set(rest);
    bytes.set(chunk.subarray(0, count), rest.length);
    let at = 0;
    for (;;) {
      const length = messageLength(bytes, at, bytes.length - at, 4096);
      if (typeof length !== "number" || at + length > bytes.length) break;
      await hear(conn, bytes.slice(at, at + length));
      at += length;
    }
    rest = bytes.slice(at);
  }
}

async function hear(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  const message = decodeMessage(bytes, { asnBytes: 4, ebgp: true, maxLength: 4096 });
  if (message.kind === "open") {
    const capabilities = [
      { kind: "multiprotocol", afi: 1, safi: 1 },
      { kind: "four-octet-as", asn: Number(asn) },
    ] as const;
    const routerId = ip4(0x0a4d0101);
    const terms = { version: 4, myAs: Number(asn), holdTimeSeconds: 90, routerId };
    await conn.write(encodeOpen({ ...terms, parameters: [capabilities] }));
    await conn.write(encodeKeepalive());
  } else if (message.kind === "keepalive") {
    await conn.write(encodeKeepalive());
  } else if (message.kind === "update") {
    const { nlri, withdrawn } = message;
    const told = { announced: nlri.count, withdrawn: withdrawn.count };
    console.log(JSON.stringify({ kind: "update", atMs: wallMs(), ...told }));
  }
}
