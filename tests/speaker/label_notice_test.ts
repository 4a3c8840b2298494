import assert from "node:assert/strict";
import type { NodeFacts } from "../../lib/model/facts.ts";
import { judgementOf } from "../../lib/speaker/judgement.ts";
import { planAddress } from "../../lib/speaker/plan.ts";
import { config, ip, pool, service, withBgp } from "../controller/fixture.ts";
import { endpoint, node, nodesOf, slice, speakerView } from "../support/facts.ts";

const POOLS = withBgp(config(pool("default", "10.77.1.0/24")), pool("routed", "10.78.0.0/24"));
const EXCLUDED = { excluded: true };
const SELVES = ["n1", "n2"];

/** What each node is told of the address. */
function notices(nodes: readonly NodeFacts[], address: string, ignored = false) {
  const facts = service("web", { assigned: [ip(address)], externalTrafficPolicy: "Local" });
  const known = nodesOf(...nodes);
  return SELVES.map((self) => {
    const judgement = judgementOf("Herald", ignored, known);
    const view = speakerView({ config: POOLS, nodes: known, self, judgement });
    const slices = () => [slice(facts.key, endpoint("n1"))];
    const { announce, notice } = planAddress(ip(address), [facts], slices, view);
    return { here: announce.layer2?.here ?? announce.bgp?.here, notice };
  });
}

for (const address of ["10.77.1.9", "10.78.0.9"]) {
  Deno.test(`d04: where every node has the label all serve, and one tells so: ${address}`, () => {
    const all = SELVES.map((name) => node(name, EXCLUDED));
    const [first, second] = notices(all, address);
    assert.equal(first?.here, true);
    assert.match(
      first.notice ?? "",
      /^every node is labelled node\.kubernetes\.io\/exclude-from-external-.*--ignore-exclude-lb$/,
    );
    assert.deepEqual(second, { here: false, notice: undefined });
    assert.equal(
      notices(all, address, true)[0]?.notice,
      undefined,
      "the flag says that it is meant",
    );
  });

  Deno.test(`d04: where the label leaves no node for the address, one tells so: ${address}`, () => {
    const [first, second] = notices([node("n1", EXCLUDED), node("n2")], address);
    assert.equal(first?.here, false);
    assert.match(
      first.notice ?? "",
      /^not announced: every node that could is labelled node\.kubernetes\.io\/exclude-.*--ignore-exclude-lb$/,
    );
    assert.deepEqual(second, { here: false, notice: undefined });
    const other = notices([node("n1", { ready: true }), node("n2", EXCLUDED)], address);
    assert.deepEqual(other.map(({ notice }) => notice), [undefined, undefined]);
  });
}
