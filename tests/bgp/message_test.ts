import assert from "node:assert/strict";
import { formatIp } from "../../lib/net/ip.ts";
import {
  encodeKeepalive,
  encodeNotification,
  encodeRouteRefresh,
  type Message,
} from "../../lib/bgp/message.ts";
import { type BgpFault, hex, shutdownText } from "../../lib/bgp/notification.ts";
import { type Capability, encodeOpen, type Open } from "../../lib/bgp/open.ts";
import type { Update } from "../../lib/bgp/update.ts";
import { encodeUpdate, endOfRib } from "./codec.ts";
import { bytesOf, decode, described, texts, type Vector, VECTORS } from "./vectors.ts";

function whole(vector: Vector): Message {
  const message = decode(bytesOf(vector.hex), !vector.session.startsWith("ibgp"));
  assert.notEqual(message.kind, "wire-error", vector.name);
  return message as Exclude<typeof message, BgpFault>;
}

function encoded(message: Message): Uint8Array {
  switch (message.kind) {
    case "open":
      return encodeOpen(message);
    case "keepalive":
      return encodeKeepalive();
    case "notification":
      return encodeNotification(message.notification);
    case "route-refresh":
      return encodeRouteRefresh(message);
    case "update":
      return encodeUpdate(message.withdrawn.bytes, message.attributes, message.nlri.bytes);
  }
}

Deno.test("every captured message decodes and encodes back to the same bytes", () => {
  assert.equal(VECTORS.length, 138);
  for (const vector of VECTORS) {
    assert.equal(hex(encoded(whole(vector))), vector.hex, vector.name);
  }
});

Deno.test("captured UPDATEs of FRR, BIRD, GoBGP and ExaBGP mean what they should", () => {
  for (const vector of VECTORS) {
    if (vector.decoded.name !== "UPDATE") continue;
    const update = whole(vector) as Update;
    const { decoded } = vector;
    assert.deepEqual(texts(update.withdrawn), decoded.withdrawn, vector.name);
    assert.deepEqual(texts(update.nlri), decoded.nlri, vector.name);
    assert.deepEqual(update.mistakes, [], vector.name);
    const wanted = decoded.attributes.map(
      ({ type: _, name: __, ...rest }: Record<string, unknown>) => rest,
    );
    assert.deepEqual(update.attributes.map(described), wanted, vector.name);
    const marker = decoded.end_of_rib === undefined
      ? undefined
      : decoded.end_of_rib.afi === 1
      ? 4
      : 6;
    assert.equal(endOfRib(update), marker, vector.name);
  }
});

Deno.test("captured OPENs mean what they should, capability by capability", () => {
  for (const vector of VECTORS) {
    if (vector.decoded.name !== "OPEN") continue;
    const open = whole(vector) as Open;
    const { decoded } = vector;
    assert.deepEqual(
      [open.version, open.myAs, open.holdTimeSeconds, formatIp(open.routerId)],
      [decoded.version, decoded.my_as, decoded.hold_time, decoded.router_id],
      vector.name,
    );
    assert.deepEqual(
      open.parameters.map((capabilities) => capabilities.map(summary)),
      decoded.parameters.map((one: { capabilities: Record<string, unknown>[] }) =>
        one.capabilities.map(wantedSummary)
      ),
      vector.name,
    );
  }
});

function summary(capability: Capability): unknown {
  switch (capability.kind) {
    case "multiprotocol":
      return [1, capability.afi, capability.safi];
    case "route-refresh":
      return [2];
    case "extended-next-hop":
      return [5, capability.entries.length];
    case "extended-message":
      return [6];
    case "graceful-restart": {
      const { restarting, notification, restartTimeSeconds, families } = capability;
      return [64, restarting, notification, restartTimeSeconds, families.length];
    }
    case "four-octet-as":
      return [65, capability.asn];
    case "enhanced-route-refresh":
      return [70];
    case "unknown":
      return [capability.code, hex(capability.value)];
  }
}

// deno-lint-ignore no-explicit-any
function wantedSummary(one: any): unknown {
  if (one.code === 1) return [1, one.afi, one.safi];
  if (one.code === 5) return [5, one.tuples.length];
  if (one.code === 64) return [64, one.restart, one.notification, one.time, one.families.length];
  if (one.code === 65) return [65, one.asn];
  return [2, 6, 70].includes(one.code) ? [one.code] : [one.code, one.hex];
}

Deno.test("captured NOTIFICATIONs and refreshes mean what they should, with their texts", () => {
  for (const vector of VECTORS) {
    const { decoded } = vector;
    const message = whole(vector);
    if (message.kind === "notification") {
      const { code, subcode, data } = message.notification;
      assert.deepEqual([code, subcode, hex(data)], [decoded.code, decoded.subcode, decoded.data]);
      if (decoded.message !== undefined) {
        assert.equal(shutdownText(message.notification), decoded.message, vector.name);
      }
    } else if (message.kind === "route-refresh") {
      const { afi, subtype, safi } = message;
      assert.deepEqual([afi, subtype, safi], [decoded.afi, decoded.subtype, decoded.safi]);
    }
  }
});

Deno.test("a ROUTE-REFRESH of a wrong length is 7/1 for a mark, 1/2 for a request", () => {
  for (const [subtype, answer] of [[1, "7/1"], [2, "7/1"], [0, "1/2"]] as const) {
    const bytes = bytesOf(
      `${"ff".repeat(16)}0018050001${subtype.toString(16).padStart(2, "0")}0100`,
    );
    const fault = decode(bytes);
    assert.ok(fault.kind === "wire-error");
    assert.equal(`${fault.answer?.code}/${fault.answer?.subcode}`, answer);
  }
});
