import assert from "node:assert/strict";
import { waitFor } from "../support/wait.ts";
import { poolsYaml, poolYaml } from "../support/pools.ts";

/** A place where Services live and a controller serves them: an API server, or a folder. */
export interface Place {
  /** Puts this text under `config` of the ConfigMap. */
  configure(text: string): Promise<void>;
  /** Creates or replaces a Service in `default`. */
  apply(service: ServiceSpec): Promise<void>;
  remove(name: string): Promise<void>;
  /** The addresses in its status. */
  addresses(name: string): Promise<string[]>;
  /** What the controller has logged. */
  log(): string;
}

/** A Service as the scenarios vary it. */
export interface ServiceSpec {
  readonly name: string;
  readonly type?: "LoadBalancer" | "ClusterIP";
  readonly port?: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** The manifest of a {@link ServiceSpec}. */
export function manifestOf(
  { name, type = "LoadBalancer", port = 80, annotations = {}, spec = {} }: ServiceSpec,
): Record<string, unknown> {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default", annotations },
    spec: { type, selector: { app: name }, ports: [{ port, protocol: "TCP" }], ...spec },
  };
}

export interface Scenario {
  readonly name: string;
  readonly config: string;
  readonly play: (place: Place) => Promise<void>;
}

const OLD = "metallb.universe.tf";
const NEW = "metallb.io";

async function gets(place: Place, name: string, ...ips: string[]): Promise<void> {
  await waitFor(
    `${name} to have ${ips.join(",") || "no address"}`,
    async () => (await place.addresses(name)).join() === ips.join(),
  );
}

/** A Service that must stay without: one after it was served, so it was looked at too. */
async function staysWithout(
  place: Place,
  name: string,
  probe: ServiceSpec,
  ip: string,
): Promise<void> {
  await place.apply(probe);
  await gets(place, probe.name, ip);
  assert.deepEqual(await place.addresses(name), [], name);
}

const share = (prefix: string) => ({ [`${prefix}/allow-shared-ip`]: "tenant1" });

