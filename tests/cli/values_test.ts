import assert from "node:assert/strict";
import { type Flags, type Surroundings, UsageError } from "../../lib/cli/flag_values.ts";
import { readAgainst, readRunOptions, readSourceOptions } from "../../lib/cli/values.ts";
import type { RunOptions } from "../../lib/host/process/options.ts";

interface Place {
  readonly env?: Readonly<Record<string, string>>;
  readonly hostname?: string;
  readonly podNamespace?: string;
  readonly isTerminal?: boolean;
  readonly files?: Readonly<Record<string, string>>;
}

function around(
  { env = {}, hostname = "edge-1", podNamespace, isTerminal = false, files = {} }: Place = {},
) {
  return {
    env: (name) => env[name],
    hostname: () => hostname,
    podNamespace: () => podNamespace,
    readSecret: (path: string, name: string) => files[path] ?? files[`${path}/${name}`],
    isTerminal,
  } satisfies Surroundings;
}

function run(flags: Flags, place: Place = {}): RunOptions {
  return readRunOptions({ role: "speaker", ...flags }, around(place));
}

function refusal(flags: Flags, place: Place = {}): string {
  try {
    run(flags, place);
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    return error.message;
  }
  assert.fail(`accepted ${JSON.stringify(flags)}`);
}

Deno.test("readRunOptions() wants a role, and says which there are", () => {
  assert.equal(
    refusal({ role: undefined }),
    "--role is missing; write --role=controller, --role=speaker, --role=all",
  );
  assert.equal(
    refusal({ role: "agent" }),
    "--role=agent is not one of controller, speaker, all",
  );
  assert.equal(
    refusal({ role: "Speaker" }),
    "--role=Speaker is not one of controller, speaker, all; did you mean --role=speaker?",
  );
  assert.equal(refusal({ role: "" }), "--role is empty");
});

Deno.test("readRunOptions() takes names of the pages, and patterns of them", () => {
  assert.deepEqual(run({}).httpNames, []);
  assert.deepEqual(run({ httpNames: "lb.example.com, *.corp.example" }).httpNames, [
    "lb.example.com",
    "*.corp.example",
  ]);
  assert.deepEqual(run({ httpNames: "*" }).httpNames, ["*"]);
  assert.match(refusal({ httpNames: "a.*.example" }), /"a\.\*\.example" is no host name/);
  assert.match(refusal({ httpNames: "http://a" }), /is no host name/);
});

Deno.test("readRunOptions() takes words only as they are written in the help", () => {
  assert.equal(run({ l2Election: "v0.10" }).election, "v0.10");
  assert.equal(run({ arpBackend: "socket" }).arpBackend, "socket");
  for (const level of ["all", "debug", "info", "warn", "error", "none"] as const) {
    assert.equal(run({ logLevel: level }).logLevel, level);
  }
  for (
    const [flags, message] of [
      [{ l2Election: "v0.12" }, "--l2-election=v0.12 is not one of v0.11, v0.10"],
      [
        { arpBackend: "tcx" },
        "--arp-backend=tcx is not one of auto, ebpf, xdp, socket",
      ],
      [
        { logLevel: "WARN" },
        "--log-level=WARN is not one of all, debug, info, warn, error, none; " +
        "did you mean --log-level=warn?",
      ],
      [{ logFormat: "text" }, "--log-format=text is not one of json, pretty"],
      [{ mlKeyBytes: "24" }, "--ml-key-bytes=24 is not one of 16, 32"],
    ] as const
  ) assert.equal(refusal(flags), message);
});

