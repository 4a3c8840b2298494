import assert from "node:assert/strict";
import { BFD_DROPS, decodeBfd, encodeBfd } from "../../lib/bfd/packet.ts";
import { bytesOf } from "../bgp/vectors.ts";
import { hex } from "../../lib/bgp/notification.ts";
import { seededRandom } from "../support/random.ts";

interface Vector {
  readonly name: string;
  readonly hex: string;
  // deno-lint-ignore no-explicit-any
  readonly decoded: any;
}

const VECTORS: readonly Vector[] = JSON.parse(
  await Deno.readTextFile(new URL("../vectors/bfd.json", import.meta.url)),
);
const GOOD = bytesOf("20c003180000000100000002000c350000" + "0c350000000000");

Deno.test("every captured packet of FRR and BIRD decodes to its meaning and encodes back", () => {
  assert.equal(VECTORS.length, 42);
  for (const { name, hex: text, decoded } of VECTORS) {
    const packet = decodeBfd(bytesOf(text));
    assert.ok(typeof packet === "object", `${name}: ${packet}`);
    assert.deepEqual(
      [
        packet.diagnostic,
        packet.state,
        packet.detectMultiplier,
        packet.myDiscriminator,
        packet.yourDiscriminator,
        packet.desiredMinTxUs,
        packet.requiredMinRxUs,
        packet.requiredMinEchoRxUs,
      ],
      [
        decoded.diagnostic,
        decoded.state,
        decoded.detect_multiplier,
        decoded.my_discriminator,
        decoded.your_discriminator,
        decoded.desired_min_tx_us,
        decoded.required_min_rx_us,
        decoded.required_min_echo_rx_us,
      ],
      name,
    );
    const flags: readonly string[] = decoded.flags.map((one: string) => one.toLowerCase());
    assert.equal(packet.poll, flags.includes("poll"), name);
    assert.equal(packet.final, flags.includes("final"), name);
    assert.equal(hex(encodeBfd(packet)), text, name);
  }
});

Deno.test("B17: bad packets are dropped, each with its reason", () => {
  const changed = (at: number, value: number) => {
    const bytes = GOOD.slice();
    bytes[at] = value;
    return decodeBfd(bytes);
  };
  assert.equal(typeof decodeBfd(GOOD), "object");
  assert.equal(decodeBfd(GOOD.subarray(0, 23)), "truncated");
  assert.equal(changed(0, 0x00), "bad-version");
  assert.equal(changed(0, 0x40), "bad-version");
  assert.equal(changed(3, 23), "bad-length");
  assert.equal(changed(3, 25), "bad-length");
  assert.equal(changed(2, 0), "zero-multiplier");
  assert.equal(changed(7, 0), "zero-discriminator");
  assert.equal(changed(1, 0xc1), "multipoint");
  assert.equal(changed(1, 0xc4), "authentication");
  assert.equal(changed(11, 0), "lost-discriminator");
  const init = GOOD.slice();
  init.set([0x80], 1);
  init.set([0, 0, 0, 0], 8);
  assert.equal(decodeBfd(init), "lost-discriminator");
  init[1] = 0x40;
  assert.equal(typeof decodeBfd(init), "object", "Down needs none");
});

Deno.test("fuzz: 50,000 random packets decode or have a reason, and encode back where they have no more", () => {
  const random = seededRandom(17);
  let decoded = 0;
  for (let run = 0; run < 50_000; run++) {
    const bytes = GOOD.slice(0, random() < 0.1 ? Math.floor(random() * 24) : 24);
    for (let flips = Math.floor(random() * 6); flips > 0; flips--) {
      const at = Math.floor(random() * bytes.length);
      bytes[at] = Math.floor(random() * 256);
    }
    const packet = decodeBfd(bytes);
    if (typeof packet === "string") assert.ok(BFD_DROPS.includes(packet));
    else {
      decoded++;
      assert.equal(hex(encodeBfd(packet)), hex(bytes));
    }
  }
  assert.ok(decoded > 5_000 && decoded < 45_000);
});
