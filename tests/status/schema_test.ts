import assert from "node:assert/strict";
import { statusReport } from "../../lib/cli/status.ts";
import type { ProcessStatus } from "../../lib/status/types.ts";
import { statusSchema } from "../../.ci/status_schema.ts";
import { differences } from "../support/json_schema.ts";
import { PROCESS_STATUS, STATUS_SCHEMA_FILE } from "../support/status.ts";

const SCHEMA = STATUS_SCHEMA_FILE;

/** All that may stand in a status stands in it. */
const WHOLE: ProcessStatus = {
  ...PROCESS_STATUS,
  store: "/srv/lb",
  config: {
    state: "stale",
    source: "c.yaml",
    problems: [{ severity: "error", source: "c", line: 1, column: 1, message: "m", hint: "h" }],
    reason: "the configuration has 1 mistake",
  },
  controller: {
    lead: { role: "leader", leader: "pod-a_1" },
    pools: [{
      name: "p",
      protocol: "layer2",
      addresses: "18446744073709551616",
      inUse: 1,
      services: 1,
      kept: 0,
      reserved: 0,
      fullInMs: 1,
    }],
    services: [{ service: "default/web", ips: ["10.0.0.1"], pool: "p" }],
  },
  speaker: {
    node: "n1",
    election: "v0.11",
    ignoreExcludeLabel: false,
    judge: "Herald",
    live: ["n1"],
    backend: "ebpf",
    interfaces: [{ name: "eth0", mac: "02:00:00:00:00:01", by: "socket" }],
    leftOut: ["cni0"],
    members: [{ node: "n2", address: "10.0.0.2:7946", state: "alive" }],
    owned: { n1: 1 },
    cutOff: { n2: ["10.0.0.0/24"] },
    concerns: ["it is alone"],
    conflicts: [{ ip: "10.0.0.1", mac: "02:00:00:00:00:09" }],
    addresses: [{
      ip: "10.0.0.1",
      services: ["default/web"],
      owner: "n1",
      protocol: "bgp",
      announcing: true,
      routes: ["10.0.0.1/32 to 10.9.0.1:179"],
      reason: "",
    }],
    peers: [{
      peer: "10.9.0.1:179",
      asn: 64501,
      state: "Established",
      establishedAt: "2026-01-01T00:00:00Z",
      localAddress: "10.9.0.2",
      routerId: "10.9.0.2",
      peerRouterId: "10.9.0.1",
      holdTimeMs: 90_000,
      families: ["ipv4"],
      lastError: undefined,
      lastNotificationSent: undefined,
      lastNotificationReceived: undefined,
      prefixesSent: 1,
      prefixesPending: 0,
      prefixesReceived: 0,
      messagesSent: 1,
      messagesReceived: 1,
      nextAttemptInMs: undefined,
      bfd: "Up",
    }],
  },
};

Deno.test("docs/status.schema.json says what the code says; deno run -A .ci/status_schema.ts makes it so", async () => {
  assert.deepEqual(SCHEMA, JSON.parse(JSON.stringify(await statusSchema())));
});

Deno.test("first use P9: what a process and what the command say is as the schema describes it", () => {
  for (const status of [PROCESS_STATUS, WHOLE]) {
    const json = JSON.parse(JSON.stringify(status));
    assert.deepEqual(differences(SCHEMA, "ProcessStatus", json), []);
    for (const found of [{}, { silent: [{ pod: "a/b", why: "c" }], problems: ["d"] }]) {
      const roles = [status, { ...status, pod: "lb/c-1" }];
      const report = JSON.parse(statusReport({ roles, ...found }, "json"));
      assert.deepEqual(differences(SCHEMA, "StatusReport", report), []);
    }
  }
});

Deno.test("the schema refuses what is missing, of another type, and what it does not know", () => {
  const { pid: _, ...without } = PROCESS_STATUS;
  const rows: readonly (readonly [value: unknown, difference: RegExp])[] = [
    [without, /lacks pid/],
    [{ ...PROCESS_STATUS, ready: "yes" }, /^\$\.ready: is string$/],
    [{ ...PROCESS_STATUS, phase: "x" }, /has phase/],
    [{ ...PROCESS_STATUS, schema: 2 }, /^\$\.schema: 2$/],
    [{ ...PROCESS_STATUS, config: { ...WHOLE.config, state: "odd" } }, /config\.state: odd/],
  ];
  for (const [value, difference] of rows) {
    assert.match(differences(SCHEMA, "ProcessStatus", value).join(), difference);
  }
});
