// No container program builds deploy/Dockerfile here: what it says is held to what
// `./install.sh image` does, which tests of its own hold.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { BASE, PLATFORMS } from "../../.ci/image/base.ts";
import { writeManifest } from "../../.ci/image/layout.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Labels that only the time of a build knows. */
const OF_THE_BUILD = ["org.opencontainers.image.created", "org.opencontainers.image.revision"];

/** Its instructions with their arguments; lines that go on are one. */
async function instructions(): Promise<[string, string][]> {
  const text = await Deno.readTextFile(`${ROOT}deploy/Dockerfile`);
  return text.replace(/^#.*\n/gm, "").replaceAll("\\\n", " ").split("\n")
    .map((line) => /^([A-Z]+)\s+(.*)$/.exec(line.trim()))
    .filter((found) => found !== null)
    .map(([, name = "", rest = ""]) => [name, rest]);
}

/** What it copies out of the clone. */
async function copied(): Promise<string[]> {
  return (await instructions())
    .filter(([name, rest]) => name === "COPY" && !rest.startsWith("--from="))
    .flatMap(([, rest]) => rest.split(/\s+/).slice(0, -1)).sort();
}

Deno.test("the Dockerfile copies what install.sh builds from, and .dockerignore lets that alone through", async () => {
  const script = await Deno.readTextFile(`${ROOT}install.sh`);
  const inputs = /find (main\.ts (?:\S+ )+)-type f/.exec(script)?.[1]?.trim().split(" ") ?? [];
  assert.ok(inputs.includes("main.ts"), "install.sh names the inputs of a build");
  assert.deepEqual(await copied(), [...inputs, "install.sh"].sort());
  const ignore = (await Deno.readTextFile(`${ROOT}.dockerignore`)).split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  assert.equal(ignore[0], "*");
  assert.deepEqual(ignore.slice(1).sort(), (await copied()).map((path) => `!${path}`).sort());
});

Deno.test("the Dockerfile's image is made by ./install.sh image: it pins nothing of the base itself", async () => {
  const all = await instructions();
  const text = all.map(([name, rest]) => `${name} ${rest}`).join("\n");
  assert.match(text, /RUN \.\/install\.sh image/);
  const last = text.slice(text.lastIndexOf("FROM "));
  assert.match(last, /^FROM scratch\n/);
  assert.deepEqual(last.match(/^(COPY|ADD|RUN|USER) .*$/gm), ["COPY --from=build /image/ /"]);
  for (const { name, sha256, version } of BASE) {
    for (const pin of [version, ...Object.values(sha256)]) {
      assert.ok(!text.includes(pin), `${name}'s ${pin} has one place, .ci/image/base.ts`);
    }
  }
});

Deno.test("the Dockerfile's entry point and labels are those of ./install.sh image", async () => {
  const { version } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const [platform] = PLATFORMS;
  assert.ok(platform);
  const entrypoint = "/usr/local/bin/herald";
  const facts = { reference: "", entrypoint, version, revision: "", epoch: 0 };
  const layout = await Deno.makeTempDir({ prefix: "herald-layout-" });
  try {
    const { digest } = await writeManifest(layout, platform, [], facts);
    const read = async (name: unknown) =>
      JSON.parse(
        await Deno.readTextFile(`${layout}/blobs/sha256/${String(name).replace("sha256:", "")}`),
      );
    const { config } = await read((await read(digest)).config.digest);
    const all = await instructions();
    const labels = all.filter(([name]) => name === "LABEL")
      .map(([, rest]) => /^(\S+)="(.*)"$/.exec(rest)?.slice(1) ?? [rest, ""]);
    const fixed = (entries: [string, unknown][] | string[][]) =>
      Object.fromEntries(entries.filter(([key]) => !OF_THE_BUILD.includes(String(key))));
    assert.deepEqual(fixed(labels), fixed(Object.entries(config.Labels)));
    const entries = all.filter(([name]) => name === "ENTRYPOINT");
    assert.deepEqual(entries.map(([, rest]) => JSON.parse(rest)), [config.Entrypoint]);
  } finally {
    await Deno.remove(layout, { recursive: true });
  }
});
