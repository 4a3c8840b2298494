import assert from "node:assert/strict";
import fc from "fast-check";
import {
  createSpeakerPlans,
  type KeptPlan,
  type SpeakerPlans,
} from "../../../lib/host/speaker/plans.ts";
import { type ServiceFacts, serviceKey, type SliceFacts } from "../../../lib/model/facts.ts";
import { formatIp } from "../../../lib/net/ip.ts";
import { planAddress } from "../../../lib/speaker/plan.ts";
import type { SpeakerView } from "../../../lib/speaker/view.ts";
import { config, ips, pool, service, withBgp } from "../../controller/fixture.ts";
import { endpoint, node, nodesOf, speakerView } from "../../support/facts.ts";

const NODES = ["node1", "node2", "node3"];
const VIEW = view();

function view(part: Partial<SpeakerView> = {}): SpeakerView {
  const nodes = nodesOf(...NODES.map((name) => node(name)));
  return speakerView({ config: config(pool("default", "10.77.1.0/24")), nodes, ...part });
}

function lb(name: string, ...addresses: string[]): ServiceFacts {
  return service(name, { assigned: ips(...addresses), externalTrafficPolicy: "Local" });
}

/** Slice `KEY` of Service `default/NAME` with a ready endpoint on each of these nodes. */
function slice(key: string, name: string, ...nodes: string[]): SliceFacts {
  return {
    key: `default/${key}`,
    service: serviceKey("default", name),
    family: undefined,
    endpoints: nodes.map((name) => endpoint(name)),
  };
}

/** A cluster that tells of its changes as a watch does, with what was known before. */
function world(): {
  readonly plans: SpeakerPlans;
  apply(value: ServiceFacts | SliceFacts): void;
  remove(key: string): void;
  update(seen?: SpeakerView): { changed: string[]; gone: string[] };
} {
  const plans = createSpeakerPlans();
  const known = new Map<string, ServiceFacts | SliceFacts>();
  const isSlice = (value: ServiceFacts | SliceFacts): value is SliceFacts => "endpoints" in value;
  const idOf = (value: ServiceFacts | SliceFacts) => `${isSlice(value) ? "slice" : "service"}`;
  return {
    plans,
    apply(value) {
      const id = `${idOf(value)} ${value.key}`;
      const previous = known.get(id);
      known.set(id, value);
      if (isSlice(value)) {
        const before = previous !== undefined && isSlice(previous) ? previous : undefined;
        plans.onSlice({ kind: "apply", key: value.key, value, previous: before });
      } else {
        const before = previous !== undefined && !isSlice(previous) ? previous : undefined;
        plans.onService({ kind: "apply", key: value.key, value, previous: before });
      }
    },
    remove(id) {
      const previous = known.get(id);
      if (previous === undefined) return;
      known.delete(id);
      if (isSlice(previous)) plans.onSlice({ kind: "delete", key: previous.key, previous });
      else plans.onService({ kind: "delete", key: previous.key, previous });
    },
    update(seen = VIEW) {
      const { changed, gone } = plans.update(seen);
      return { changed: changed.map(brief), gone: gone.map(({ ip }) => formatIp(ip)) };
    },
  };
}

function brief({ ip, announce, services }: KeptPlan): string {
  return `${formatIp(ip)} ${announce.layer2?.owner ?? "nobody"} ${services.join()}`;
}

Deno.test("update() plans what was touched and tells only what is different", () => {
  const { apply, update, plans } = world();
  apply(lb("a", "10.77.1.1"));
  apply(lb("b", "10.77.1.2"));
  assert.deepEqual(update(), {
    changed: ["10.77.1.1 nobody default/a", "10.77.1.2 nobody default/b"],
    gone: [],
  });
  apply(slice("a-1", "a", "node2"));
  assert.deepEqual(update().changed, ["10.77.1.1 node2 default/a"]);
  apply(slice("a-1", "a", "node2", "node2"));
  assert.deepEqual(update(), { changed: [], gone: [] });
  assert.equal(plans.plans.size, 2);
  assert.deepEqual(update(), { changed: [], gone: [] });
});

Deno.test("update() tells of addresses that no Service has any more", () => {
  const { apply, remove, update, plans } = world();
  apply(lb("a", "10.77.1.1", "10.77.1.2"));
  update();
  apply(lb("a", "10.77.1.2"));
  assert.deepEqual(update(), { changed: [], gone: ["10.77.1.1"] });
  remove("service default/a");
  assert.deepEqual(update(), { changed: [], gone: ["10.77.1.2"] });
  assert.equal(plans.plans.size, 0);
  plans.touchAll();
  assert.deepEqual(update(), { changed: [], gone: [] });
});

Deno.test("update() lets an address go whose Service is a LoadBalancer no more", () => {
  const { apply, update } = world();
  apply(lb("a", "10.77.1.1"));
  apply(slice("a-1", "a", "node1"));
  update();
  apply({ ...lb("a", "10.77.1.1"), isLoadBalancer: false });
  assert.deepEqual(update(), { changed: [], gone: ["10.77.1.1"] });
});

