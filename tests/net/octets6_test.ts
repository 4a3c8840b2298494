import assert from "node:assert/strict";
import { parseIp6 } from "../../lib/net/ip.ts";
import { readIp6, writeIp6 } from "../../lib/net/octets6.ts";

Deno.test("readIp6() and writeIp6() are each other's inverse", () => {
  for (
    const text of ["::", "::1", "2001:db8:1:2:3:4:5:6", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]
  ) {
    const ip = parseIp6(text) ?? assert.fail(text);
    const octets = new Uint8Array(18);
    writeIp6(octets, 1, ip);
    assert.equal(readIp6(octets, 1), ip);
    assert.equal(octets[0], 0);
    assert.equal(octets[17], 0);
  }
});
