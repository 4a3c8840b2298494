import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parse, parseAllDocuments } from "yaml";
import { parseArguments } from "../lib/cli/arguments.ts";
import { readSource } from "../lib/config/manifest.ts";
import { isObject, listOr, objectOr } from "../lib/model/json.ts";
import { anchorsOf, commandsOf, type Fence, fencesOf, proseOf } from "./support/markdown.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
/** Those of their own: flags that are no flags of Herald's. */
const FOREIGN_FLAGS = new Set(["--disable", "--ipv6", "--bgp", "--values"]);
const AROUND = {
  env: () => undefined,
  hostname: () => "n1",
  podNamespace: () => undefined,
  readSecret: () => "",
  isTerminal: false,
};
const VERSION: string = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`)).version;
/** `./install.sh image` makes these. */
const MADE = new RegExp(
  `^dist/image/herald-${VERSION.replaceAll(".", "\\.")}-linux-(amd|arm)64\\.tar$`,
);

interface Page {
  readonly path: string;
  readonly text: string;
  readonly fences: readonly Fence[];
}

async function pages(): Promise<Page[]> {
  const paths = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"];
  for await (const { name } of Deno.readDir(`${ROOT}docs`)) {
    if (name.endsWith(".md")) paths.push(`docs/${name}`);
  }
  return await Promise.all(
    paths.sort().map(async (path) => {
      const text = await Deno.readTextFile(`${ROOT}${path}`);
      return { path, text, fences: fencesOf(text) };
    }),
  );
}

const PAGES = await pages();
const place = ({ path }: Page, { line }: Fence) => `${path}:${line}`;

Deno.test("every YAML block of the pages is good configuration, or a manifest that can be read", () => {
  for (const page of PAGES) {
    for (const fence of page.fences.filter(({ language }) => language === "yaml")) {
      // A title names a file that is another program's.
      if (fence.info.startsWith("title=")) {
        parse(fence.text);
        continue;
      }
      const problems = readSource(fence.text, place(page, fence)).flatMap((part) => {
        if (part.kind === "configuration") return part.found.problems;
        return part.kind === "unread" ? part.problems : [];
      });
      assert.deepEqual(problems, []);
    }
  }
});

Deno.test("every command of the pages that is Herald's own is one that it understands", async () => {
  const installer = await Deno.readTextFile(`${ROOT}install.sh`);
  const known = new Set([...installer.matchAll(/^([a-z]+)\)/gm)].map(([, name]) => name));
  let seen = 0;
  for (const page of PAGES) {
    for (const fence of page.fences.filter(({ language }) => /^(sh|console)$/.test(language))) {
      for (const command of commandsOf(fence)) {
        const own = /(?:^|-- |\| |sudo )herald (.*)$/.exec(command)?.[1];
        if (own !== undefined) {
          assertUnderstood(own, `${place(page, fence)}: ${command}`);
          seen++;
        }
        const task = /\.\/install\.sh ([a-z]+)/.exec(command)?.[1];
        if (task !== undefined) assert.ok(known.has(task), `${place(page, fence)}: ${command}`);
      }
    }
  }
  assert.ok(seen > 5);
});

/** Of `a|b|c` any is meant, and names in capitals stand for a reader's own. */
function assertUnderstood(words: string, where: string): void {
  const argv = words.trim().split(/\s+/).map((word) => word.replace(/(?<=[a-z])\|.*$/, ""));
  const request = parseArguments(argv, AROUND);
  const isAsked = argv.includes("--help") || argv[0] === "completion";
  assert.ok(
    request.kind !== "print" || (isAsked && request.code === 0),
    `${where}: ${request.kind === "print" ? request.text : ""}`,
  );
}

Deno.test("every command of Herald's that stands in a sentence, or in a list of commands, is one", () => {
  let seen = 0;
  for (const page of PAGES.filter(({ path }) => /^(README|docs\/)/.test(path))) {
    const inLists = page.fences.filter(({ language }) => language === "")
      .flatMap(({ text }) => text.split("\n"))
      .map((line) => line.replace(/ {2,}.*$/, ""));
    const inProse = [...proseOf(page.text).matchAll(/`([^`]+)`/g)]
      .map(([, code = ""]) => code.replaceAll(/\s+/g, " "));
    for (const code of [...inLists, ...inProse]) {
      // A part of a command, such as `herald explain service`, names it and runs nothing.
      const own = /(?:^|\| |sudo )herald ((?:run|validate|explain|status|completion) .*)$/.exec(
        code,
      );
      if (own?.[1] === undefined || own[1] === "explain service") continue;
      assertUnderstood(own[1], `${page.path}: ${code}`);
      seen++;
    }
  }
  assert.ok(seen > 5);
});