Deno.test("readRunOptions() takes election and key of --compat, and the flags for these go before it", () => {
  const chosen = (flags: Flags) => {
    const { compat, election, gossip } = run({ mlBindaddr: "10.0.0.1", ...flags });
    return [compat, election, gossip?.keyBytes];
  };
  assert.deepEqual(chosen({}), [undefined, "v0.11", undefined]);
  assert.deepEqual(chosen({ compat: "none" }), chosen({}));
  assert.deepEqual(chosen({ compat: "v0.10" }), ["v0.10", "v0.10", 16]);
  assert.deepEqual(chosen({ compat: "v0.12" }), ["v0.12", "v0.11", 16]);
  assert.deepEqual(chosen({ compat: "v0.16" }), ["v0.16", "v0.11", 32]);
  const said = { compat: "v0.10", l2Election: "v0.11", mlKeyBytes: "32" };
  assert.deepEqual(chosen(said), ["v0.10", "v0.11", 32]);
  assert.equal(
    refusal({ compat: "v0.13" }),
    "--compat=v0.13 is not one of v0.10, v0.12, v0.16, none",
  );
});

Deno.test("readRunOptions() logs prettily on a terminal alone, unless told", () => {
  assert.equal(run({}).logFormat, "json");
  assert.equal(run({}, { isTerminal: true }).logFormat, "pretty");
  assert.equal(run({ logFormat: "json" }, { isTerminal: true }).logFormat, "json");
  assert.equal(run({ logFormat: "pretty" }).logFormat, "pretty");
});

Deno.test("readRunOptions() takes ports from 0 to 65535 in plain decimal", () => {
  for (const port of ["0", "1", "7472", "65535"]) assert.equal(run({ port }).port, Number(port));
  for (const port of ["65536", "-1", "+1", "080", "1e3", "0x50", "7472 ", "http", "99999999"]) {
    assert.match(refusal({ port }), /^--port=.* is no port; write a number from 0 to 65535$/);
  }
  const elsewhere = { env: { METALLB_PORT: "9120" } };
  assert.equal(run({}, elsewhere).port, 9120);
  assert.equal(run({ port: "7472" }, elsewhere).port, 7472);
  assert.match(refusal({}, { env: { METALLB_PORT: "x" } }), /^--port=x is no port/);
  assert.match(refusal({ mlBindport: "x" }), /^--ml-bindport=x is no port/);
  assert.match(
    refusal({}, { env: { METALLB_ML_BIND_PORT: "x" } }),
    /^--ml-bindport=x is no port/,
  );
});

Deno.test("readRunOptions() takes an empty variable for one that is not set", () => {
  const names = [
    "METALLB_NAMESPACE",
    "METALLB_ML_NAMESPACE",
    "METALLB_ML_LABELS",
    "METALLB_ML_BIND_PORT",
    "METALLB_HOST",
    "METALLB_NODE_NAME",
    "NODE_NAME",
  ];
  const env = Object.fromEntries(names.map((name) => [name, ""]));
  assert.deepEqual(run({}, { env }), run({}));
});

Deno.test("readRunOptions() takes an address to listen on, and nothing else", () => {
  for (const host of ["127.0.0.1", "::", "2001:db8::1", "localhost"]) {
    assert.equal(run({ host }).host, host);
    assert.equal(run({}, { env: { METALLB_HOST: host } }).host, host);
  }
  assert.equal(run({}).host, "", "all addresses");
  for (const host of ["10.1", "example.org", "127.0.0.1:80", "[::1]"]) {
    assert.equal(
      refusal({ host }),
      `--host=${host} is no address of this machine; write an IP address`,
    );
  }
});

Deno.test("readRunOptions() names the node by flag, variables, host name, in that order", () => {
  const env = { METALLB_NODE_NAME: "from-metallb", NODE_NAME: "from-pod" };
  assert.equal(run({ nodeName: "from-flag" }, { env }).nodeName, "from-flag");
  assert.equal(run({}, { env }).nodeName, "from-metallb");
  assert.equal(run({}, { env: { NODE_NAME: "from-pod" } }).nodeName, "from-pod");
  assert.equal(run({}, { hostname: "Edge-1.Example.ORG" }).nodeName, "edge-1.example.org");
});

Deno.test("readRunOptions() refuses node names that Kubernetes would, from wherever they come", () => {
  for (const name of ["Node1", "node_1", "-node", "node-", "a b", "a/b", "x".repeat(254)]) {
    const message = `--node-name=${name} is no node name; write it as kubectl get nodes shows it`;
    assert.equal(refusal({ nodeName: name }), message);
    assert.equal(refusal({}, { env: { METALLB_NODE_NAME: name } }), message);
  }
  assert.equal(run({ nodeName: "x".repeat(253) }).nodeName.length, 253);
});

