import assert from "node:assert/strict";
import { judgeBeside, judgementOf, METALLB_VERSIONS } from "../../lib/speaker/judgement.ts";
import { metallbOn, node, nodesOf } from "../support/facts.ts";

const LABELLED = node("n1", { excluded: true });

Deno.test("judgeBeside() takes Herald's own rules until a speaker of MetalLB is there", () => {
  for (const compat of [undefined, ...METALLB_VERSIONS]) {
    assert.equal(judgeBeside(metallbOn([], 16), compat), "Herald");
  }
});

Deno.test("judgeBeside() takes the version that was said, else what the gossip's key tells", () => {
  for (const compat of METALLB_VERSIONS) {
    assert.equal(judgeBeside(metallbOn(["n1"], 32), compat), compat);
  }
  for (const [keyBytes, judge] of [[16, "v0.12"], [32, "v0.16"], [undefined, "v0.12"]] as const) {
    assert.equal(judgeBeside(metallbOn(["n1"], keyBytes), undefined), judge);
  }
});

Deno.test("judgeBeside() takes what their pings tell, where the key tells nothing or something else", () => {
  const [older, newer] = [new Set(["n1"]), new Set(["n2"])];
  for (const keyBytes of [16, 32, undefined]) {
    assert.equal(judgeBeside(metallbOn(["n1"], keyBytes, { older }), undefined), "v0.12");
    assert.equal(
      judgeBeside(metallbOn(["n1", "n2"], keyBytes, { older, newer }), undefined),
      "v0.12",
    );
  }
  assert.equal(judgeBeside(metallbOn(["n2"], undefined, { newer }), undefined), "v0.16");
  assert.equal(judgeBeside(metallbOn(["n2"], 16, { newer }), undefined), "v0.12", "v0.13's");
});

Deno.test("d04: by Herald's own rules the label counts, unless it would leave no node at all", () => {
  const excludes = (...nodes: (typeof LABELLED)[]) =>
    judgementOf("Herald", false, nodesOf(...nodes)).excludes;
  assert.equal(excludes(LABELLED, node("n2")), true);
  assert.equal(excludes(LABELLED), "everywhere");
  assert.equal(excludes(LABELLED, { ...LABELLED, name: "n2" }), "everywhere");
  assert.equal(excludes(), true, "without Nodes there are no labels");
});

Deno.test("F2: the label counts beside MetalLB as it does there, and --ignore-exclude-lb goes before", () => {
  const all = nodesOf(LABELLED);
  const excludes = METALLB_VERSIONS.map((judge) => judgementOf(judge, false, all).excludes);
  assert.deepEqual(excludes, [false, false, true]);
  for (const judge of ["Herald", ...METALLB_VERSIONS] as const) {
    assert.equal(judgementOf(judge, true, all).excludes, false);
  }
});
