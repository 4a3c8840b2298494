import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";
import { isObject, listOr, objectOr } from "../lib/model/json.ts";
import { commandsOf, type Fence, fencesOf } from "./support/markdown.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const COMPONENTS = `${ROOT}deploy/kustomize/components`;

interface Page {
  readonly path: string;
  readonly text: string;
  readonly fences: readonly Fence[];
}

const PAGES: readonly Page[] = await Promise.all(
  ["README.md", ...[...Deno.readDirSync(`${ROOT}docs`)].map(({ name }) => `docs/${name}`)]
    .filter((path) => path.endsWith(".md")).sort()
    .map(async (path) => {
      const text = await Deno.readTextFile(`${ROOT}${path}`);
      return { path, text, fences: fencesOf(text) };
    }),
);

const pageOf = (path: string) => PAGES.find((page) => page.path === path) ?? assert.fail(path);

/** The commands of all pages that match, each with its page. */
function commandsLike(
  pattern: RegExp,
): readonly (readonly [path: string, match: RegExpExecArray])[] {
  return PAGES.flatMap(({ path, fences }) =>
    fences.filter(({ language }) => /^(sh|console)$/.test(language)).flatMap(commandsOf)
      .map((command) => pattern.exec(command))
      .filter((match) => match !== null)
      .map((match) => [path, match] as const)
  );
}

async function objectsIn(file: string): Promise<readonly Record<string, unknown>[]> {
  const documents = parseAllDocuments(await Deno.readTextFile(file));
  return documents.map((document): unknown => document.toJS()).filter(isObject);
}

const nameOf = ({ metadata }: Record<string, unknown>) => String(objectOr(metadata).name);

/** Kubectl connects to the loopback address of the pod, or of the node whose network it is on. */
Deno.test("a port is forwarded only of a workload that listens on the loopback address", async () => {
  const objects = await objectsIn(`${ROOT}deploy/metallb-compatible.yaml`);
  const forwards = commandsLike(/port-forward (deploy|ds)\/(\w+)/);
  assert.ok(forwards.length >= 3);
  for (const [path, [command, kind, name]] of forwards) {
    const workload = objects.find((one) =>
      one.kind === (kind === "ds" ? "DaemonSet" : "Deployment") && nameOf(one) === name
    ) ?? assert.fail(`${path}: ${command}`);
    const containers = listOr(objectOr(objectOr(objectOr(workload.spec).template).spec).containers);
    const variables = containers.flatMap((one) =>
      listOr(objectOr(one).env)
    )
      .map((one) => String(objectOr(one).name));
    assert.ok(!variables.includes("METALLB_HOST"), `${path}: ${command} is refused there`);
  }
});

Deno.test("who is bound to a role by a command of the pages is bound to one that Herald brings", async () => {
  const readers = await objectsIn(`${COMPONENTS}/metrics-auth/readers.yaml`);
  const bound = commandsLike(/create clusterrolebinding .*--clusterrole=(\S+)/);
  assert.deepEqual(
    bound.map(([, [, role]]) => role).sort(),
    readers.filter(({ kind }) => kind === "ClusterRole").map(nameOf).sort(),
  );
});

Deno.test("installation names each component of Kustomize", () => {
  const { text } = pageOf("docs/installation.md");
  const [, section = ""] = text.split(/^## Kustomize$/m);
  const [prose = ""] = section.split("```");
  for (const { name } of Deno.readDirSync(COMPONENTS)) {
    assert.match(prose, new RegExp(`[\\s(]${name}[\\s,.]`), name);
  }
});

Deno.test("uninstall says how objects go that a component has beside the manifest's", () => {
  assert.match(pageOf("docs/uninstall.md").text, /kubectl delete --ignore-not-found -k \./);
});

/** Stands for kubectl: the Secret is a file, and what it was told is a line of another. */
const KUBECTL = `#!/bin/sh
echo "$*" >>"$FAKE/told"
case "$*" in
*"get secret memberlist"*) cat "$FAKE/key" ;;
*"patch secret memberlist"*)
  printf '%s' "$*" | sed 's/.*"secretkey":"\\([^"]*\\)".*/\\1/' | base64 -d >"$FAKE/key"
  cat "$FAKE/key" >>"$FAKE/keys"; echo . >>"$FAKE/keys" ;;
*"rollout status"*) [ ! -e "$FAKE/hangs" ] ;;
esac
`;

/** Runs the page's block; gives the keys that the Secret had one after the other, and the commands. */
async function changeKey(before: string, hangs = false): Promise<readonly [string[][], string]> {
  const fake = await Deno.makeTempDir({ prefix: "herald-key-" });
  try {
    await Deno.writeTextFile(`${fake}/kubectl`, KUBECTL, { mode: 0o755 });
    await Deno.writeTextFile(`${fake}/openssl`, "#!/bin/sh\nprintf 'ab+/\\ncd==\\n'\n", {
      mode: 0o755,
    });
    await Deno.writeTextFile(`${fake}/key`, before);
    if (hangs) await Deno.writeTextFile(`${fake}/hangs`, "");
    const block = pageOf("docs/operation.md").fences
      .find(({ heading }) => heading === "Changing the gossip key") ?? assert.fail();
    await new Deno.Command("sh", {
      args: ["-c", block.text],
      env: { FAKE: fake, PATH: `${fake}:${Deno.env.get("PATH")}` },
    }).output();
    const keys = (await Deno.readTextFile(`${fake}/keys`)).split(".\n").slice(0, -1);
    return [keys.map((key) => key.split("\n")), await Deno.readTextFile(`${fake}/told`)];
  } finally {
    await Deno.remove(fake, { recursive: true });
  }
}

Deno.test("the commands that change the gossip key set it behind, before and alone, and leave it nowhere else", async () => {
  for (const old of ["q2V5+/=", "100%s\tof it"]) {
    const [keys, told] = await changeKey(old);
    assert.deepEqual(keys, [[old, "ab+/cd=="], ["ab+/cd==", old], ["ab+/cd=="]]);
    // It would write the key into an annotation too, and warn that the Secret was not made by it.
    assert.doesNotMatch(told, /(^| )apply( |$)/m);
  }
});

Deno.test("the gossip key is changed no further where a roll did not end", async () => {
  const [keys] = await changeKey("old", true);
  assert.deepEqual(keys, [["old", "ab+/cd=="]]);
});
