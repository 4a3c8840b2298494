import assert from "node:assert/strict";
import { readSources } from "../../../lib/host/inspect/sources.ts";
import { systemClock } from "../../../lib/host/process/clock.ts";
import { virtualClock } from "../../support/clock.ts";

const LIMITS = { maxBytes: 100, maxFiles: 3, silentMs: 1_000 };

function streamOf(...texts: string[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(texts.map((text) => new TextEncoder().encode(text)));
}

/** `NAME=TEXT` or `NAME: REASON` of each, without the folder. */
async function read(folder: string, names: readonly string[], stdin = streamOf()) {
  const found: string[] = [];
  const paths = names.map((name) => name.startsWith("-") ? name : `${folder}/${name}`);
  for await (const one of readSources(paths, stdin, systemClock, LIMITS)) {
    const name = one.name.replace(`${folder}/`, "");
    found.push(one.kind === "text" ? `${name}=${one.text}` : `${name}: ${one.reason}`);
  }
  return found;
}

async function inFolder(
  files: Readonly<Record<string, string>>,
  test: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "herald-sources-" });
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.mkdir(`${folder}/${name}/..`.replace(/[^/]+\/\.\.$/, ""), { recursive: true });
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("readSources() walks folders in order, each file once, links and circles too, hidden ones not", async () => {
  const files = {
    "d/b.yml": "2",
    "d/a.yaml": "1",
    "d/x/c.json": "3",
    "d/n.md": "",
    "d/.h/k.yaml": "",
  };
  await inFolder(files, async (folder) => {
    await Deno.symlink(`${folder}/d`, `${folder}/d/x/circle`);
    await Deno.symlink(`${folder}/d/a.yaml`, `${folder}/d/x/again.yaml`);
    await Deno.symlink(`${folder}/nowhere`, `${folder}/d/x/dead.yaml`);
    for (const names of [["d", "d/b.yml", "d"], ["d", "d/x", "d/b.yml"]]) {
      assert.deepEqual(await read(folder, names), ["d/a.yaml=1", "d/b.yml=2", "d/x/c.json=3"]);
    }
    assert.deepEqual(await read(folder, ["d/n.md"]), ["d/n.md="]);
  });
});

Deno.test("readSources() says what cannot be read, is too large, too many or empty", async () => {
  const files = { "big.yaml": "x".repeat(101), "e/n.md": "" };
  await inFolder(files, async (folder) => {
    await Deno.mkdir(`${folder}/many`);
    for (const name of "abcd") await Deno.writeTextFile(`${folder}/many/${name}.yaml`, name);
    const found = await read(folder, ["absent.yaml", "big.yaml", "e", "many"]);
    assert.match(found[0] ?? "", /^absent\.yaml: No such file/);
    assert.deepEqual(found.slice(1), [
      "big.yaml: it has more than 100 bytes",
      "e: no file that ends in .yaml, .yml or .json is in it",
      "many/a.yaml=a",
      "many/b.yaml=b",
      "many/c.yaml=c",
      "many: more than 3 files are in it; name a smaller folder",
    ]);
    const listener = Deno.listen({ transport: "unix", path: `${folder}/socket` });
    assert.deepEqual(await read(folder, ["socket"]), ["socket: it is no file, pipe or folder"]);
    listener.close();
  });
});

Deno.test("field d13: readSources() reads standard input once, up to the limit, and no pipe that may wait for a writer", async () => {
  assert.deepEqual(await read("", ["-", "-"], streamOf("a: ", "\u00fc")), ["<stdin>=a: \u00fc"]);
  assert.deepEqual(await read("", ["-"], streamOf("x".repeat(60), "y".repeat(60), "z")), [
    "<stdin>: it has more than 100 bytes",
  ]);
  await inFolder({}, async (folder) => {
    await new Deno.Command("mkfifo", { args: [`${folder}/pipe`] }).output();
    assert.match((await read(folder, ["pipe"]))[0] ?? "", /^pipe: it is a named pipe; write: cat /);
  });
});

Deno.test("readSources() gives up a stream that stays silent", async () => {
  const clock = virtualClock();
  const silent = new ReadableStream<Uint8Array>({});
  const reading = readSources(["-"], silent, clock, LIMITS).next();
  await clock.elapse(1_000);
  const { value } = await reading;
  assert.ok(value?.kind === "unreadable");
  assert.match(value.reason, /^nothing came for 1 s; does its writer still run\?$/);
});
