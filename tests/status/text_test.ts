import assert from "node:assert/strict";
import { interfacesText, leadText, statusText } from "../../lib/status/text.ts";
import type { ProcessStatus } from "../../lib/status/types.ts";
import { PROCESS_STATUS } from "../support/status.ts";

Deno.test("statusText() lays pools, Services, owners and config mistakes out in lines", () => {
  const text = statusText({
    ...PROCESS_STATUS,
    pid: 42,
    ready: false,
    notReady: ["no configuration in force"],
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
      pools: [{
        name: "default",
        protocol: "layer2",
        addresses: "21",
        inUse: 1,
        services: 1,
        kept: 0,
        reserved: 0,
      }],
      services: [
        { service: "default/nginx", ips: ["10.77.1.220"], pool: "default" },
        { service: "default/other", ips: [], reason: "no pool has a free address" },
      ],
    },
    speaker: {
      node: "node1",
      judge: "v0.12",
      backend: "ebpf",
      interfaces: [
        { name: "eth0", mac: "02:00:00:00:00:01", by: "ebpf" },
        { name: "eth1", mac: "02:00:00:00:00:02", by: "socket" },
      ],
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
      /rules +MetalLB v0\.12's for nodes/,
      /ARP, NDP +ebpf on eth0 02:00:00:00:00:01, eth1 02:00:00:00:00:02 \(by socket\)$/m,
      /config +stale from pools\.yaml/,
      /pools\.yaml:3:5: unknown key "adresses"/,
      /default +layer2 +1 of 21 +1 Service(?!s)/,
      /default\/nginx +10\.77\.1\.220 +default/,
      /default\/other +none +no pool has a free address/,
      /10\.77\.1\.220 +node2 +no: lost election +default\/nginx/,
    ]
  ) assert.match(text, line);
});

function manyServices(count: number, waiting: number): ProcessStatus {
  return {
    ...PROCESS_STATUS,
    controller: {
      pools: [
        {
          name: "p",
          protocol: "layer2",
          addresses: "65536",
          inUse: count,
          services: count,
          kept: 0,
          reserved: 0,
        },
        {
          name: "six",
          protocol: "bgp",
          addresses: String(2n ** 64n),
          inUse: 0,
          services: 0,
          kept: 0,
          reserved: 0,
        },
      ],
      services: Array.from(
        { length: count },
        (_, index) =>
          index < count - waiting
            ? {
              service: `default/s${index}`,
              ips: [`10.0.${index >> 8}.${index & 255}`],
              pool: "p",
            }
            : { service: `default/waits${index}`, ips: [], reason: `full ${"x".repeat(900)}` },
      ),
    },
    speaker: {
      node: "node1",
      backend: "socket",
      interfaces: [],
      addresses: Array.from({ length: count }, (_, index) => ({
        ip: `10.0.${index >> 8}.${index & 255}`,
        services: [`default/s${index}`],
        announcing: true,
        reason: "owner",
      })),
    },
  };
}

Deno.test("statusText() of 1,000 Services fits a screen or two, those without an address first", () => {
  const text = statusText(manyServices(1_000, 3));
  const lines = text.split("\n");
  assert.ok(lines.length < 130, `${lines.length} lines`);
  assert.ok(Math.max(...lines.map((line) => line.length)) < 220, "a line is too long");
  const at = lines.indexOf("  services (3 of 1000 without an address):");
  assert.deepEqual(lines.slice(at + 2, at + 5).map((line) => line.trim().split(/ +/)[0]), [
    "default/waits997",
    "default/waits998",
    "default/waits999",
  ]);
  assert.equal(text.match(/and 950 more \(--output=json has them all\)/g)?.length, 2);
  assert.match(text, /^ {4}six +bgp +0 of 18446744073709551616 +0 Services$/m);
});

Deno.test("statusText() cuts nothing of what is short", () => {
  const text = statusText(manyServices(50, 0));
  assert.ok(!text.includes("more ("), text);
  assert.match(text, /^ {2}services:$/m);
  assert.match(text, /default\/s49/);
});

Deno.test("leadText() names the leader", () => {
  assert.equal(leadText({ role: "leader", leader: "me_1" }), "this one (me_1)");
  assert.equal(leadText({ role: "standby", leader: "b_2" }), "b_2; this one stands by");
  assert.equal(leadText({ role: "standby" }), "nobody yet; this one stands by");
});

Deno.test("interfacesText() names what answers, and some of what its name keeps out", () => {
  const speaker = { node: "node1", backend: "socket", addresses: [] };
  const interfaces = [{ name: "eth0", mac: "02:00:00:00:00:01" }];
  const told = (leftOut?: string[]) => interfacesText({ ...speaker, interfaces, leftOut });
  assert.equal(told(), "eth0 02:00:00:00:00:01");
  assert.match(told(["cali1", "cni0"]), /:01; by name not on cali1, cni0 \(see --interface\)$/);
  const pods = Array.from({ length: 110 }, (_, at) => `cali${at}`);
  assert.match(told(pods), /not on cali0, cali1, cali2, cali3, cali4 and 105 more \(see/);
  assert.equal(interfacesText({ ...speaker, interfaces: [] }), "no interface");
});

Deno.test("first use H3: statusText() does not say that nothing is there where nothing is known", () => {
  const unknown = "this controller stands by, ask the leader, pod-b_1";
  const speaker = { node: "node1", backend: "socket", interfaces: [], addresses: [] };
  const text = statusText({
    ...PROCESS_STATUS,
    controller: { unknown, pools: [], services: [] },
    speaker: { ...speaker, unknown: "the Services are not all known yet" },
  });
  assert.match(
    text,
    /^ {2}not all known here: this controller stands by, ask the leader, pod-b_1$/m,
  );
  assert.match(text, /^ {2}not all known here: the Services are not all known yet$/m);
  assert.doesNotMatch(text, /: none/);
});
