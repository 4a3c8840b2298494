import assert from "node:assert/strict";
import { ADDRESSES, type Column, PEERS, POOLS, SERVICES } from "../../lib/status/tables.ts";
import type { PeerStatus } from "../../lib/status/types.ts";

const cells = <Row>(columns: readonly Column<Row>[], row: Row): string[] =>
  columns.map(({ cell }) => cell(row));

const POOL = {
  name: "default",
  protocol: "layer2",
  addresses: "21",
  inUse: 3,
  services: 2,
  kept: 0,
  reserved: 0,
};
const PEER: PeerStatus = {
  peer: "10.0.0.1:179",
  asn: 64501,
  state: "Established",
  establishedAt: "2026-01-01T00:00:00Z",
  localAddress: undefined,
  routerId: undefined,
  peerRouterId: undefined,
  holdTimeMs: undefined,
  families: [],
  lastError: "hold timer expired",
  lastNotificationSent: undefined,
  lastNotificationReceived: undefined,
  prefixesSent: 2,
  prefixesPending: 0,
  prefixesReceived: 0,
  messagesSent: 1,
  messagesReceived: 1,
  nextAttemptInMs: undefined,
  bfd: undefined,
};

Deno.test("POOLS tells what is kept, reserved and when a pool will be full", () => {
  assert.deepEqual(cells(POOLS.text, { ...POOL, kept: 1, reserved: 2, fullInMs: 0 }), [
    "default",
    "layer2",
    "3 of 21",
    "2 Services",
    "1 kept for a deleted Service, 2 reserved, full",
  ]);
  assert.equal(cells(POOLS.text, POOL).at(-1), "");
  assert.deepEqual(cells(POOLS.page, POOL), ["default", "layer2", "3", "21"]);
});

Deno.test("SERVICES says why a Service has no address", () => {
  const row = { service: "a/b", ips: [], reason: "no available IPs" };
  assert.deepEqual(cells(SERVICES.text, row), ["a/b", "none", "no available IPs"]);
  assert.deepEqual(cells(SERVICES.page, row), ["a/b", "no available IPs", ""]);
  assert.equal(cells(SERVICES.text, { ...row, reason: "x".repeat(161) })[2], "x".repeat(160) + "…");
});

Deno.test("ADDRESSES names the owner, and by BGP that there is none", () => {
  const row = { ip: "10.0.0.1", services: ["a/b", "c/d"], announcing: false, reason: "why" };
  assert.deepEqual(cells(ADDRESSES.text, row), ["10.0.0.1", "nobody", "no: why", "a/b,c/d"]);
  assert.deepEqual(
    cells(ADDRESSES.page, { ...row, protocol: "bgp", announcing: true, routes: ["r", "s"] }),
    ["10.0.0.1", "a/b, c/d", "by BGP", "r; s"],
  );
  assert.equal(cells(ADDRESSES.page, { ...row, announcing: true }).at(-1), "answers");
});

Deno.test("PEERS shows the last error while there is no session, and what is still to come", () => {
  assert.equal(cells(PEERS.text, PEER).at(-1), "");
  const idle = { ...PEER, state: "Idle", prefixesPending: 5, bfd: "Down" };
  assert.deepEqual(cells(PEERS.text, idle).slice(4), [
    "2 (5 to come)",
    "Down",
    "hold timer expired",
  ]);
  assert.deepEqual(cells(PEERS.page, idle).slice(3), ["2", "Down", "hold timer expired"]);
});
