import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { poolsYaml, poolYaml } from "../support/pools.ts";
import { configMap } from "../support/folder.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const HERALD = `${ROOT}dist/herald`;
/** For a shell, whatever the folder is called. */
const HERALD_COMMAND = 'herald() { "$HERALD" "$@"; }\n';

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function herald(...args: string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(HERALD, { args, stdin: "null" }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("herald version prints version, commit, Deno and target", async () => {
  const { code, stdout } = await herald("version");
  assert.equal(code, 0);
  const { version } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const line = new RegExp(
    `^herald ${
      version.replaceAll(".", "\\.")
    } \\(commit [0-9a-f]{12}(-dirty)?, deno \\d+\\.\\d+\\.\\d+, \\w+-unknown-linux-gnu\\)\\n$`,
  );
  assert.match(stdout, line);
});

Deno.test("herald --help and each command's --help exit 0; wrong usage exits 2 with the right flag", async () => {
  for (
    const words of [["--help"], ["run", "--help"], ["validate", "-h"], ["status", "--help"], [
      "explain",
      "--help",
    ]]
  ) {
    const { code, stdout } = await herald(...words);
    assert.equal(code, 0, words.join(" "));
    assert.match(stdout, /^Usage: herald/);
  }
  const wrong = await herald("run", "--role=speaker", "--prot=7472");
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /--port/);
  assert.equal((await herald()).code, 2);
});

Deno.test("herald validate exits 0 for a good file and 1 for a bad one, with place and caret", async () => {
  const folder = await Deno.makeTempDir({ prefix: "herald-validate-" });
  try {
    await Deno.writeTextFile(
      `${folder}/good.yaml`,
      "address-pools:\n- name: default\n  protocol: layer2\n  addresses:\n  - 10.77.1.220-10.77.1.240\n",
    );
    await Deno.writeTextFile(
      `${folder}/bad.yaml`,
      "address-pools:\n- name: default\n  protocol: layer3\n  adresses:\n  - 10.77.1.240-10.77.1.220\n",
    );
    const good = await herald("validate", `${folder}/good.yaml`);
    assert.equal(good.code, 0, good.stdout + good.stderr);
    const bad = await herald("validate", `${folder}/good.yaml`, `${folder}/bad.yaml`);
    assert.equal(bad.code, 1);
    const text = bad.stdout + bad.stderr;
    assert.ok(text.includes(`${folder}/bad.yaml:3:13: `), text);
    assert.ok(text.includes(`${folder}/bad.yaml:4:3: `), text);
    assert.match(text, /did you mean "addresses"\?/);
    assert.match(text, /^ *\^/m);
    const absent = await herald("validate", `${folder}/absent.yaml`);
    assert.equal(absent.code, 1);
    assert.match(absent.stdout + absent.stderr, /absent\.yaml/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("herald validate reads streams and folders, and exits 1 where nothing is configuration", async () => {
  const folder = await Deno.makeTempDir({ prefix: "herald-streams-" });
  const good = JSON.stringify({
    kind: "List",
    items: [configMap(poolsYaml(poolYaml("p", "10.0.0.1/32")))],
  });
  const service = "kind: Service\nmetadata: { name: web }\n";
  try {
    await Deno.mkdir(`${folder}/store`);
    await Deno.writeTextFile(`${folder}/store/list.json`, good);
    await Deno.writeTextFile(`${folder}/store/kustomization.yaml`, "resources: [list.json]\n");
    await Deno.writeTextFile(`${folder}/service.yaml`, service);
    const rows: readonly (readonly [code: number, command: string])[] = [
      [0, "cat store/list.json | herald validate -"],
      [0, "cat store/list.json | herald validate /dev/stdin"],
      [0, "herald validate - <store/list.json"],
      [0, "herald validate <(cat store/list.json)"],
      [0, "cat store/list.json | herald validate - --against=store"],
      [0, "herald validate store service.yaml"],
      [1, "herald validate service.yaml"],
      [1, "cat service.yaml | herald validate -"],
      [1, "herald validate store --config=other"],
      [1, "true | herald validate -"],
      [1, "herald validate /dev/zero"],
      [0, "herald validate store store/list.json ./store"],
      // A reader that goes changes neither the exit code nor makes noise; nothing else may be lost.
      [0, "herald validate store | true; exit ${PIPESTATUS[0]}"],
      [1, "herald validate service.yaml - </dev/null | true; exit ${PIPESTATUS[0]}"],
      [1, "herald validate store >/dev/full"],
      [1, "herald version >/dev/full"],
    ];
    for (const [expected, command] of rows) {
      const { code, stdout, stderr } = await new Deno.Command("bash", {
        args: ["-c", HERALD_COMMAND + command],
        cwd: folder,
        env: { HERALD },
        stdin: "null",
      }).output();
      const told = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      assert.equal(code, expected, `${command}: ${told}`);
      assert.doesNotMatch(told, /Uncaught|\.js:/, command);
      const json = await new Deno.Command("bash", {
        args: ["-c", HERALD_COMMAND + command.replace("validate", "validate --output=json")],
        cwd: folder,
        env: { HERALD },
        stdin: "null",
      }).output();
      assert.equal(json.code, expected, command);
      if (json.stdout.length > 0) {
        const { good } = JSON.parse(new TextDecoder().decode(json.stdout));
        assert.equal(good, expected === 0, command);
      }
      if (command.includes("- <store")) {
        assert.match(told, /^<stdin>: configmap metallb-system\/config: good/);
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("herald validate --against a folder tells what the change would take and give, and exits 1 for a loss", async () => {
  const folder = await Deno.makeTempDir({ prefix: "herald-against-" });
  const pools = (addresses: string) => poolsYaml(poolYaml("p", addresses));
  try {
    await Deno.mkdir(`${folder}/store/status/default`, { recursive: true });
    const objects = [
      configMap(pools("10.77.1.220/32")),
      ...["web", "waits"].map((name) => ({
        apiVersion: "v1",
        kind: "Service",
        metadata: { name, namespace: "default" },
        spec: { type: "LoadBalancer", ipFamilies: ["IPv4"], ports: [{ port: 80 }] },
        status: name === "web" ? { loadBalancer: { ingress: [{ ip: "10.77.1.220" }] } } : {},
      })),
    ];
    for (const [index, object] of objects.entries()) {
      await Deno.writeTextFile(`${folder}/store/${index}.json`, JSON.stringify(object));
    }
    await Deno.writeTextFile(`${folder}/wider.yaml`, pools("10.77.1.220-10.77.1.221"));
    await Deno.writeTextFile(`${folder}/other.yaml`, pools("10.77.2.1-10.77.2.9"));
    const against = `--against=${folder}/store`;
    const wider = await herald("validate", `${folder}/wider.yaml`, against);
    assert.equal(wider.code, 0, wider.stdout + wider.stderr);
    assert.match(wider.stdout, /^No Service would lose its address\.$/m);
    assert.match(wider.stdout, /^ {2}default\/waits: 10\.77\.1\.221 of pool "p"$/m);
    const other = await herald("validate", `${folder}/other.yaml`, against);
    assert.equal(other.code, 1);
    assert.match(other.stdout, /^ {2}default\/web: 10\.77\.1\.220 of pool "p", for /m);
    const json = await herald("validate", `${folder}/other.yaml`, against, "--output=json");
    assert.equal(json.code, 1);
    const { good, impact } = JSON.parse(json.stdout);
    assert.deepEqual([good, impact.refused], [false, true]);
    assert.deepEqual(impact.lost[0].before, { ips: ["10.77.1.220"], pool: "p" });
    for (
      const [code, ...words] of [
        [2, "validate", `${folder}/wider.yaml`, `--against=${folder}/absent`],
        [2, "validate", `${folder}/wider.yaml`, "--lb-class=x"],
        [1, "validate", `${folder}/wider.yaml`, `${folder}/other.yaml`, against],
      ] as const
    ) {
      const wrong = await herald(...words);
      assert.equal(wrong.code, code, words.join(" ") + wrong.stderr);
      assert.notEqual(wrong.stderr, "");
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("herald run refuses a config that is a folder or a FIFO, and a store that is no folder, with exit code 2", async () => {
  const folder = await Deno.makeTempDir({ prefix: "herald-run-" });
  try {
    await new Deno.Command("mkfifo", { args: [`${folder}/fifo.yaml`] }).output();
    const rows = [
      ["--config", `${folder}/`],
      ["--config", `${folder}/fifo.yaml`],
      ["--store", `${folder}/fifo.yaml`],
      ["--store", `${folder}/absent`],
    ];
    for (const [flag, value] of rows) {
      const { code, stdout } = await herald("run", "--role=controller", `${flag}=${value}`);
      assert.equal(code, 2, `${flag}=${value}: ${stdout}`);
      assert.ok(stdout.includes(value ?? ""), stdout);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("herald run says in one line what is wrong with a kubeconfig, and exits 1", async () => {
  const { code, stdout } = await herald("run", "--role=controller", "--kubeconfig=/does/not/exist");
  assert.equal(code, 1);
  assert.match(stdout, /\/does\/not\/exist/);
});

Deno.test("herald run logs for people on request, from the binary too", async () => {
  const folder = await Deno.makeTempDir({ prefix: "herald-pretty-" });
  try {
    const child = new Deno.Command(HERALD, {
      args: ["run", "--role=controller", `--store=${folder}`, "--port=0", "--log-format=pretty"],
      stdout: "piped",
    }).spawn();
    let text = "";
    let stopped = false;
    for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
      text += part;
      if (stopped || !text.includes("listening for HTTP")) continue;
      stopped = true;
      child.kill("SIGTERM");
    }
    assert.equal((await child.status).code, 0);
    assert.match(text, /INFO: herald starts/);
    assert.match(text, /INFO: herald stopped/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
