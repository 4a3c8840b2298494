import assert from "node:assert/strict";
import { NEWER, playRules, type Rule } from "./conformance.ts";

const BOTH = "{ name: both, protocol: layer2, addresses: [10.0.0.0/24, fd00:1::/120] }";
const FOUR = "{ name: four, protocol: layer2, addresses: [10.0.1.0/24] }";
const prefer = { spec: { ipFamilyPolicy: "PreferDualStack" } };
const require = { spec: { ipFamilyPolicy: "RequireDualStack" } };
const single = {
  spec: { ipFamilyPolicy: "SingleStack", ipFamilies: ["IPv4"], clusterIPs: null },
};

const RULES: readonly Rule[] = [
  {
    name:
      "A8 (real API server): single, preferred, required and back: the first address stays all along",
    async play(at) {
      await at.configure(BOTH);
      await at.create("first");
      await at.gets("first", "10.0.0.0");
      await at.create("web");
      await at.gets("web", "10.0.0.1");
      await at.patch("web", prefer);
      await at.gets("web", "10.0.0.1", "fd00:1::");
      const required = await at.patch("web", require);
      await at.rest();
      assert.deepEqual(await at.get("web"), required, "nothing is written");
      await at.create("six", { spec: { ipFamilies: ["IPv6"] } });
      await at.gets("six", "fd00:1::1");
      const { spec } = await at.get("web");
      await at.patch("web", {
        spec: {
          ...single.spec,
          clusterIPs: [spec.clusterIPs?.[0]],
          clusterIP: spec.clusterIPs?.[0],
        },
      });
      await at.gets("web", "10.0.0.1");
      await at.create("next", { spec: { ipFamilies: ["IPv6"] } });
      await at.gets("next", "fd00:1::");
    },
  },
  {
    name: "A8 (real API server): both of one pool, the Service's first family first",
    async play(at) {
      await at.configure(FOUR, BOTH);
      await at.create("a", require);
      await at.gets("a", "10.0.0.0", "fd00:1::");
      await at.create("b", { spec: { ...require.spec, ipFamilies: ["IPv6", "IPv4"] } });
      await at.gets("b", "fd00:1::1", "10.0.0.1");
      const ips = { [`${NEWER}/loadBalancerIPs`]: "10.0.0.9,fd00:1::9" };
      await at.create("c", { ...require, annotations: ips });
      await at.gets("c", "10.0.0.9", "fd00:1::9");
    },
  },
  {
    name:
      "A8 (real API server): who prefers two gets one where two cannot be had, and the second when it can",
    async play(at) {
      await at.configure(FOUR);
      await at.create("web", prefer);
      await at.gets("web", "10.0.1.0");
      assert.equal(
        await at.told("web", /AdditionalAssignFailed/),
        'Warning AdditionalAssignFailed Failed to allocate an additional IP for "default/web" ' +
          'beside ["10.0.1.0"]: pool "four" has no IPv6 addresses',
      );
      const waits = await at.get("web");
      await at.rest();
      assert.equal((await at.get("web")).metadata.resourceVersion, waits.metadata.resourceVersion);
      await at.configure(
        "{ name: four, protocol: layer2, addresses: [10.0.1.0/24, fd00:2::/120] }",
      );
      await at.gets("web", "10.0.1.0", "fd00:2::");
      assert.equal(
        await at.told("web", /IPAllocated.*fd00/),
        'Normal IPAllocated Assigned IP ["10.0.1.0" "fd00:2::"]',
      );
    },
  },
  {
    name: "A8 (real API server): who requires two has both or none",
    async play(at) {
      await at.configure(FOUR);
      await at.create("new", require);
      assert.equal(
        await at.told("new", /AllocationFailed/),
        'Warning AllocationFailed Failed to allocate IP for "default/new": pool "four" has no IPv6 addresses',
      );
      await at.create("web", prefer);
      await at.gets("web", "10.0.1.0");
      await at.patch("web", require);
      await at.gets("web");
      assert.equal(
        await at.told("web", /ClearAssignment/),
        'Warning ClearAssignment Cleared ["10.0.1.0"]: the Service is IPv4 and IPv6',
      );
      await at.patch("web", prefer);
      await at.gets("web", "10.0.1.0");
    },
  },
];

Deno.test("dual stack on a real API server", (test) => playRules(test, RULES));
