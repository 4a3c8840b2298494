import assert from "node:assert/strict";
import { parseArguments, type Request } from "../../lib/cli/arguments.ts";
import type { Surroundings } from "../../lib/cli/flag_values.ts";
import type { RunOptions } from "../../lib/host/process/options.ts";

function around(env: Record<string, string> = {}): Surroundings {
  return {
    env: (name) => env[name],
    hostname: () => "Edge-1",
    podNamespace: () => undefined,
    readSecret: () => undefined,
    isTerminal: false,
  };
}

function parse(line: string, env: Record<string, string> = {}): Request {
  return parseArguments(line === "" ? [] : line.split(" "), around(env));
}

function run(line: string, env: Record<string, string> = {}): RunOptions {
  const request = parse(line, env);
  assert.ok(request.kind === "run", JSON.stringify(request));
  return request.options;
}

function refused(line: string, env: Record<string, string> = {}): string {
  const request = parse(line, env);
  assert.ok(request.kind === "print" && request.code === 2, `${line}: ${JSON.stringify(request)}`);
  return request.text;
}

Deno.test("parseArguments() gives the contract's defaults", () => {
  const options = run("run --role=speaker");
  assert.equal(options.port, 7472);
  assert.equal(options.namespace, "metallb-system");
  assert.equal(options.config, undefined);
  assert.equal(options.nodeName, "edge-1");
  assert.equal(options.election, "v0.11");
  assert.equal(options.arpBackend, "auto");
  assert.equal(options.logLevel, "info");
  assert.equal(options.logFormat, "json");
  assert.deepEqual(options.withoutEffect, []);
});

Deno.test("parseArguments() takes one dash for two, and values with or without equals sign", () => {
  for (const line of ["run -role=speaker -port=1234", "run -role speaker -port 1234"]) {
    assert.equal(run(line).port, 1234, line);
  }
});

Deno.test("parseArguments() lets flags win over environment, and environment over defaults", () => {
  const env = {
    METALLB_NAMESPACE: "lb",
    METALLB_NODE_NAME: "n1",
    NODE_NAME: "n2",
    METALLB_HOST: "10.0.0.1",
    METALLB_ML_LABELS: "app=metallb",
  };
  const options = run("run --role=all --namespace=other", env);
  assert.equal(options.namespace, "other");
  assert.equal(options.nodeName, "n1");
  assert.equal(options.host, "10.0.0.1");
  assert.equal(options.mlLabels, "app=metallb");
  assert.equal(options.mlNamespace, "other");
  assert.equal(run("run --role=all", { NODE_NAME: "n2" }).nodeName, "n2");
});

Deno.test("parseArguments() runs the manifests of MetalLB v0.10 with the image replaced", () => {
  const controller = run("--port=7472 --config=config", {
    METALLB_ML_SECRET_NAME: "memberlist",
    METALLB_DEPLOYMENT: "controller",
  });
  assert.equal(controller.role, "controller");
  assert.equal(controller.config, "config");
  const speaker = run("--port=7472 --config=config --log-level=info", {
    METALLB_NODE_NAME: "worker-1",
    METALLB_HOST: "10.0.0.7",
    METALLB_ML_BIND_ADDR: "10.0.0.7",
    METALLB_ML_LABELS: "app=metallb,component=speaker",
    METALLB_ML_SECRET_KEY: "c2VjcmV0",
  });
  assert.equal(speaker.role, "speaker");
  assert.equal(speaker.nodeName, "worker-1");
});

Deno.test("parseArguments() names the MetalLB flags that have no effect", () => {
  const options = run(
    "run --role=controller --pod-name=controller --disable-epslices --enable-pprof=true",
  );
  assert.deepEqual(options.withoutEffect, ["--pod-name", "--disable-epslices", "--enable-pprof"]);
});