Deno.test("readRunOptions() minds no host name for a controller", () => {
  assert.equal(run({ role: "controller" }, { hostname: "my_host" }).role, "controller");
  assert.match(refusal({}, { hostname: "my_host" }), /^--node-name=my_host is no node name/);
  assert.match(refusal({ role: "all" }, { hostname: "my_host" }), /^--node-name=my_host/);
});

Deno.test("readRunOptions() reads patterns of interfaces", () => {
  assert.deepEqual(run({}).interfaces, []);
  assert.deepEqual(run({ interface: "eth0, bond*,!docker?" }).interfaces, [
    "eth0",
    "bond*",
    "!docker?",
  ]);
  for (const wrong of ["eth0,", "!", "a b", "a/b", "!!a"]) {
    assert.match(refusal({ interface: wrong }), /^--interface: ".*" is no pattern/);
  }
});

Deno.test("readRunOptions() refuses a speaker's flags for the controller", () => {
  for (
    const [name, flag] of [
      ["nodeName", "--node-name"],
      ["mlLabels", "--ml-labels"],
      ["compat", "--compat"],
      ["l2Election", "--l2-election"],
      ["arpBackend", "--arp-backend"],
      ["interface", "--interface"],
      ["mlSecretKeyPath", "--ml-secret-key-path"],
    ] as const
  ) {
    const message = `${flag} is a flag of the speaker, not of the controller`;
    assert.equal(refusal({ role: "controller", [name]: "x" }), message);
  }
  assert.equal(
    refusal({ role: "controller", ignoreExcludeLb: true }),
    "--ignore-exclude-lb is a flag of the speaker, not of the controller",
  );
});

Deno.test("readRunOptions() lists the flags that have no effect yet", () => {
  const flags = { mlSecretName: "memberlist", deployment: "controller", enablePprof: true };
  assert.deepEqual(run({ role: "controller", ...flags }).withoutEffect, ["--enable-pprof"]);
  assert.deepEqual(run({ mlLabels: "app=metallb", ignoreExcludeLb: true }).withoutEffect, []);
});

Deno.test("readRunOptions() takes the Secret that the controller makes from flag or variable", () => {
  const env = { METALLB_ML_SECRET_NAME: "by-variable", METALLB_DEPLOYMENT: "controller" };
  const made = (flags: Flags, place: Place) => run({ role: "controller", ...flags }, place);
  assert.deepEqual(made({}, { env }).gossipSecret, {
    namespace: "metallb-system",
    name: "by-variable",
    deployment: "controller",
  });
  assert.equal(made({ mlSecretName: "by-flag" }, { env }).gossipSecret?.name, "by-flag");
  assert.equal(made({}, {}).gossipSecret, undefined);
  assert.equal(run({ role: "speaker" }, { env }).gossipSecret, undefined);
});

Deno.test("readSourceOptions() takes the namespace from flag, variable, pod, then MetalLB's", () => {
  const namespace = (flags: Flags, place: Place) =>
    readSourceOptions(flags, around(place)).namespace;
  const env = { METALLB_NAMESPACE: "by-variable" };
  const podNamespace = "by-pod";
  assert.equal(namespace({ namespace: "by-flag" }, { env, podNamespace }), "by-flag");
  assert.equal(namespace({}, { env, podNamespace }), "by-variable");
  assert.equal(namespace({}, { podNamespace }), "by-pod");
  assert.equal(namespace({}, {}), "metallb-system");
  assert.equal(run({ mlNamespace: "speakers" }, { podNamespace }).mlNamespace, "speakers");
  assert.equal(run({}, { podNamespace }).mlNamespace, "by-pod");
});

