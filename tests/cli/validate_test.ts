import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { othersText, validateText } from "../../lib/cli/validate.ts";
import { LABEL } from "../../lib/model/names.ts";

const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));

const POOL = "address-pools: [{name: a, protocol: layer2, addresses: [10.0.0.5/24]}]\n";
const READ = { namespace: "metallb-system", names: ["config", "metallb-config", "metallb"] };

function validate(text: string, searched = false) {
  return validateText(text, "m.yaml", READ, searched);
}

function configMap(name: string, namespace: string, config = POOL): string {
  return `kind: ConfigMap\nmetadata: { name: ${name}, namespace: ${namespace} }\n` +
    `data:\n  config: |\n    ${config}`;
}

Deno.test("validateText() is content with warnings, prints them, and sums up what it read", () => {
  const { count, good, text } = validate(POOL);
  assert.deepEqual([good, count], [true, 1]);
  assert.match(text, /^m\.yaml:1:57: warning: /);
  assert.match(text, /m\.yaml: configuration: good, 1 pool, 0 peers\n$/);
});

Deno.test("validateText() is not content with one mistake among several manifests", () => {
  const map = (pools: string) => configMap("config", "metallb-system", pools);
  const { good, others, text } = validate(
    `${map(POOL)}---\n${
      map(POOL.replace("layer2", "bpg"))
    }---\nkind: Service\nmetadata: { name: web }\n`,
  );
  assert.equal(good, false);
  assert.match(
    text,
    /m\.yaml:11:\d+: "protocol" must be layer2 or bgp, not "bpg"; did you mean "bgp"\?/,
  );
  assert.deepEqual(others, ["Service"]);
});

Deno.test("validateText() warns of a ConfigMap that Herald never reads, and does not count it", () => {
  for (
    const [name, namespace, hint] of [
      ["metallb-cfg", "metallb-system", /rename it, or say --config=metallb-cfg/],
      ["config", "default", /move it, or say --namespace=default/],
    ] as const
  ) {
    const { count, good, text } = validate(configMap(name, namespace));
    assert.deepEqual([good, count], [true, 0]);
    assert.match(
      text,
      /m\.yaml:\d+:\d+: warning: ConfigMap \S+ is not read: metallb-system\/config or/,
    );
    assert.match(text, hint);
  }
  const foreign = validate(configMap("config", "monitoring", "scrape_configs: []\n"));
  assert.deepEqual([foreign.good, foreign.count, foreign.text], [true, 0, ""]);
});

Deno.test("validateText() is not content with custom resources, and says what to write instead", () => {
  const { count, good, text } = validate(
    "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: { name: p, namespace: lb }\n",
  );
  assert.deepEqual([good, count], [false, 0]);
  assert.match(
    text,
    /^m\.yaml:1:1: IPAddressPool lb\/p is not read: .*; write a pool under "address-/,
  );
});

Deno.test("validateText() takes a found file without kind for configuration only where it looks so", () => {
  const values = "image:\n  tag: x\nresources: {}\n";
  assert.equal(validate(values, true).count, 0);
  assert.equal(validate("", true).count, 0);
  assert.equal(validate(values).good, false);
  assert.equal(validate(POOL.replace("address-", "adress-"), true).good, false);
});

Deno.test("othersText() counts the objects without configuration and names their kinds once", () => {
  assert.equal(othersText([]), "");
  assert.equal(othersText(["Service"]), "no configuration in 1 other object: Service\n");
  assert.equal(
    othersText(["Service", "Deployment", "Service"]),
    "no configuration in 3 other objects: Deployment, Service\n",
  );
});

/** Two nodes, one labelled, and a Service with an address that MetalLB announces from that one. */
const HELD = [
  ...["n1", "n2"].map((name) => ({
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: name === "n1" ? { [LABEL.excludeNode]: "" } : {} },
  })),
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "default" },
    spec: { type: "LoadBalancer", clusterIP: "10.1.1.1", ports: [{ port: 80, protocol: "TCP" }] },
    status: { loadBalancer: { ingress: [{ ip: "10.0.0.2" }] } },
  },
  {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: "web-1",
      namespace: "default",
      labels: { "kubernetes.io/service-name": "web" },
    },
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.2.0.1"], nodeName: "n1", conditions: { ready: true } }],
  },
];

Deno.test("validate --against foretells by what the place really holds: nodes and endpoints too", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/held`);
    const items = JSON.stringify({ apiVersion: "v1", kind: "List", items: HELD });
    await Deno.writeTextFile(`${folder}/held/all.json`, items);
    await Deno.writeTextFile(`${folder}/pools.yaml`, POOL.replace("10.0.0.5/24", "10.0.0.0/29"));
    const against = ["validate", `${folder}/pools.yaml`, `--against=${folder}/held`];
    for (
      const [flags, title] of [[["--compat=v0.12"], /MetalLB v0\.12/], [
        [],
        /up to v0\.13/,
      ]] as const
    ) {
      const { code, stderr, stdout } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "-q", MAIN, ...against, ...flags],
      }).output();
      assert.equal(code, 0, new TextDecoder().decode(stderr));
      const text = new TextDecoder().decode(stdout);
      assert.match(text, title);
      assert.match(text, /^ {2}10\.0\.0\.2: n1 -> n2/m);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