Deno.test("README says how a command or a pod is had before it uses it", () => {
  const readme = PAGES.find(({ path }) => path === "README.md") ?? assert.fail();
  const commands = readme.fences.filter(({ language }) => /^(sh|console)$/.test(language))
    .flatMap(commandsOf);
  const first = (pattern: RegExp) => commands.findIndex((command) => pattern.test(command));
  for (
    const [made, used] of [
      [/^\.\/install\.sh$/, /^(sudo )?herald /],
      [/^kubectl run nginx /, /^kubectl expose pod nginx /],
      [/^git clone /, /^(sudo )?\.\/install\.sh/],
    ] as const
  ) {
    assert.ok(first(used) >= 0, `${used}`);
    assert.ok(first(made) >= 0 && first(made) < first(used), `${used} stands before ${made}`);
  }
  assert.doesNotMatch(
    proseOf(readme.text.slice(0, readme.text.indexOf("\n./install.sh "))),
    /`herald /,
  );
});

Deno.test("README asks of a machine that builds what the installer asks of it, and no more", async () => {
  const scripts = await Promise.all(
    ["install.sh", ".ci/toolchain.sh"].map((file) => Deno.readTextFile(`${ROOT}${file}`)),
  );
  for (const page of PAGES.filter(({ path }) => /^(README|docs\/installation)/.test(path))) {
    const [, tools = ""] = /\b(?:needs|newer with) (git[^;|]*);/.exec(page.text) ?? [];
    const named = tools.match(/[a-z][a-z0-9]+/g)?.filter((word) => !/^(and|or)$/.test(word)) ?? [];
    assert.ok(named.length >= 2, page.path);
    for (const tool of named) {
      const isAskedFor = scripts.some((text) =>
        new RegExp(`command -v ${tool}\\b|for tool in [^;]*\\b${tool}\\b`).test(text)
      );
      assert.ok(isAskedFor, `${page.path}: the installer never looks for ${tool}`);
    }
  }
});

Deno.test("every metric that the pages name is in the reference of metrics", () => {
  const known = PAGES.find(({ path }) => path === "docs/metrics.md")?.text ?? "";
  for (const page of PAGES.filter(({ path }) => /^(README|docs\/)/.test(path))) {
    for (const [name] of page.text.matchAll(/\b(?:herald|metallb)_[a-z0-9_]*[a-z0-9]\b(?!\.)/g)) {
      if (/^herald_\d/.test(name)) continue;
      assert.ok(known.includes(`\`${name}\``), `${page.path}: ${name}`);
    }
  }
});

Deno.test("README tells the exit codes as --help tells them", () => {
  const request = parseArguments(["--help"], AROUND);
  const [told = "missing"] = /Exit codes: .*/.exec(request.kind === "print" ? request.text : "") ??
    [];
  assert.ok(PAGES.find(({ path }) => path === "README.md")?.text.includes(told), told);
});