/** The rules of allocation as a user meets them; every place plays them all. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: "A7: pools serve in the order written, each its lowest free address first",
    config: poolsYaml(poolYaml("first", "10.0.1.10-10.0.1.11"), poolYaml("second", "10.0.0.0/24")),
    async play(place) {
      for (
        const [name, ip] of [["a", "10.0.1.10"], ["b", "10.0.1.11"], ["c", "10.0.0.0"]] as const
      ) {
        await place.apply({ name });
        await gets(place, name, ip);
      }
      await place.remove("a");
      await place.apply({ name: "d" });
      await gets(place, "d", "10.0.1.10");
    },
  },
  {
    name:
      "A5, A6: a requested address is given, by field or annotation, and followed when it changes",
    config: poolsYaml(poolYaml("default", "10.0.0.0/24")),
    async play(place) {
      await place.apply({ name: "a", spec: { loadBalancerIP: "10.0.0.7" } });
      await gets(place, "a", "10.0.0.7");
      await place.apply({ name: "b", annotations: { [`${NEW}/loadBalancerIPs`]: "10.0.0.9" } });
      await gets(place, "b", "10.0.0.9");
      await place.apply({ name: "a", spec: { loadBalancerIP: "10.0.0.8" } });
      await gets(place, "a", "10.0.0.8");
      await place.apply({ name: "taken", spec: { loadBalancerIP: "10.0.0.8" } });
      await place.apply({ name: "outside", spec: { loadBalancerIP: "192.0.2.1" } });
      await place.apply({
        name: "both",
        spec: { loadBalancerIP: "10.0.0.20" },
        annotations: { [`${OLD}/loadBalancerIPs`]: "10.0.0.21" },
      });
      await staysWithout(place, "taken", { name: "probe" }, "10.0.0.0");
      assert.deepEqual(await place.addresses("outside"), []);
      assert.deepEqual(await place.addresses("both"), []);
    },
  },
  {
    name:
      "A4: the pool annotation chooses the pool, in either spelling; an unknown one gives nothing",
    config: poolsYaml(poolYaml("cheap", "10.0.0.0/24"), poolYaml("dear", "10.0.1.0/24")),
    async play(place) {
      await place.apply({ name: "a", annotations: { [`${OLD}/address-pool`]: "dear" } });
      await gets(place, "a", "10.0.1.0");
      await place.apply({ name: "b" });
      await gets(place, "b", "10.0.0.0");
      await place.apply({ name: "b", annotations: { [`${NEW}/address-pool`]: "dear" } });
      await gets(place, "b", "10.0.1.1");
      await place.apply({ name: "lost", annotations: { [`${NEW}/address-pool`]: "none-such" } });
      await staysWithout(place, "lost", { name: "probe" }, "10.0.0.0");
      assert.match(place.log(), /none-such/);
    },
  },
  {
    name: "auto-assign: false gives only on request, avoid-buggy-ips skips .0 and .255",
    config: poolsYaml(
      poolYaml("expensive", "10.0.0.0/30", "auto-assign: false"),
      poolYaml("careful", "10.0.1.254-10.0.2.1", "avoid-buggy-ips: true"),
    ),
    async play(place) {
      for (const [name, ip] of [["a", "10.0.1.254"], ["b", "10.0.2.1"]] as const) {
        await place.apply({ name });
        await gets(place, name, ip);
      }
      await place.apply({ name: "waiting" });
      await place.apply({ name: "buggy", spec: { loadBalancerIP: "10.0.2.0" } });
      const probe = { name: "asks", annotations: { [`${OLD}/address-pool`]: "expensive" } };
      await staysWithout(place, "waiting", probe, "10.0.0.0");
      assert.deepEqual(await place.addresses("buggy"), []);
      await place.apply({ name: "wants", spec: { loadBalancerIP: "10.0.0.2" } });
      await gets(place, "wants", "10.0.0.2");
    },
  },
  {
    name: "A9, A10: Services share by the article's three conditions",
    config: poolsYaml(poolYaml("default", "10.0.0.10-10.0.0.20")),
    async play(place) {
      await place.apply({ name: "web", port: 80, annotations: share(OLD) });
      await gets(place, "web", "10.0.0.10");
      await place.apply({ name: "tls", port: 443, annotations: share(NEW) });
      await gets(place, "tls", "10.0.0.10");
      await place.apply({ name: "twice", port: 443, annotations: share(OLD) });
      await gets(place, "twice", "10.0.0.11");
      await place.apply({
        name: "local",
        port: 8080,
        annotations: share(OLD),
        spec: { externalTrafficPolicy: "Local" },
      });
      await gets(place, "local", "10.0.0.12");
      await place.apply({
        name: "other",
        port: 8081,
        annotations: { [`${OLD}/allow-shared-ip`]: "tenant2" },
      });
      await gets(place, "other", "10.0.0.13");
      await place.remove("web");
      // It names the address: a folder tells that a file is gone later than that one has come.
      const spec = { loadBalancerIP: "10.0.0.10" };
      await place.apply({ name: "back", port: 80, annotations: share(NEW), spec });
      await gets(place, "back", "10.0.0.10");
    },
  },
  {
    name: "A1, A11: an address that comes free goes to the one that waits longest",
    config: poolsYaml(poolYaml("small", "10.0.0.10-10.0.0.11")),
    async play(place) {
      for (const [name, ip] of [["a", "10.0.0.10"], ["b", "10.0.0.11"]] as const) {
        await place.apply({ name });
        await gets(place, name, ip);
      }
      await place.apply({ name: "first" });
      await waitFor("the first refusal", () => place.log().includes("default/first"));
      await place.apply({ name: "a", type: "ClusterIP" });
      await gets(place, "a");
      await gets(place, "first", "10.0.0.10");
      await place.apply({ name: "second" });
      await waitFor("the second refusal", () => place.log().includes("default/second"));
      await place.remove("b");
      await gets(place, "second", "10.0.0.11");
    },
  },
  {
    name:
      "a new pool serves those that wait; a configuration that would take a live address is refused",
    config: poolsYaml(poolYaml("small", "10.0.0.10-10.0.0.10")),
    async play(place) {
      await place.apply({ name: "a" });
      await gets(place, "a", "10.0.0.10");
      await place.apply({ name: "b" });
      await waitFor("the refusal", () => place.log().includes("default/b"));
      await place.configure(poolsYaml(poolYaml("renamed", "10.0.0.0/24")));
      await gets(place, "b", "10.0.0.0");
      await gets(place, "a", "10.0.0.10");
      await place.configure(poolsYaml(poolYaml("elsewhere", "10.0.9.0/24")));
      await waitFor("the refusal", () => place.log().includes("not compatible with assigned IPs"));
      await place.apply({ name: "c" });
      await gets(place, "c", "10.0.0.1");
      await gets(place, "a", "10.0.0.10");
    },
  },
  {
    name: "A13: a Service of another class is left alone",
    config: poolsYaml(poolYaml("default", "10.0.0.0/24")),
    async play(place) {
      await place.apply({ name: "foreign", spec: { loadBalancerClass: "example.com/other" } });
      await staysWithout(place, "foreign", { name: "ours" }, "10.0.0.0");
    },
  },
  {
    name: "IPv4 and IPv6: the family of a Service chooses among the addresses",
    config: poolsYaml(poolYaml("six", "fd00:10::10-fd00:10::1f"), poolYaml("four", "10.0.0.0/24")),
    async play(place) {
      await place.apply({
        name: "a",
        spec: { ipFamilies: ["IPv6"], ipFamilyPolicy: "SingleStack" },
      });
      await gets(place, "a", "fd00:10::10");
      await place.apply({
        name: "b",
        spec: { ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack" },
      });
      await gets(place, "b", "10.0.0.0");
    },
  },
];
