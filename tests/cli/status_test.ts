import assert from "node:assert/strict";
import { statusText } from "../../lib/cli/status.ts";

Deno.test("statusText() lays pools, Services, owners and config mistakes out in lines", () => {
  const text = statusText({
    pid: 42,
    version: "0.1.0",
    role: "all",
    startedAt: "2026-01-01T00:00:00Z",
    objects: "store /srv/lb",
    namespace: "metallb-system",
    ready: false,
    notReady: ["no configuration in force"],
    unhealthy: [],
    config: {
      state: "stale",
      source: "pools.yaml",
      reason: "the configuration has mistakes",
      problems: [{
        severity: "error",
        source: "pools.yaml",
        line: 3,
        column: 5,
        message: 'unknown key "adresses"',
      }],
    },
    controller: {
      lead: { role: "standby", leader: "pod-b_1" },
      pools: [{ name: "default", protocol: "layer2", addresses: "21", inUse: 1, services: 1 }],
      services: [
        { service: "default/nginx", ips: ["10.77.1.220"], pool: "default" },
        { service: "default/other", ips: [], reason: "no pool has a free address" },
      ],
    },
    speaker: {
      node: "node1",
      backend: "socket",
      interfaces: [{ name: "eth0", mac: "02:00:00:00:00:01" }],
      addresses: [{
        ip: "10.77.1.220",
        services: ["default/nginx"],
        owner: "node2",
        announcing: false,
        reason: "lost election",
      }],
    },
  });
  for (
    const line of [
      /^all \(process 42/,
      /ready +no: no configuration in force/,
      /leader +pod-b_1; this one stands by/,
      /config +stale from pools\.yaml/,
      /pools\.yaml:3:5: unknown key "adresses"/,
      /default +layer2 +1 of 21 +1 Services/,
      /default\/nginx +10\.77\.1\.220 +default/,
      /default\/other +none +no pool has a free address/,
      /10\.77\.1\.220 +node2 +no: lost election +default\/nginx/,
      /ARP, NDP +socket on eth0 02:00:00:00:00:01/,
    ]
  ) assert.match(text, line);
});