/** Where the repository has what the Debian package lays down. */
function sourceOf(file: string): string {
  return file.replace(/^\/etc\/herald\//, "deploy/systemd/")
    .replace(/^\/usr\/share\/doc\/herald\//, "deploy/systemd/");
}

Deno.test("every file that a command of the pages reads is in the repository or made by the installer", async () => {
  for (const page of PAGES) {
    const made = new Set<string>();
    for (const fence of page.fences.filter(({ language }) => /^(sh|console)$/.test(language))) {
      for (const command of commandsOf(fence)) {
        for (const [, file = ""] of command.matchAll(/>\s*(\S+)/g)) made.add(file);
        for (const [file] of command.matchAll(/(?<![\w./:-])[\w./-]+\.(ya?ml|json|tar|tgz)\b/g)) {
          if (made.has(file) || MADE.test(file)) continue;
          await Deno.stat(`${ROOT}${sourceOf(file)}`).catch(() => {
            throw new Error(`${place(page, fence)}: there is no ${file}, named by: ${command}`);
          });
        }
      }
    }
  }
});

Deno.test("every flag that the pages name is one of Herald's", () => {
  const helped = new Set(
    ["run", "validate", "migrate", "status", "explain"].flatMap((command) => {
      const request = parseArguments([command, "--help"], AROUND);
      return request.kind === "print" ? request.text.match(/--[a-z0-9-]+/g) ?? [] : [];
    }),
  );
  assert.ok(helped.has("--heartbeat-interval"));
  // The comparison with MetalLB names flags that are understood and do nothing.
  for (const page of PAGES.filter(({ path }) => /^(README|docs\/(?!compat|systemd))/.test(path))) {
    for (const [code] of proseOf(page.text).matchAll(/`[^`]+`/g)) {
      if (/^`(kubectl|k3s|helm|ip|ctr|skopeo) /.test(code)) continue;
      for (const [flag] of code.matchAll(/(?<![\w-])--[a-z][a-z0-9-]+/g)) {
        assert.ok(helped.has(flag) || FOREIGN_FLAGS.has(flag), `${page.path}: ${code}`);
      }
    }
  }
});

Deno.test("every link of the pages leads to a file and a heading that are there", async () => {
  for (const page of PAGES) {
    for (const [, target = ""] of proseOf(page.text).matchAll(/\]\(([^)]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [file = "", anchor] = target.split("#");
      const url = new URL(file, `file:///${page.path}`).pathname.slice(1);
      const path = file === "" ? page.path : url;
      const text = await Deno.readTextFile(`${ROOT}${path}`).catch(() => undefined);
      const isThere = text !== undefined ||
        await Deno.stat(`${ROOT}${path}`).then(() => true, () => false);
      assert.ok(isThere, `${page.path}: there is no ${target}`);
      if (anchor === undefined) continue;
      assert.ok(anchorsOf(text ?? "").has(anchor), `${page.path}: ${target} has no such heading`);
    }
  }
});

Deno.test("README leads to every page of docs and stays short enough to be read", () => {
  const readme = PAGES.find(({ path }) => path === "README.md")?.text ?? "";
  for (const { path } of PAGES.filter(({ path }) => path.startsWith("docs/"))) {
    assert.ok(readme.includes(`](${path}`), `README does not name ${path}`);
  }
  assert.ok(readme.trim().split(/\s+/).length <= 1250);
});

Deno.test("the configuration that is shipped as a file is good, for MetalLB's namespace and name", async () => {
  const text = await Deno.readTextFile(`${ROOT}deploy/metallb-configmap.yaml`);
  const [part, ...others] = readSource(text, "metallb-configmap.yaml");
  assert.deepEqual(others, []);
  assert.ok(part?.kind === "configuration");
  assert.equal(part.what, "configmap metallb-system/config");
  assert.deepEqual(part.found.problems, []);
});

Deno.test("installation tells the memory that the manifest asks for and allows", async () => {
  const manifest = await Deno.readTextFile(`${ROOT}deploy/metallb-compatible.yaml`);
  const page = PAGES.find(({ path }) => path === "docs/installation.md")?.text ?? "";
  for (const document of manifest.split(/^---$/m).map((text): unknown => parse(text))) {
    const text = JSON.stringify(document);
    const [, role] = /"kind":"(?:Deployment|DaemonSet)".*"component":"(\w+)"/.exec(text) ?? [];
    if (role === undefined) continue;
    const [, limit] = /"limits":\{[^}]*"memory":"(\d+)Mi"/.exec(text) ?? [];
    const [, request] = /"requests":\{[^}]*"memory":"(\d+)Mi"/.exec(text) ?? [];
    assert.ok(page.includes(`asks for ${request} MiB each`), `${role} asks for ${request} MiB`);
    assert.ok(page.includes(`a ${role} ${limit} MiB`), `${role} is allowed ${limit} MiB`);
  }
});

Deno.test("F9: the roll's command gives the speakers of the manifest the flag, and nobody else", async () => {
  const page = PAGES.find(({ path }) => path === "docs/upgrade.md") ?? assert.fail();
  const roll = page.fences.flatMap(commandsOf).find((command) => /^awk .*--compat/.test(command)) ??
    assert.fail("the page has no roll");
  const [edit = "", apply] = roll.split(/ \| (?=kubectl)/);
  assert.equal(apply, "kubectl apply -f -");
  const made = await new Deno.Command("sh", { args: ["-c", edit], cwd: ROOT }).output();
  const before = await Deno.readTextFile(`${ROOT}deploy/metallb-compatible.yaml`);
  const [plain, flagged] = [before, new TextDecoder().decode(made.stdout)].map(argumentsIn);
  assert.deepEqual(flagged?.get("Deployment"), plain?.get("Deployment"));
  const args = flagged?.get("DaemonSet") ?? assert.fail("no speaker");
  assert.deepEqual(args.filter((one) => one !== "--compat=v0.12"), plain?.get("DaemonSet"));
  const request = parseArguments(args, AROUND);
  assert.equal(request.kind === "run" && request.options.compat, "v0.12");
});

Deno.test("the way back to MetalLB is its own manifest, for Herald's has taken its controller's rights", async () => {
  const page = PAGES.find(({ path }) => path === "docs/upgrade.md") ?? assert.fail();
  const [, place = ""] = page.text.split(/^## In the place of MetalLB$/m);
  const commands = fencesOf(place).flatMap(commandsOf).join("\n");
  const manifest = await Deno.readTextFile(`${ROOT}deploy/metallb-compatible.yaml`);
  const role =
    manifest.split(/^---$/m).find((one) =>
      /^kind: ClusterRole$/m.test(one) && /name: metallb-system:controller$/m.test(one)
    ) ?? assert.fail();
  // MetalLB's controller writes a status by update, from v0.10 to v0.16.
  const isEnough = /services\/status\][\s\S]*?verbs: \[[^\]]*update/.test(role);
  assert.equal(isEnough, false);
  assert.match(commands, /^kubectl apply -f MANIFEST-OF-METALLB$/m);
  assert.doesNotMatch(place, /rollout undo (daemonset|deployment)/);
});

/** The arguments of the containers in a manifest, by the kind of their object. */
function argumentsIn(manifest: string): ReadonlyMap<string, string[]> {
  const objects = parseAllDocuments(manifest).map((document): unknown => document.toJS());
  return new Map(
    objects.filter(isObject).map(({ kind, spec }) => {
      const containers = listOr(objectOr(objectOr(objectOr(spec).template).spec).containers);
      return [`${kind}`, containers.flatMap((one) => listOr(objectOr(one).args)).map(String)];
    }),
  );
}