Deno.test("parseArguments() refuses wrong usage with exit code 2 and says what is right", () => {
  const rows: readonly (readonly [string, RegExp])[] = [
    ["run", /--role is missing; write --role=controller/],
    ["run --role=Speaker", /did you mean --role=speaker\?/],
    ["run --role=worker", /not one of controller, speaker, all/],
    ["run --role=speaker --role=speaker", /--role is given twice/],
    ["run --role=speaker --prot=1", /unknown option --prot; did you mean --port\?/],
    ["run --role=speaker --prot=7472", /did you mean --port\?/],
    ["run --role=speaker --port=65536", /no port/],
    ["run --role=speaker --port=-1", /no port/],
    ["run --role=speaker --port=1e3", /no port/],
    ["run --role=speaker --port=", /--port is empty/],
    ["run --role=speaker --ml-bindport=99999", /--ml-bindport/],
    ["run --role=speaker --ml-key-bytes=24", /16, 32/],
    ["run --role=speaker --node-name=a/b", /no node name/],
    [`run --role=speaker --node-name=${"a".repeat(300)}`, /no node name/],
    ["run --role=speaker --node-name=", /--node-name is empty/],
    ["run --role=controller --node-name=a", /flag of the speaker/],
    ["run --role=controller --l2-election=v0.10", /flag of the speaker/],
    ["run --role=speaker --leader-elect", /--leader-elect is a flag of the controller/],
    [
      "run --role=speaker --leader-elect-profile=fast",
      /flag of the controller, not of the speaker/,
    ],
    ["run --role=controller --leader-elect-renew-deadline=1h", /must be more than/],
    ["run --role=speaker --l2-election=v0.9", /v0\.11, v0\.10/],
    ["run --role=speaker --arp-backend=tcx", /auto, ebpf, xdp, socket/],
    ["run --role=speaker --log-level=trace", /all, debug/],
    ["run --role=speaker --host=10.1", /no address/],
    ["run --role=speaker --store=a --kubeconfig=b", /exclude each other/],
    ["run --role=speaker extra", /too many arguments/],
    ["run --role=speaker --namespace=UPPER", /no namespace name/],
    ["validate", /missing required argument 'source'/],
    ["validate a --compat=v0.12", /--compat needs --against/],
    ["validate a --against=cluster --compat=v0.13", /v0\.10, v0\.12, v0\.16/],
    ["migrate", /changes nothing by itself; write: herald migrate --check/],
    ["migrate --check --compat=none", /v0\.10, v0\.12, v0\.16/],
    ["explain service", /missing required argument 'name'/],
    ["explain service nginx", /write NAMESPACE\/NAME/],
    ["explain pod a/b", /cannot explain "pod"/],
    ["status --port=x", /--port=x is no port/],
    ["status --cluster --port=7472", /--port is of this machine/],
    ["status --output=yaml", /Allowed choices are text, json/],
    ["statsu", /Did you mean status/],
    ["--port=7472", /unknown option --port/],
    ["", /Usage: herald/],
  ];
  for (const [line, pattern] of rows) assert.match(refused(line), pattern, line);
});

Deno.test("parseArguments() does not see a bad value in the environment as right", () => {
  assert.match(refused("run --role=speaker", { METALLB_HOST: "not-an-ip" }), /no address/);
  assert.match(refused("run --role=speaker", { METALLB_NODE_NAME: "a b" }), /no node name/);
});

Deno.test("parseArguments() prints help of every command with exit code 0", () => {
  for (const command of ["run", "validate", "migrate", "status", "explain", "version"]) {
    const request = parse(`${command} --help`);
    assert.ok(request.kind === "print" && request.code === 0, command);
    assert.match(request.text, new RegExp(`Usage: herald ${command}`));
  }
  const request = parse("--help");
  assert.ok(request.kind === "print" && request.code === 0);
  for (const command of ["run", "validate", "migrate", "status", "explain", "version"]) {
    assert.match(request.text, new RegExp(`^  ${command}`, "m"));
  }
});

