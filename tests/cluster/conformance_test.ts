import assert from "node:assert/strict";
import { NEWER, OLDER, playRules, POOL_ANNOTATION, type Rule } from "./conformance.ts";
import { pause } from "../support/wait.ts";
import { poolYaml } from "../support/pools.ts";

const DEFAULT = "{ name: default, protocol: layer2, addresses: [10.0.0.0/24] }";

const RULES: readonly Rule[] = [
  {
    name: "A1 (real API server): a Service that is no load balancer any more frees its address",
    async play(at) {
      await at.configure(poolYaml("tiny", "10.0.0.1-10.0.0.1"));
      await at.create("a");
      await at.gets("a", "10.0.0.1");
      await at.create("b");
      await at.told("b", /^Warning AllocationFailed/);
      await at.patch("a", { spec: { type: "ClusterIP" } });
      await at.gets("b", "10.0.0.1");
      await at.rest();
      const cleared = await at.get("a");
      assert.deepEqual(cleared.status, { loadBalancer: {} });
      assert.equal(
        cleared.metadata.annotations?.[POOL_ANNOTATION],
        undefined,
        "the annotation is a lie now",
      );
      await at.patch("a", { spec: { type: "LoadBalancer" } });
      await at.told("a", /^Warning AllocationFailed/);
      await at.patch("b", {
        spec: { type: "ExternalName", externalName: "example.com", clusterIP: null, ports: null },
      });
      await at.gets("a", "10.0.0.1");
    },
  },
  {
    name: "A2 (real API server): the families come from the cluster IPs; none means no address",
    async play(at) {
      await at.configure(
        "{ name: both, protocol: layer2, addresses: [10.0.0.0/24, fd00:1::/120] }",
      );
      const six = await at.create("six", { spec: { ipFamilies: ["IPv6"] } });
      assert.match(six.spec.clusterIPs?.join() ?? "", /^fd00:17::[0-9a-f]+$/);
      await at.gets("six", "fd00:1::");
      await at.create("two", { spec: { ipFamilyPolicy: "RequireDualStack" } });
      await at.gets("two", "10.0.0.0", "fd00:1::1");
      // The API server refuses what could have none: nothing of it reaches a controller.
      await assert.rejects(at.create("none", { spec: { clusterIP: "None" } }), /gave 422/);
      await assert.rejects(at.create("none", { spec: { ports: [] } }), /gave 422/);
    },
  },
  {
    name: "A3 (real API server): an address in a status is kept if it may be, else replaced",
    async play(at) {
      await at.configure(DEFAULT, poolYaml("asked", "10.0.1.0-10.0.1.9", "auto-assign: false"));
      await at.rest();
      await at.stop();
      const shown = {
        kept: "10.0.0.77",
        "not-auto": "10.0.1.5",
        outside: "192.0.2.1",
        family: "fd00::1",
        twin: "10.0.0.77",
      };
      const before = new Map<string, string>();
      for (const [name, ip] of Object.entries(shown)) {
        await at.create(name);
        // Ages are told in whole seconds: the one that comes later must be the younger one.
        if (name === "family") await pause(1_100);
        const { metadata } = await at.patchStatus(name, {
          status: { loadBalancer: { ingress: [{ ip }] } },
        });
        before.set(name, metadata.resourceVersion);
      }
      await at.start();
      await at.gets("twin", "10.0.0.2");
      await at.rest();
      const others = [await at.addresses("outside"), await at.addresses("family")];
      assert.deepEqual(others.sort(), ["10.0.0.0", "10.0.0.1"]);
      for (const name of ["kept", "not-auto"] as const) {
        const { metadata } = await at.get(name);
        assert.equal(await at.addresses(name), shown[name]);
        assert.notEqual(metadata.resourceVersion, before.get(name), "the pool is written");
        const pool = name === "kept" ? "default" : "asked";
        assert.equal(metadata.annotations?.[POOL_ANNOTATION], pool);
      }
      const cleared = [
        await at.told("outside", /^Warning ClearAssignment/),
        await at.told("family", /^Warning ClearAssignment/),
        await at.told("twin", /^Warning ClearAssignment/),
      ];
      assert.deepEqual(cleared, [
        'Warning ClearAssignment Cleared ["192.0.2.1"]: no pool holds 192.0.2.1',
        'Warning ClearAssignment Cleared ["fd00::1"]: the Service is IPv4',
        'Warning ClearAssignment Cleared ["10.0.0.77"]: default/kept uses it, and not both ' +
        "Services have a sharing key",
      ]);
    },
  },
  {
    name: "A4 (real API server): the pool annotation moves a live Service, in either spelling",
    async play(at) {
      await at.configure(DEFAULT, poolYaml("dear", "10.0.1.0/24"));
      for (
        const [name, prefix, ip] of [["a", NEWER, "10.0.1.0"], ["b", OLDER, "10.0.1.1"]] as const
      ) {
        await at.create(name);
        await at.gets(name, "10.0.0.0");
        assert.equal((await at.get(name)).metadata.annotations?.[POOL_ANNOTATION], "default");
        await at.patch(name, { metadata: { annotations: { [`${prefix}/address-pool`]: "dear" } } });
        await at.gets(name, ip);
        assert.equal((await at.get(name)).metadata.annotations?.[POOL_ANNOTATION], "dear");
        assert.equal(
          await at.told(name, /ClearAssignment/),
          'Warning ClearAssignment Cleared ["10.0.0.0"]: annotation address-pool asks for the pool "dear"',
        );
      }
      // Where both are set the newer spelling wins.
      await at.patch("b", { metadata: { annotations: { [`${NEWER}/address-pool`]: "default" } } });
      await at.gets("b", "10.0.0.0");
      await at.patch("a", { metadata: { annotations: { [`${NEWER}/address-pool`]: "none" } } });
      await at.gets("a");
      assert.equal(
        await at.told("a", /AllocationFailed/),
        'Warning AllocationFailed Failed to allocate IP for "default/a": annotation address-pool ' +
          'names the pool "none", which does not exist; the pools are "default", "dear", "probes"',
      );
      assert.equal((await at.get("a")).metadata.annotations?.[POOL_ANNOTATION], undefined);
    },
  },
  {
    name:
      "A5 (real API server): a requested address is followed; field and annotation exclude each other",
    async play(at) {
      await at.configure(DEFAULT);
      await at.create("a", { spec: { loadBalancerIP: "10.0.0.7" } });
      await at.gets("a", "10.0.0.7");
      await at.patch("a", { spec: { loadBalancerIP: "10.0.0.8" } });
      await at.gets("a", "10.0.0.8");
      assert.equal(
        await at.told("a", /ClearAssignment/),
        'Warning ClearAssignment Cleared ["10.0.0.7"]: the Service asks for 10.0.0.8',
      );
      const list = { [`${OLDER}/loadBalancerIPs`]: "10.0.0.9" };
      await at.patch("a", { metadata: { annotations: list } });
      const both = "spec.loadBalancerIP and annotation loadBalancerIPs are both set; keep one, " +
        "the annotation is newer";
      assert.equal(
        await at.told("a", /LoadBalancerFailed/),
        `Warning LoadBalancerFailed ${both}; the Service keeps ["10.0.0.8"]`,
      );
      assert.equal(await at.addresses("a"), "10.0.0.8");
      await at.patch("a", { spec: { loadBalancerIP: null } });
      await at.gets("a", "10.0.0.9");
      await at.create("b", { spec: { loadBalancerIP: "10.0.0.20" }, annotations: list });
      assert.equal(await at.told("b", /Failed/), `Warning LoadBalancerFailed ${both}`);
      assert.equal(await at.addresses("b"), "");
    },
  },
  {
    name:
      "A6 (real API server): requested addresses are of one pool, of the Service's family, and free",
    async play(at) {
      await at.configure(
        DEFAULT,
        poolYaml("asked", "10.0.1.0/24", "auto-assign: false, avoid-buggy-ips: true"),
        poolYaml("six", "fd00:1::/120"),
      );
      await at.create("closed", { spec: { loadBalancerIP: "10.0.1.5" } });
      await at.gets("closed", "10.0.1.5");
      const asks = async (name: string, list: string, spec = {}) => {
        await at.create(name, { annotations: { [`${NEWER}/loadBalancerIPs`]: list }, spec });
        const told = await at.told(name, /^Warning (AllocationFailed|LoadBalancerFailed)/);
        assert.equal(await at.addresses(name), "");
        return told.replace(/^Warning /, "").replace(
          `Failed to allocate IP for "default/${name}": `,
          "",
        );
      };
      const dual = { ipFamilyPolicy: "RequireDualStack" };
      assert.deepEqual([
        await asks("outside", "192.0.2.1"),
        await asks("buggy", "10.0.1.255"),
        await asks("taken", "10.0.1.5"),
        await asks("family", "fd00:1::5"),
        await asks("two", "10.0.0.5,10.0.0.6"),
        await asks("three", "10.0.0.5,fd00:1::5,10.0.0.6"),
        await asks("word", "10.0.0.05"),
        await asks("apart", "10.0.0.5, fd00:1::5", dual),
      ], [
        'AllocationFailed requested 192.0.2.1 is in no pool; the pools are "default", "asked", "six", "probes"',
        'AllocationFailed requested 10.0.1.255 ends in .0 or .255, which pool "asked" does not give (avoid-buggy-ips)',
        "AllocationFailed requested 10.0.1.5 is taken: default/closed uses it, and not both Services have a sharing key",
        "AllocationFailed requested fd00:1::5, but the Service is IPv4",
        "LoadBalancerFailed annotation loadBalancerIPs names two IPv4 addresses (10.0.0.5, 10.0.0.6); two must be one IPv4 and one IPv6 address",
        "LoadBalancerFailed annotation loadBalancerIPs names more than two addresses; one per family is allowed",
        'LoadBalancerFailed annotation loadBalancerIPs holds "10.0.0.05", which is no IP address; write four decimal numbers without leading zeros, or an IPv6 address',
        "AllocationFailed requested 10.0.0.5 and fd00:1::5 are not in one pool",
      ]);
    },
  },
  {
    name:
      "A7 (real API server): pools for some Services, then by priority, then as written; lowest address first",
    async play(at) {
      await at.configure(
        poolYaml("last", "10.0.0.5-10.0.0.6"),
        poolYaml("first", "10.0.1.9-10.0.1.9", "service-allocation: { priority: 5 }"),
        poolYaml(
          "gold",
          "10.0.2.0-10.0.2.0",
          "service-allocation: { service-selectors: [{ match-labels: { tier: gold } }] }",
        ),
        poolYaml("never", "10.0.3.0/24", "auto-assign: false"),
      );
      const gold = { labels: { tier: "gold" } };
      for (
        const [name, ip, part] of [
          ["a", "10.0.1.9", {}],
          ["b", "10.0.0.5", {}],
          ["c", "10.0.2.0", gold],
          ["d", "10.0.0.6", gold],
        ] as const
      ) {
        await at.create(name, part);
        await at.gets(name, ip);
      }
      await at.create("e");
      await at.told(
        "e",
        /AllocationFailed.*pool "first" is full, 1 of 1 IPv4 address is in use/,
      );
      await at.remove("b");
      await at.gets("e", "10.0.0.5");
    },
  },
];

Deno.test("the rules of allocation on a real API server", (test) => playRules(test, RULES));
