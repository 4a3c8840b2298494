import assert from "node:assert/strict";
import { statusPage } from "../../lib/status/page.ts";
import { statusText } from "../../lib/status/text.ts";
import type { ProcessStatus } from "../../lib/status/types.ts";
import { PROCESS_STATUS as STATUS } from "../support/status.ts";

/** The text between two tags, without the blanks that lay out the source. */
function cells(page: string): string[] {
  return [...page.matchAll(/<td>([^]*?)<\/td>/g)].map(([, cell = ""]) => cell.trim());
}

async function page(part: Partial<ProcessStatus>): Promise<string> {
  return String(await statusPage({ ...STATUS, ...part }));
}

Deno.test("statusPage() shows who announces what", async () => {
  const shown = await page({
    speaker: {
      node: "node1",
      backend: "socket",
      interfaces: [{ name: "eth0", mac: "02:00:00:00:00:01" }],
      leftOut: ["cni0"],
      addresses: [
        {
          ip: "10.77.1.220",
          services: ["default/nginx", "default/dns"],
          owner: "node1",
          announcing: true,
          reason: "owner",
        },
        { ip: "10.77.1.221", services: ["a/b"], announcing: false, reason: "no ready endpoint" },
      ],
    },
  });
  assert.deepEqual(cells(shown), [
    ...["10.77.1.220", "default/nginx, default/dns", "node1", "answers"],
    ...["10.77.1.221", "a/b", "nobody", "no ready endpoint"],
  ]);
  assert.match(shown, /Addresses, as node1 sees them/);
  assert.match(shown, /Answers on eth0 02:00:00:00:00:01; by name not on cni0 /);
});

Deno.test("statusPage() shows what is wrong as herald status does: who else has an address, what hangs", async () => {
  const status: ProcessStatus = {
    ...STATUS,
    unhealthy: ["the Worker herald-time does not answer"],
    speaker: {
      node: "node1",
      backend: "socket",
      interfaces: [],
      addresses: [],
      conflicts: [
        { ip: "10.77.1.221", mac: "02:00:00:00:66:01" },
        { ip: "10.77.1.220", mac: "02:00:00:00:66:01" },
      ],
    },
  };
  const [shown, text] = [await page(status), statusText(status)];
  assert.match(shown, /Unhealthy: the Worker herald-time does not answer/);
  assert.match(text, /unhealthy {2}the Worker herald-time does not answer/);
  const told = ["220", "221"].map((last) => `10.77.1.${last} is at 02:00:00:00:66:01 too`);
  assert.deepEqual([...shown.matchAll(/Conflict: (.*?)</g)].map(([, one]) => one), told);
  assert.ok(text.includes(`CONFLICTS  ${told.join(", ")}`), text);
});

Deno.test("statusPage() shows BGP peers, their last error and whom an address's routes go to", async () => {
  const peer = {
    asn: 64501,
    establishedAt: undefined,
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
  };
  const shown = await page({
    speaker: {
      node: "node1",
      backend: "socket",
      interfaces: [],
      peers: [
        { ...peer, peer: "10.0.0.1:179", state: "Established", bfd: "Up" },
        { ...peer, peer: "10.0.0.2:179", state: "Idle", bfd: undefined },
      ],
      addresses: [{
        ip: "10.1.0.1",
        services: ["a/b"],
        protocol: "bgp",
        announcing: true,
        reason: "routed here by BGP",
        routes: ["10.1.0.1/32 to 10.0.0.1:179: told"],
      }],
    },
  });
  assert.deepEqual(cells(shown), [
    ...["10.1.0.1", "a/b", "by BGP", "10.1.0.1/32 to 10.0.0.1:179: told"],
    ...["10.0.0.1:179", "64501", "Established", "2", "Up", ""],
    ...["10.0.0.2:179", "64501", "Idle", "2", "off", "hold timer expired"],
  ]);
});

Deno.test("statusPage() shows the pools and why a Service has no address", async () => {
  const shown = await page({
    controller: {
      pools: [{
        name: "default",
        protocol: "layer2",
        addresses: "10",
        inUse: 1,
        services: 1,
        kept: 0,
        reserved: 0,
      }],
      services: [
        { service: "default/nginx", ips: ["10.77.1.220", "2001:db8::1"], pool: "default" },
        { service: "default/late", ips: [], reason: "no available IPs" },
      ],
    },
  });
  assert.deepEqual(cells(shown), [
    ...["default", "layer2", "1", "10"],
    ...["default/nginx", "10.77.1.220, 2001:db8::1", "default"],
    ...["default/late", "no available IPs", ""],
  ]);
});

Deno.test("statusPage() says what is not ready and why the configuration is stale", async () => {
  const shown = await page({
    ready: false,
    notReady: ["not all objects are known yet", "layer 2 does not work"],
    config: { ...STATUS.config, state: "stale", reason: "config:3:1: unknown key" },
  });
  assert.match(shown, /Not ready: not all objects are known yet; layer 2 does not work/);
  assert.match(shown, /configuration stale from/);
  assert.match(shown, /config:3:1: unknown key/);
});

Deno.test("statusPage() escapes what came from outside", async () => {
  const bad = `<script>alert("1")</script>`;
  const shown = await page({
    objects: bad,
    ready: false,
    notReady: [bad],
    config: { ...STATUS.config, state: "stale", source: bad, reason: bad },
    controller: {
      pools: [{
        name: bad,
        protocol: bad,
        addresses: bad,
        inUse: 0,
        services: 0,
        kept: 0,
        reserved: 0,
      }],
      services: [{ service: bad, ips: [], pool: bad, reason: bad }],
      lead: { role: "standby", leader: bad },
    },
    speaker: {
      node: bad,
      backend: bad,
      interfaces: [{ name: bad, mac: bad }],
      leftOut: [bad],
      addresses: [{ ip: bad, services: [bad], owner: bad, announcing: false, reason: bad }],
    },
  });
  assert.ok(!shown.includes("<script"), "a script stands in the page");
  // Each of the values above but the backend, which the page does not show.
  assert.equal(shown.match(/&lt;script&gt;/g)?.length, 19);
});

Deno.test("first use H3: statusPage() of a standby says who leads, and shows no empty tables", async () => {
  const unknown = "this controller stands by, ask the leader, pod-b_1";
  const shown = await page({ controller: { unknown, pools: [], services: [] } });
  assert.match(shown, /not all known here: this controller stands by, ask the leader, pod-b_1/);
  assert.doesNotMatch(shown, /<h2>Pools/);
});
