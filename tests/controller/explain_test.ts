import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import { type Config, EMPTY_CONFIG, FOR_ALL, type Pool } from "../../lib/config/types.ts";
import { explainAddress } from "../../lib/controller/explain.ts";
import { planService } from "../../lib/controller/plan.ts";
import { restore } from "../../lib/controller/restore.ts";
import type { ServiceFacts } from "../../lib/model/facts.ts";
import { readService } from "../../lib/model/service.ts";
import { ip4 } from "../support/addresses.ts";

const POOL: Pool = {
  name: "default",
  labels: new Map(),
  ranges: [{ first: ip4(0x0a4d01dc), last: ip4(0x0a4d01dd), text: "10.77.1.220-10.77.1.221" }],
  avoidBuggyIps: false,
  autoAssign: true,
  reserved: [],
  stickyMs: 0,
  serviceAllocation: FOR_ALL,
};
const CONFIG: Config = { ...EMPTY_CONFIG, pools: [POOL] };

function service(name: string, more: Record<string, unknown> = {}, ip?: string): ServiceFacts {
  const facts = readService({
    metadata: {
      name,
      namespace: "default",
      uid: name,
      resourceVersion: "1",
      ...more.metadata ?? {},
    },
    spec: {
      type: "LoadBalancer",
      clusterIPs: ["172.17.0.9"],
      ports: [{ port: 80, protocol: "TCP" }],
      ...more.spec ?? {},
    },
    status: ip === undefined ? {} : { loadBalancer: { ingress: [{ ip }] } },
  });
  assert.ok(facts);
  return facts;
}

function explain(facts: ServiceFacts, others: readonly ServiceFacts[] = [], lbClass?: string) {
  return explainAddress(facts, [facts, ...others], CONFIG, lbClass, instant(0));
}

Deno.test("explainAddress() tells the address, its pool and the rule that chose it", () => {
  const found = explain(service("nginx"));
  assert.deepEqual(found.ips, ["10.77.1.220"]);
  assert.equal(found.pool, "default");
  assert.equal(found.written, false);
  assert.match(found.reasons.join(), /lowest free address of the first pool/);
  const kept = explain(service("nginx", {}, "10.77.1.221"));
  assert.deepEqual(kept.ips, ["10.77.1.221"]);
  assert.equal(kept.written, true);
  assert.match(kept.reasons.join(), /keeps what it has/);
});

Deno.test("explainAddress() tells for each pool why it could not serve", () => {
  const others = [service("a", {}, "10.77.1.220"), service("b", {}, "10.77.1.221")];
  const found = explain(service("nginx"), others);
  assert.deepEqual(found.ips, []);
  const all = found.reasons.join("\n");
  for (const pool of new Set(all.match(/pool "[^"]+"/g))) {
    assert.equal(all.split(`${pool} `).length, 2, `${pool} is told of twice: ${all}`);
  }
  assert.match(all, /^pool "default" is full, 2 of 2 IPv4 addresses are in use/);
});

Deno.test("explainAddress() names the Services that share the address", () => {
  const annotations = { "metallb.universe.tf/allow-shared-ip": "tenant1" };
  const other = service("dns", {
    metadata: { name: "dns", annotations },
    spec: { ports: [{ port: 53, protocol: "UDP" }] },
  }, "10.77.1.220");
  const found = explain(service("web", { metadata: { name: "web", annotations } }, "10.77.1.220"), [
    other,
  ]);
  assert.deepEqual(found.sharesWith, ["default/dns"]);
});

Deno.test("explainAddress() says why a Service is none of ours", () => {
  assert.match(
    explain(service("a", { spec: { type: "ClusterIP" } })).reasons.join(),
    /not of type LoadBalancer/,
  );
  assert.match(explain(service("a"), [], "herald").reasons.join(), /serves "herald"/);
  assert.match(
    explain(service("a", { spec: { loadBalancerClass: "other" } })).reasons.join(),
    /loadBalancerClass is "other"/,
  );
  assert.match(explain(service("a", { spec: { clusterIPs: [] } })).reasons.join(), /no cluster IP/);
  assert.match(explain(service("a", { spec: { ports: [] } })).reasons.join(), /no ports/);
});

Deno.test("explainAddress() gives the reason in the words of the event that a failed allocation gets", () => {
  const taken = [service("a", {}, "10.77.1.220"), service("b", {}, "10.77.1.221")];
  const annotated = (annotations: Record<string, string>) =>
    service("nginx", { metadata: { name: "nginx", namespace: "default", uid: "n", annotations } });
  const rows: readonly ServiceFacts[] = [
    service("nginx"),
    service("nginx", { spec: { loadBalancerIP: "10.9.9.9" } }),
    service("nginx", { spec: { loadBalancerIP: "10.77.1.220" } }),
    service("nginx", { spec: { loadBalancerIP: "ten" } }),
    service("nginx", { spec: { clusterIPs: ["fd00::9"] } }),
    annotated({ "metallb.universe.tf/address-pool": "none" }),
    annotated({ "metallb.io/allow-shared-ip": "k" }),
  ];
  for (const facts of rows) {
    const all = [...taken, facts];
    const book = restore(all, CONFIG, undefined);
    const { actions } = planService(facts, book, { lbClass: undefined, now: instant(0) });
    const event = actions.find((action) => action.kind === "event")?.message ?? assert.fail();
    const { ips, reasons } = explain(facts, taken);
    assert.deepEqual(ips, []);
    assert.ok(
      reasons.some((reason) =>
        event === reason || event === `Failed to allocate IP for "${facts.key}": ${reason}`
      ),
      `${event} is none of ${reasons.join(" | ")}`,
    );
  }
});
