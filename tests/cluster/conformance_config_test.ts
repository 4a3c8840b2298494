import assert from "node:assert/strict";
import { waitFor } from "../support/wait.ts";
import { poolsYaml, poolYaml } from "../support/pools.ts";
import { type Conformance, playRules, POOL_ANNOTATION, type Rule } from "./conformance.ts";

const PROBES = "{ name: probes, protocol: layer2, addresses: [10.99.0.0/24], auto-assign: false }";
const SERVICES = "/api/v1/namespaces/default/services";

/** These pools and the one of the probes. */
function offered(...pools: string[]): string {
  return poolsYaml(...pools, PROBES);
}

/** Every Service but the API server's own, with its version and what its status shows. */
async function snapshot(at: Conformance): Promise<Map<string, string>> {
  const { items } = await at.kube.request("GET", SERVICES) as {
    items: {
      metadata: { name: string; resourceVersion: string };
      status: { loadBalancer: { ingress?: { ip: string }[] } };
    }[];
  };
  return new Map(items.map(({ metadata, status: { loadBalancer } }) => [
    metadata.name,
    `${metadata.resourceVersion} ${loadBalancer.ingress?.map(({ ip }) => ip).join(" ") ?? ""}`,
  ]));
}

async function stale(at: Conformance, value: 0 | 1): Promise<void> {
  await waitFor(
    `metallb_k8s_client_config_stale_bool ${value}`,
    async () =>
      (await at.ask("/metrics")).includes(`\nmetallb_k8s_client_config_stale_bool ${value}\n`),
  );
}

/** Waits for one more event about the ConfigMap. */
async function rejected(at: Conformance, what: RegExp): Promise<string> {
  return await waitFor(
    `an event ${what} about the ConfigMap`,
    async () => (await at.events("config", "ConfigMap")).find((text) => what.test(text)),
  );
}

