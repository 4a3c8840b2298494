import assert from "node:assert/strict";
import { objectOr } from "../../lib/model/json.ts";
import { pause, waitFor } from "../support/wait.ts";
import { poolsYaml, poolYaml } from "../support/pools.ts";
import { NEWER, OLDER, playRules, POOL_ANNOTATION, type Rule, withoutOurs } from "./conformance.ts";

const DEFAULT = "{ name: default, protocol: layer2, addresses: [10.0.0.0/24] }";

const RULES: readonly Rule[] = [
  {
    name:
      "A11 (real API server): a failed allocation is tried again when a Service goes or the configuration changes",
    async play(at) {
      await at.configure(poolYaml("tiny", "10.0.0.1-10.0.0.1"));
      for (const name of ["a", "b", "c"]) await at.create(name);
      await at.gets("a", "10.0.0.1");
      await at.told("b", /AllocationFailed/);
      await at.told("c", /AllocationFailed/);
      await at.remove("a");
      const served = await waitFor("one of them to be served", async () => {
        for (const name of ["b", "c"]) if (await at.addresses(name) === "10.0.0.1") return name;
      });
      await at.offer(
        poolsYaml(
          poolYaml("tiny", "10.0.0.1-10.0.0.2"),
          poolYaml("probes", "10.99.0.0/24", "auto-assign: false"),
        ),
      );
      await at.gets(served === "b" ? "c" : "b", "10.0.0.2");
    },
  },
  {
    name: "A12 (real API server): nothing is given before all Services were seen once",
    async play(at) {
      await at.configure(poolYaml("tiny", "10.0.0.1-10.0.0.1"));
      await at.rest();
      await at.stop();
      await at.create("older");
      await pause(1_100);
      await at.create("holder");
      await at.patchStatus("holder", {
        status: { loadBalancer: { ingress: [{ ip: "10.0.0.1" }] } },
      });
      await at.start();
      await at.told("older", /AllocationFailed/);
      await at.rest();
      assert.equal((await at.get("holder")).metadata.annotations?.[POOL_ANNOTATION], "tiny");
      assert.equal(await at.addresses("holder"), "10.0.0.1");
      assert.equal(await at.addresses("older"), "");
    },
  },
  {
    name:
      "S11 (real API server): a status that another wrote over while no controller ran is put right, and holds up nothing",
    async play(at) {
      await at.configure(poolYaml("tiny", "10.0.0.1-10.0.0.2"));
      await at.create("web");
      await at.gets("web", "10.0.0.1");
      await at.stop();
      await at.patchStatus("web", { status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } } });
      await at.start();
      await at.create("other");
      await at.gets("web", "10.0.0.1");
      await at.gets("other", "10.0.0.2");
    },
  },
  {
    name:
      "A13 (real API server): only Services of its class, which stays what it is while the type does",
    async play(at) {
      await at.configure(poolYaml("tiny", "10.0.0.1-10.0.0.2"));
      await at.rest();
      const ours = { spec: { loadBalancerClass: "example.com/herald" } };
      await at.start("--lb-class=example.com/herald");
      const plain = await at.create("plain");
      const foreign = await at.create("foreign", {
        spec: { loadBalancerClass: "example.com/other" },
      });
      await at.create("ours", ours);
      await at.gets("ours", "10.0.0.1");
      const change = { spec: { loadBalancerClass: "example.com/other" } };
      await assert.rejects(at.patch("ours", change), /may not change once set/);
      await at.patch("ours", { spec: { type: "ClusterIP" } });
      await at.create("next", ours);
      await at.gets("next", "10.0.0.1");
      // What comes back with another class is somebody else's from then on.
      const other = await at.patch("ours", { spec: { type: "LoadBalancer", ...change.spec } });
      await at.create("last", ours);
      await at.gets("last", "10.0.0.2");
      for (const { metadata, status } of [plain, foreign, other]) {
        const now = await at.get(metadata.name);
        assert.deepEqual([now.metadata.resourceVersion, now.status], [
          metadata.resourceVersion,
          status,
        ]);
      }
      await at.start();
    },
  },
  {
    name:
      "A14 (real API server): of the whole object only ingress and one annotation change, and no write follows",
    async play(at) {
      await at.configure(DEFAULT);
      const condition = {
        type: "example.com/Seen",
        status: "True",
        reason: "Test",
        message: "",
        lastTransitionTime: "2026-01-01T00:00:00Z",
      };
      const spec = { externalTrafficPolicy: "Local", sessionAffinity: "ClientIP" };
      for (
        const [name, more] of [["a", {}], ["b", { allocateLoadBalancerNodePorts: false }]] as const
      ) {
        await at.stop();
        const part = { annotations: { "example.com/note": "kept" }, spec: { ...spec, ...more } };
        await at.create(name, { ...part, labels: { app: name } });
        const before = await at.patchStatus(name, { status: { conditions: [condition] } });
        await at.start();
        await at.gets(name, name === "a" ? "10.0.0.0" : "10.0.0.1");
        const after = await at.get(name);
        assert.deepEqual(withoutOurs(after), withoutOurs(before));
        assert.equal(after.metadata.annotations?.[POOL_ANNOTATION], "default");
        assert.deepEqual(objectOr(after.status).conditions, [condition]);
        const [port] = (after.spec.ports ?? []) as { nodePort?: number }[];
        assert.equal(port?.nodePort === undefined, name === "b");
      }
      // The server adds `ipMode: VIP`, which is nobody's reason to write again.
      const { status } = await at.get("a");
      assert.deepEqual(status.loadBalancer.ingress, [{ ip: "10.0.0.0", ipMode: "VIP" }]);
      const touched = await at.patch("a", { metadata: { labels: { touched: "yes" } } });
      await at.rest();
      const { metadata } = await at.get("a");
      assert.equal(metadata.resourceVersion, touched.metadata.resourceVersion);
      await at.patch("a", { spec: { type: "ClusterIP" } });
      await at.rest();
      assert.deepEqual(objectOr((await at.get("a")).status).conditions, [condition]);
    },
  },
  {
    name:
      "A14 (real API server): what Services are edited to, live, leaves their addresses and node ports alone",
    async play(at) {
      await at.configure(DEFAULT, poolYaml("spare", "10.0.1.0/24"));
      await at.create("a");
      await at.create("neighbour");
      await at.gets("a", "10.0.0.0");
      await at.gets("neighbour", "10.0.0.1");
      const edits = [
        { spec: { ports: [{ port: 8080, protocol: "TCP", targetPort: 80 }] } },
        { spec: { ports: [{ port: 53, protocol: "UDP" }] } },
        { metadata: { annotations: { [`${NEWER}/allow-shared-ip`]: "k" } } },
        { metadata: { annotations: { [`${NEWER}/allow-shared-ip`]: "j" } } },
        { metadata: { annotations: { [`${NEWER}/allow-shared-ip`]: null } } },
        { metadata: { annotations: { [`${OLDER}/address-pool`]: "default" } } },
        { metadata: { annotations: { [`${OLDER}/loadBalancerIPs`]: "10.0.0.0" } } },
        { spec: { externalTrafficPolicy: "Local" } },
        { spec: { selector: { app: "other" } } },
        { spec: { externalTrafficPolicy: "Cluster" } },
      ];
      for (const body of edits) {
        const edited = await at.patch("a", body);
        await at.rest();
        assert.deepEqual(await at.get("a"), edited, JSON.stringify(body));
      }
      assert.equal(await at.addresses("neighbour"), "10.0.0.1");
    },
  },
];

Deno.test("trying again, starting, classes and statuses on a real API server", (test) =>
  playRules(test, RULES));
