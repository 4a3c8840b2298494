import assert from "node:assert/strict";
import { gossipKeys } from "../../lib/gossip/keys.ts";
import { openPacket } from "../../lib/gossip/packet.ts";
import { isWireError } from "../../lib/base/errors.ts";
import { VECTORS } from "./vectors.ts";

Deno.test("gossipKeys() makes MetalLB's keys of a text (row L26)", () => {
  const text = "0123456789abcdefghijkl"; // 22 characters, as v0.10 makes them
  const [short, long] = gossipKeys(text, undefined);
  assert.equal(new TextDecoder().decode(short), "0123456789abcdef");
  assert.equal(long?.length, 32);
  assert.equal(new TextDecoder().decode(long?.slice(0, 22)), text);
  assert.equal(long?.slice(22).toHex(), "e3b0c44298fc1c149afb");
  assert.equal(gossipKeys(text, 32)[0]?.length, 32);
  assert.equal(gossipKeys("x".repeat(172), undefined)[0]?.length, 32);
  assert.equal(gossipKeys("x".repeat(172), 16)[0]?.length, 16);
  assert.deepEqual(gossipKeys("", undefined), []);
});

Deno.test("gossipKeys() opens what MetalLB's speakers sent", () => {
  const made = VECTORS.filter(({ settings, transport }) =>
    transport === "udp" && "metallb_secret_text" in settings
  );
  assert.ok(made.length > 0);
  for (const { name, hex, settings } of made) {
    assert.ok("metallb_secret_text" in settings);
    const keys = gossipKeys(String(settings.metallb_secret_text), undefined);
    const opened = openPacket(Uint8Array.fromHex(hex), { keys });
    assert.ok(!isWireError(opened), name);
  }
});
