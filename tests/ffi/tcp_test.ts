import assert from "node:assert/strict";
import {
  readSockaddrIp,
  SOCKADDR_IN,
  SOCKADDR_IN6,
  sockaddrIp,
  TCP_MD5SIG,
  tcpMd5sig,
} from "../../ffi/tcp.ts";
import { parseIp } from "../../lib/net/ip.ts";
import { layoutOf, refusedByC } from "./c_compiler.ts";

function ip(text: string) {
  const parsed = parseIp(text);
  assert.ok(parsed !== undefined);
  return parsed;
}

Deno.test("layouts of socket addresses and MD5 keys are those of the C headers", async () => {
  assert.equal(
    await refusedByC(["stddef.h", "linux/in.h", "linux/in6.h", "linux/tcp.h"], [
      ...layoutOf("sockaddr_in", SOCKADDR_IN, {
        family: "sin_family",
        port: "sin_port",
        address: "sin_addr",
      }),
      ...layoutOf("sockaddr_in6", SOCKADDR_IN6, {
        family: "sin6_family",
        port: "sin6_port",
        address: "sin6_addr",
        scopeId: "sin6_scope_id",
      }),
      ...layoutOf("tcp_md5sig", TCP_MD5SIG, {
        address: "tcpm_addr",
        keyLength: "tcpm_keylen",
        key: "tcpm_key",
      }),
    ]),
    "",
  );
});

Deno.test("readSockaddrIp() reads what sockaddrIp() wrote, of both families", () => {
  for (const [text, scopeId] of [["10.1.2.3", 0], ["fd00::5", 0], ["fe80::1", 7]] as const) {
    const read = readSockaddrIp(sockaddrIp(ip(text), 179, scopeId));
    assert.deepEqual(read, { ip: ip(text), port: 179, scopeId });
  }
  assert.equal(readSockaddrIp(new Uint8Array(28)), undefined);
});

Deno.test("tcpMd5sig() holds the peer without a port, and the key with its length", () => {
  const bytes = tcpMd5sig(ip("10.0.0.1"), new TextEncoder().encode("key"));
  assert.deepEqual([...bytes.subarray(0, 8)], [2, 0, 0, 0, 10, 0, 0, 1]);
  assert.deepEqual([...bytes.subarray(130, 140)], [3, 0, 0, 0, 0, 0, 107, 101, 121, 0]);
});
