import assert from "node:assert/strict";
import { validateText } from "../../lib/cli/validate.ts";

const POOL = "address-pools: [{name: a, protocol: layer2, addresses: [10.0.0.5/24]}]\n";

Deno.test("validateText() is content with warnings, prints them, and sums up what it read", () => {
  const { text, good } = validateText(POOL, "p.yaml");
  assert.equal(good, true);
  assert.match(text, /^p\.yaml:1:57: warning: /);
  assert.match(text, /p\.yaml: configuration: good, 1 pool, 0 peers\n$/);
});

Deno.test("validateText() is not content with one mistake among several manifests", () => {
  const map = (pools: string) =>
    `kind: ConfigMap\nmetadata: { name: config, namespace: metallb-system }\ndata:\n  config: |\n    ${pools}`;
  const { text, good } = validateText(
    `${map(POOL)}---\n${
      map(POOL.replace("layer2", "bpg"))
    }---\nkind: Service\nmetadata: { name: web }\n`,
    "m.yaml",
  );
  assert.equal(good, false);
  assert.match(
    text,
    /m\.yaml:11:\d+: "protocol" must be layer2 or bgp, not "bpg"; did you mean "bgp"\?/,
  );
  assert.match(text, /m\.yaml: Service default\/web: no configuration in it/);
});
