import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeMessage, TYPE } from "../../lib/bgp/frame.ts";
import {
  asnOf,
  type Capability,
  decodeOpen,
  encodeOpen,
  familiesOf,
  type Open,
} from "../../lib/bgp/open.ts";
import { ip4 } from "../support/addresses.ts";

const BASE = { version: 4, myAs: 64500, holdTimeSeconds: 90, routerId: ip4(0x0a000001) };

function open(...capabilities: Capability[]): Open {
  const decoded = decodeOpen(encodeOpen({ ...BASE, parameters: [capabilities] }));
  assert.ok(decoded.kind === "open");
  return decoded;
}

/** The OPEN with these bytes after the fixed part. */
function raw(...tail: number[]) {
  return decodeOpen(
    encodeMessage(TYPE.open, Uint8Array.of(4, 0xfb, 0xf4, 0, 90, 10, 0, 0, 1, ...tail)),
  );
}

function answer(decoded: ReturnType<typeof raw>): string {
  assert.ok(decoded.kind === "wire-error");
  return `${decoded.answer?.code}/${decoded.answer?.subcode}`;
}

Deno.test("capabilities survive a round trip", () => {
  const u16 = fc.integer({ min: 0, max: 0xffff });
  const u8 = fc.integer({ min: 0, max: 255 });
  const capability: fc.Arbitrary<Capability> = fc.oneof(
    fc.record({ kind: fc.constant("multiprotocol" as const), afi: u16, safi: u8 }),
    fc.constant({ kind: "route-refresh" as const }),
    fc.constant({ kind: "extended-message" as const }),
    fc.constant({ kind: "enhanced-route-refresh" as const }),
    fc.record({
      kind: fc.constant("four-octet-as" as const),
      asn: fc.integer({ min: 0, max: 0xffff_ffff }),
    }),
    fc.record({
      kind: fc.constant("extended-next-hop" as const),
      entries: fc.array(fc.record({ afi: u16, safi: u16, nextHopAfi: u16 }), {
        minLength: 1,
        maxLength: 3,
      }),
    }),
    fc.record({
      kind: fc.constant("graceful-restart" as const),
      restarting: fc.boolean(),
      notification: fc.boolean(),
      restartTimeSeconds: fc.integer({ min: 0, max: 4095 }),
      families: fc.array(fc.record({ afi: u16, safi: u8, flags: u8 }), { maxLength: 3 }),
    }),
    fc.record({
      kind: fc.constant("unknown" as const),
      code: fc.integer({ min: 100, max: 255 }),
      value: fc.uint8Array({ maxLength: 8 }),
    }),
  );
  fc.assert(
    fc.property(
      fc.array(fc.array(capability, { maxLength: 3 }), { maxLength: 2 }),
      (parameters) => {
        const decoded = decodeOpen(encodeOpen({ ...BASE, parameters }));
        // Compared as JSON: what fast-check makes has no prototype.
        assert.equal(
          JSON.stringify(decoded),
          JSON.stringify({ kind: "open", ...BASE, parameters }),
        );
      },
    ),
    { seed: 5, numRuns: 500 },
  );
});

Deno.test("B11: version 3 is 2/1, and the data says 4", () => {
  const bytes = encodeOpen({ ...BASE, version: 3, parameters: [] });
  const decoded = decodeOpen(bytes);
  assert.equal(answer(decoded), "2/1");
  assert.ok(decoded.kind === "wire-error");
  assert.deepEqual([...decoded.answer?.data ?? []], [0, 4]);
});

Deno.test("2.6-5: parameters past the end are 2/0, an unknown one 2/4", () => {
  assert.equal(answer(raw(10)), "2/0");
  assert.equal(answer(raw(2, 2, 5)), "2/0");
  assert.equal(answer(raw(1, 2)), "2/0");
  assert.equal(answer(raw(2, 1, 0)), "2/4");
});

Deno.test("2.6-6: a capability past its parameter is 2/0, one of a wrong length is as unknown", () => {
  assert.equal(answer(raw(4, 2, 2, 65, 4)), "2/0");
  const decoded = raw(5, 2, 3, 65, 1, 9);
  assert.ok(decoded.kind === "open");
  assert.deepEqual(decoded.parameters, [[{
    kind: "unknown",
    code: 65,
    value: Uint8Array.of(9),
  }]]);
});

Deno.test("2.6-5: extended optional parameters are read (RFC 9072)", () => {
  const decoded = raw(255, 255, 0, 5, 2, 0, 2, 2, 0);
  assert.ok(decoded.kind === "open");
  assert.deepEqual(decoded.parameters, [[{ kind: "route-refresh" }]]);
  assert.equal(answer(raw(255, 255, 0, 6, 2, 0, 2, 2, 0)), "2/0");
});

Deno.test("asnOf() prefers the capability, familiesOf() takes IPv4 for granted without one", () => {
  assert.equal(asnOf(open({ kind: "four-octet-as", asn: 4_200_000_000 })), 4_200_000_000);
  assert.equal(asnOf(open()), 64500);
  assert.deepEqual(familiesOf(open()), new Set([4]));
  assert.deepEqual(
    familiesOf(open({ kind: "multiprotocol", afi: 2, safi: 1 })),
    new Set([6]),
  );
  assert.deepEqual(familiesOf(open({ kind: "multiprotocol", afi: 1, safi: 2 })), new Set());
});

Deno.test("encodeOpen() refuses more capabilities than a length octet can tell", () => {
  const value = new Uint8Array(200);
  const one: Capability = { kind: "unknown", code: 200, value };
  assert.throws(() => encodeOpen({ ...BASE, parameters: [[one], [one]] }), RangeError);
});