Deno.test("update() knows slices that came before their Service, and after it went", () => {
  const { apply, remove, update } = world();
  apply(slice("a-1", "a", "node3"));
  assert.deepEqual(update(), { changed: [], gone: [] });
  apply(lb("a", "10.77.1.1"));
  assert.deepEqual(update().changed, ["10.77.1.1 node3 default/a"]);
  remove("service default/a");
  update();
  remove("slice default/a-1");
  apply(lb("a", "10.77.1.1"));
  assert.deepEqual(update().changed, ["10.77.1.1 nobody default/a"]);
});

Deno.test("update() follows a slice that is relabelled to another Service", () => {
  const { apply, update } = world();
  apply(lb("a", "10.77.1.1"));
  apply(lb("b", "10.77.1.2"));
  apply(slice("x", "a", "node1"));
  update();
  apply(slice("x", "b", "node1"));
  assert.deepEqual(update().changed.sort(), [
    "10.77.1.1 nobody default/a",
    "10.77.1.2 node1 default/b",
  ]);
});

Deno.test("update() keeps a shared address while any of its Services stays", () => {
  const { apply, remove, update } = world();
  apply(lb("a", "10.77.1.1"));
  apply(lb("b", "10.77.1.1"));
  apply(slice("a-1", "a", "node1"));
  apply(slice("b-1", "b", "node2"));
  assert.deepEqual(update().changed.map((text) => text.split(" ")[2]), ["default/a,default/b"]);
  remove("service default/a");
  assert.deepEqual(update(), { changed: ["10.77.1.1 node2 default/b"], gone: [] });
  remove("service default/b");
  assert.deepEqual(update(), { changed: [], gone: ["10.77.1.1"] });
});

Deno.test("touchAll() makes a change of nodes, speakers and configuration count", () => {
  const { apply, plans, update } = world();
  apply(lb("a", "10.77.1.1"));
  apply(slice("a-1", "a", "node1", "node2"));
  const [owner = ""] = update().changed.map((text) => text.split(" ")[1]);
  const other = owner === "node1" ? "node2" : "node1";
  const without = view({ liveSpeakers: new Set([other]) });
  assert.deepEqual(update(without).changed, [], "nothing was touched");
  plans.touchAll();
  assert.deepEqual(update(without).changed, [`10.77.1.1 ${other} default/a`]);
  plans.touchAll();
  const emptied = view({ config: config() });
  assert.deepEqual(update(emptied).changed, ["10.77.1.1 nobody default/a"]);
  plans.touchAll();
  assert.deepEqual(update(view({ lbClass: "other" })).gone, ["10.77.1.1"]);
});

Deno.test("update() tells of an address whose routes are others, though all else is the same", () => {
  const { apply, plans, update } = world();
  const routed = withBgp(config(), pool("default", "10.77.1.0/24"));
  apply(lb("a", "10.77.1.1"));
  apply(slice("a-1", "a", "node1"));
  assert.deepEqual(update(view({ config: routed })).changed.length, 1);
  plans.touchAll();
  assert.deepEqual(update(view({ config: { ...routed } })).changed, []);
  plans.touchAll();
  const bgp = routed.bgp.map((one) => ({ ...one, localPref: 7 }));
  assert.deepEqual(update(view({ config: { ...routed, bgp } })).changed.length, 1);
});

Deno.test("update() ends with what planning everything anew would give", () => {
  const addresses = ["10.77.1.1", "10.77.1.2", "10.77.1.3", "10.99.0.1"];
  const names = ["a", "b", "c"];
  const change = fc.oneof(
    fc.record({ name: fc.constantFrom(...names), addresses: fc.subarray(addresses) })
      .map(({ name, addresses }) => lb(name, ...addresses)),
    fc.record({
      key: fc.constantFrom("x", "y", "z"),
      name: fc.constantFrom(...names),
      nodes: fc.subarray(NODES),
    }).map(({ key, name, nodes }) => slice(key, name, ...nodes)),
    fc.constantFrom(
      ...names.map((name) => `service default/${name}`),
      ...["x", "y", "z"].map((key) => `slice default/${key}`),
      "update",
    ),
  );
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
      const { apply, remove, update, plans } = world();
      const services = new Map<string, ServiceFacts>();
      const slices = new Map<string, SliceFacts>();
      for (const one of changes) {
        if (one === "update") update();
        else if (typeof one === "string") {
          remove(one);
          const [kind, key = ""] = one.split(" ");
          (kind === "slice" ? slices : services).delete(key);
        } else {
          apply(one);
          if ("endpoints" in one) slices.set(one.key, one);
          else services.set(one.key, one);
        }
      }
      update();
      const expected = new Map<string, KeptPlan>();
      for (const ip of ips(...addresses)) {
        const on = [...services.values()].filter(({ assigned }) => assigned.includes(ip));
        if (on.length === 0) continue;
        const slicesOf = (key: string) =>
          [...slices.values()].filter(({ service }) => service === key);
        const { candidates: _, ...kept } = planAddress(ip, on, slicesOf, VIEW);
        expected.set(formatIp(ip), kept);
      }
      assert.deepEqual(
        new Map([...plans.plans].map(([ip, plan]) => [formatIp(ip), plan])),
        expected,
      );
    }),
    { seed: 80, numRuns: 500 },
  );
});
