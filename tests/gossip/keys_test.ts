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

Deno.test("gossipKeys() takes each line for a key: the first sends, the others are understood", () => {
  const [one, other] = ["a".repeat(40), "b".repeat(40)];
  const both = gossipKeys(`${one}\r\n\n${other}\n`, undefined);
  assert.deepEqual(both, [...gossipKeys(one, undefined), ...gossipKeys(other, undefined)]);
  assert.deepEqual(gossipKeys(" \n", undefined), []);
  const many = gossipKeys(Array(100).fill(one).join("\n"), undefined);
  assert.equal(many.length, 8, "each costs a try for every packet of a stranger");
});

Deno.test("while a key is changed step by step all understand all", () => {
  const steps = ["old", "old\nnew", "new\nold", "new"];
  for (const [index, text] of steps.entries()) {
    const next = steps[index + 1];
    if (next === undefined) continue;
    for (const [sender, receiver] of [[text, next], [next, text]] as const) {
      const [key] = gossipKeys(sender, undefined);
      const known = gossipKeys(receiver, undefined).map((one) => one.toHex());
      assert.ok(key !== undefined && known.includes(key.toHex()), `${sender} to ${receiver}`);
    }
  }
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