Deno.test("parseArguments() reads the other commands", () => {
  assert.deepEqual(parse("version"), { kind: "version" });
  assert.deepEqual(parse("--version"), { kind: "version" });
  assert.deepEqual(parse("validate a.yaml b.yaml"), {
    kind: "validate",
    sources: ["a.yaml", "b.yaml"],
    expected: { namespace: "metallb-system", names: ["config", "metallb-config", "metallb"] },
    against: undefined,
    compat: undefined,
    output: "text",
  });
  const migrate = parse("migrate --check --compat=v0.16 --store=/srv/lb");
  assert.ok(migrate.kind === "migrate" && migrate.source.store === "/srv/lb");
  assert.deepEqual([migrate.compat, migrate.output], ["v0.16", "text"]);
  const unsaid = parse("migrate --check");
  assert.ok(unsaid.kind === "migrate" && unsaid.compat === "v0.12");
  const replaced = parse("validate a.yaml --against=cluster --compat=v0.10");
  assert.ok(replaced.kind === "validate" && replaced.compat === "v0.10");
  const other = parse("validate - --config=lb --namespace=net");
  assert.ok(other.kind === "validate");
  assert.deepEqual(other.sources, ["-"]);
  assert.deepEqual(other.expected, { namespace: "net", names: ["lb"] });
  const local = parse("validate a.yaml --config=./b.yaml");
  assert.ok(local.kind === "validate" && local.expected === undefined);
  const validate = parse("validate a.yaml --against=/srv/lb --output=json --lb-class=x");
  assert.ok(validate.kind === "validate" && validate.output === "json");
  assert.equal(validate.against?.store, "/srv/lb");
  assert.equal(validate.against?.lbClass, "x");
  const status = { kind: "status", cluster: undefined, port: undefined, check: false } as const;
  assert.deepEqual(parse("status --output=json"), { ...status, output: "json" });
  assert.deepEqual(parse("status --port=19472"), { ...status, port: 19_472, output: "text" });
  assert.deepEqual(parse("status --cluster --check"), {
    ...status,
    cluster: { kubeconfig: undefined, namespace: "metallb-system" },
    check: true,
    output: "text",
  });
  assert.deepEqual(parse("status --kubeconfig=k --namespace lb"), {
    ...status,
    cluster: { kubeconfig: "k", namespace: "lb" },
    output: "text",
  });
  const explain = parse("explain service default/nginx --store=/srv/lb");
  assert.ok(explain.kind === "explain" && explain.sourceGiven);
  assert.equal(explain.service, "default/nginx");
  assert.equal(explain.source.store, "/srv/lb");
});

Deno.test("parseArguments() elects a leader among controllers unless told otherwise, and never among speakers", () => {
  assert.equal(run("run --role=controller").leaderElection?.durationMs, 15_000);
  assert.equal(run("run --role=all --namespace=lb").leaderElection?.namespace, "lb");
  assert.equal(run("run --role=speaker").leaderElection, undefined);
  assert.equal(run("run --role=controller -leader-elect=false").leaderElection, undefined);
  assert.equal(
    run("run --role=all --leader-elect --port=1").leaderElection?.name,
    "herald-controller",
  );
});

Deno.test("wrong flags and variables are told without the secret among them (fault 9)", () => {
  const mark = "hunter2Marked";
  for (
    const flags of [
      `--ml-secret-kye=${mark}`,
      `--ml-secret-kye ${mark}`,
      `--ml-secret-key=${mark} --ml-secret-key=${mark}`,
      `--ml-secret-key ${mark} ${mark}`,
      `--ml-secret-key=${mark} --ml-bindaddr=1`,
      `-ml-secret-key ${mark} --port=x`,
    ]
  ) assert.ok(!refused(`run --role=speaker ${flags}`).includes(mark), flags);
  const env = { METALLB_ML_SECRET_KEY: mark, METALLB_ML_BIND_ADDR: "10.0.0.1" };
  assert.ok(!refused("run --role=speaker --ml-bindport=x", env).includes(mark));
});