Deno.test("readSourceOptions() refuses impossible namespaces and two sources at once", () => {
  for (const namespace of ["Lb", "lb.system", "a_b", "../etc", "x".repeat(64)]) {
    assert.equal(refusal({ namespace }), `--namespace "${namespace}" is no namespace name`);
  }
  assert.equal(
    refusal({ store: "/srv/lb", kubeconfig: "/root/.kube/config" }),
    "--store and --kubeconfig exclude each other: objects come from one place",
  );
  for (
    const [name, flag] of [
      ["store", "--store"],
      ["kubeconfig", "--kubeconfig"],
      ["config", "--config"],
      ["namespace", "--namespace"],
      ["lbClass", "--lb-class"],
    ] as const
  ) assert.equal(refusal({ [name]: "" }), `${flag} is empty`);
});

Deno.test("readAgainst() takes the cluster or a folder, and refuses flags that say nothing without it", () => {
  const read = (flags: Flags) => readAgainst(flags, around());
  assert.equal(read({}), undefined);
  assert.equal(read({ against: "cluster", kubeconfig: "/k" })?.kubeconfig, "/k");
  assert.equal(read({ against: "cluster" })?.store, undefined);
  assert.equal(read({ against: "./cluster", config: "pools.yaml" })?.store, "./cluster");
  assert.throws(() => read({ against: "/srv", kubeconfig: "/k" }), /goes with --against=cluster/);
  for (const name of ["kubeconfig", "lbClass"]) {
    assert.throws(() => read({ [name]: "x" }), /needs --against=cluster or --against=DIR/);
  }
  assert.throws(() => read({ against: "" }), /--against is empty/);
});

Deno.test("readRunOptions() names the Secret of the gossip key only where no key is given", () => {
  const env = { METALLB_ML_BIND_ADDR: "10.0.0.1", METALLB_ML_SECRET_NAME: "memberlist" };
  const named = (more: Record<string, string>, flags: Flags = {}) =>
    run({ role: "speaker", ...flags }, { env: { ...env, ...more } }).gossip?.secretName;
  assert.equal(named({}), "memberlist");
  assert.equal(named({}, { mlSecretName: "by-flag" }), "by-flag");
  assert.equal(named({ METALLB_ML_SECRET_KEY: "key" }), undefined);
  assert.equal(named({}, { mlSecretKey: "key" }), undefined);
});

Deno.test("readRunOptions() takes the heartbeat's pace as Go writes durations, in bounds", () => {
  const beats = (flags: Flags) => run({ mlBindaddr: "10.0.0.1", ...flags }).gossip?.heartbeat;
  assert.deepEqual(beats({}), { intervalMs: 50, multiplier: 3, confirmMs: 40 });
  assert.deepEqual(beats({ heartbeatInterval: "0.5s", heartbeatMultiplier: "5" }), {
    intervalMs: 500,
    multiplier: 5,
    confirmMs: 400,
  });
  for (const value of ["10ms", "5s", "1s500ms"]) assert.ok(beats({ heartbeatInterval: value }));
  for (const value of ["9ms", "5001ms", "50", "-1s", "0", "1h", "10.5ms", "NaNs", "fast"]) {
    assert.equal(
      refusal({ heartbeatInterval: value }),
      `--heartbeat-interval=${value} is no time of whole milliseconds from 10ms to 5s, ` +
        "such as 50ms or 1s",
    );
  }
  for (const value of ["2", "21", "3.5", "-3", "1e1", "three", "0x5"]) {
    assert.equal(
      refusal({ heartbeatMultiplier: value }),
      `--heartbeat-multiplier=${value} is no number from 3 to 20`,
    );
  }
  assert.equal(refusal({ heartbeatInterval: "" }), "--heartbeat-interval is empty");
  assert.equal(
    refusal({ role: "controller", heartbeatInterval: "1s" }),
    "--heartbeat-interval is a flag of the speaker, not of the controller",
  );
});

Deno.test("readRunOptions() probes addresses only when told, and only as a speaker", () => {
  assert.equal(run({}).arpProbe, false);
  assert.equal(run({ arpProbe: true }).arpProbe, true);
  assert.equal(
    refusal({ role: "controller", arpProbe: true }),
    "--arp-probe is a flag of the speaker, not of the controller",
  );
});