const RULES: readonly Rule[] = [
  {
    name:
      "C8 (real API server): a wrong configuration changes nothing, and after a restart keeps all and gives nothing",
    async play(at) {
      await at.configure(poolYaml("main", "10.0.0.0/24"));
      for (const name of ["a", "b"]) await at.create(name);
      await waitFor(
        "both",
        async () => await at.addresses("a") !== "" && await at.addresses("b") !== "",
      );
      await at.rest();
      const before = await snapshot(at);
      await at.offer(
        "address-pools:\n- name: main\n  protocol: layer3\n  adresses: [10.0.0.0/24]\n",
      );
      await stale(at, 1);
      assert.match(
        await rejected(at, /layer3/),
        /^Warning ConfigRejected the configuration has 2 mistakes, all in the log; the configuration before it stays in force: \(1\) line 3:13: .*"layer3"/,
      );
      await at.create("c");
      await waitFor("c", async () => await at.addresses("c") !== "");
      assert.deepEqual(
        [...(await snapshot(at))].filter(([name]) => before.has(name)),
        [...before],
      );
      await at.rest();
      const held = await snapshot(at);
      await at.launch();
      await waitFor(
        "the refusal",
        () => at.log().includes("all in the log; nothing is in force"),
      );
      await at.create("late");
      await waitFor("all to be known but a configuration", async () => {
        const why = (await at.ask("/readyz")).trim().split("\n").filter((line) => line !== "");
        return why.length > 0 && why.every((line) => !line.includes("not all known"));
      });
      assert.match(await at.ask("/readyz"), /configuration/);
      assert.deepEqual([...(await snapshot(at))].filter(([name]) => held.has(name)), [...held]);
      assert.equal(await at.addresses("late"), "");
      await at.offer(offered(poolYaml("main", "10.0.0.0/24")));
      await at.gets("late", "10.0.0.3");
      await at.rest();
      assert.deepEqual([...(await snapshot(at))].filter(([name]) => held.has(name)), [...held]);
    },
  },
  {
    name:
      "C9 (real API server): pools removed, shrunk, reordered, renamed and moved under 50 live Services",
    async play(at) {
      const names = Array.from({ length: 50 }, (_, index) => `s${index}`);
      await at.configure(poolYaml("main", "10.0.0.0-10.0.0.49"), poolYaml("other", "10.0.1.0/24"));
      await Promise.all(names.map((name) => at.create(name)));
      await at.rest();
      const before = await snapshot(at);
      assert.equal(
        new Set([...before.values()].map((text) => text.split(" ")[1])).size,
        51,
        "an address stands twice",
      );
      for (
        const [wrong, count] of [
          [offered(poolYaml("other", "10.0.1.0/24")), 50],
          [offered(poolYaml("main", "10.0.0.0-10.0.0.48"), poolYaml("other", "10.0.1.0/24")), 1],
        ] as const
      ) {
        await at.offer(wrong);
        const told = await rejected(at, new RegExp(`the address of ${count} Services?:`));
        await stale(at, 1);
        const named = told.match(/default\/s\d+ \(10\.0\.0\.\d+, pool "main"\)/g) ?? [];
        assert.equal(named.length, Math.min(10, count), told);
        if (count > 10) {
          assert.match(told, /and 40 more; the configuration before it stays in force/);
        }
        const about = (await at.events("config", "ConfigMap")).filter((text) => text === told);
        assert.equal(about.length, 1, "one event");
      }
      await at.rest();
      assert.deepEqual(await snapshot(at), before);
      await at.offer(
        offered(poolYaml("other", "10.0.1.0/24"), poolYaml("main", "10.0.0.0-10.0.0.49")),
      );
      await stale(at, 0);
      await at.remove("s7");
      await at.rest();
      before.delete("s7");
      assert.deepEqual(await snapshot(at), before, "another order, one Service less");
      await at.offer(offered(
        poolYaml("renamed", "10.0.0.0-10.0.0.24"),
        poolYaml("moved", "10.0.1.0/24, 10.0.0.25-10.0.0.60"),
      ));
      const from = async (name: string) =>
        (await at.get(name)).metadata.annotations?.[POOL_ANNOTATION];
      await waitFor("all to name their pools", async () => {
        const found = await Promise.all(
          [...before.keys()].filter((one) => one !== "kubernetes").map(from),
        );
        return found.every((text) => text === "renamed" || text === "moved");
      });
      const addresses = (all: Map<string, string>) =>
        [...all].map(([name, text]) => `${name} ${text.split(" ")[1]}`);
      assert.deepEqual(addresses(await snapshot(at)), addresses(before));
    },
  },
  {
    name:
      "C11 (real API server): a status that somebody else clears or edits is put right with the same address",
    async play(at) {
      await at.configure(poolYaml("main", "10.0.0.0/24"));
      await at.create("first");
      await at.gets("first", "10.0.0.0");
      await at.create("web");
      await at.gets("web", "10.0.0.1");
      await at.remove("first");
      for (
        const ingress of [null, [{ ip: "192.0.2.1" }], [{ ip: "10.0.0.0" }], [{
          hostname: "x.example",
        }]]
      ) {
        await at.patchStatus("web", { status: { loadBalancer: { ingress } } });
        // At once twice, then after a pause: who writes again and again is another writer.
        await at.gets("web", "10.0.0.1");
      }
      // Given to nobody while the foreign status showed it, and free again.
      await at.create("next");
      await at.gets("next", "10.0.0.0");
    },
  },
  {
    name: "C11 (real API server): Services deleted while they get their address leak nothing",
    async play(at) {
      await at.configure(poolYaml("main", "10.0.0.0-10.0.0.3"));
      for (let round = 0; round < 25; round++) {
        const names = Array.from({ length: 12 }, (_, index) => `r${round}-${index}`);
        await Promise.all(names.map(async (name) => {
          await at.create(name);
          await at.remove(name);
        }));
      }
      await at.rest();
      const metrics = await at.ask("/metrics");
      assert.match(metrics, /^metallb_allocator_addresses_in_use_total\{pool="main"\} 0$/m);
      assert.match(metrics, /^herald_allocator_services_waiting 0$/m);
      for (const [name, ip] of [["a", 0], ["b", 1], ["c", 2], ["d", 3]] as const) {
        await at.create(name);
        await at.gets(name, `10.0.0.${ip}`);
      }
    },
  },
  {
    name:
      "C12 (real API server): of 50 that wait the oldest gets the address that comes free, the others are told once",
    async play(at) {
      await at.configure(poolYaml("tiny", "10.0.0.1-10.0.0.1"));
      await at.create("holder");
      await at.gets("holder", "10.0.0.1");
      const names = Array.from({ length: 50 }, (_, index) => `w${index}`);
      const created = await Promise.all(names.map((name) => at.create(name)));
      const age = ({ metadata }: typeof created[number]) =>
        `${(metadata as { creationTimestamp?: string }).creationTimestamp} ${metadata.name}`;
      const [oldest] = [...created].sort((a, b) => age(a) < age(b) ? -1 : 1);
      await at.rest();
      await at.remove("holder");
      await at.gets(oldest?.metadata.name ?? "", "10.0.0.1");
      await at.rest();
      const having = [...(await snapshot(at))].filter(([, text]) => text.endsWith("10.0.0.1"));
      assert.equal(having.length, 1);
      for (const name of names) {
        const told = (await at.events(name)).filter((text) => text.includes("AllocationFailed"));
        assert.equal(told.length, 1, name);
      }
      assert.match(await at.ask("/metrics"), /^herald_allocator_services_waiting 49$/m);
    },
  },
];

Deno.test("configurations and statuses on a real API server", (test) => playRules(test, RULES));
