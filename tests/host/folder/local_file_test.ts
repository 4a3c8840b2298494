import assert from "node:assert/strict";
import { systemClock } from "../../../lib/host/process/clock.ts";
import {
  type FileContent,
  type LocalFile,
  watchLocalFile,
} from "../../../lib/host/folder/local_file.ts";
import { until } from "../../support/mock_api.ts";
import { must } from "../../support/process.ts";
import { pause } from "../../support/wait.ts";

interface Watching {
  readonly folder: string;
  readonly path: string;
  /** What was given: texts, or `!` and the reason. */
  readonly given: string[];
  readonly file: LocalFile;
}

function shown(content: FileContent): string {
  return content.kind === "text" ? content.text : `!${content.reason}`;
}

/** Watches `config.yaml` in a folder of the test's own. */
async function watching(
  prepare: (folder: string) => Promise<void>,
  use: (watching: Watching) => Promise<void>,
  pollMs = 10_000,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/config.yaml`;
  await prepare(folder);
  const stop = new AbortController();
  const given: string[] = [];
  const timing = { quietMs: 60, repeatMs: 10, pollMs };
  const file = watchLocalFile(
    path,
    (content) => given.push(shown(content)),
    systemClock,
    stop.signal,
    timing,
  );
  try {
    await until("the first reading", () => given.length > 0);
    await use({ folder, path, given, file });
  } finally {
    stop.abort();
    await file.done;
    await Deno.remove(folder, { recursive: true });
  }
}

const one = (folder: string) => Deno.writeTextFile(`${folder}/config.yaml`, "one");

Deno.test("C10: watchLocalFile() sees an editor's rename, again and again", async () => {
  await watching(one, async ({ folder, path, given }) => {
    for (const text of ["two", "three", "four"]) {
      await Deno.writeTextFile(`${folder}/.config.yaml.swp`, text);
      await Deno.rename(`${folder}/.config.yaml.swp`, path);
      await until(text, () => given.at(-1) === text);
    }
    assert.deepEqual(given, ["one", "two", "three", "four"]);
  });
});

Deno.test("C10: watchLocalFile() sees the swap of a ConfigMap volume's ..data, again and again", async () => {
  const put = async (folder: string, version: string) => {
    await Deno.mkdir(`${folder}/..${version}`);
    await Deno.writeTextFile(`${folder}/..${version}/config.yaml`, version);
    await Deno.symlink(`..${version}`, `${folder}/..data_tmp`);
    await Deno.rename(`${folder}/..data_tmp`, `${folder}/..data`);
  };
  const prepare = async (folder: string) => {
    await put(folder, "v1");
    await Deno.symlink("..data/config.yaml", `${folder}/config.yaml`);
  };
  await watching(prepare, async ({ folder, given }) => {
    for (const version of ["v2", "v3"]) {
      await put(folder, version);
      await until(version, () => given.at(-1) === version);
    }
    assert.deepEqual(given, ["v1", "v2", "v3"]);
  });
});

Deno.test("C10: watchLocalFile() never gives a part of what is written in chunks", async () => {
  await watching(one, async ({ path, given }) => {
    using file = await Deno.open(path, { write: true, truncate: true });
    for (const chunk of ["a".repeat(5_000), "b".repeat(5_000), "c".repeat(5_000)]) {
      await file.write(new TextEncoder().encode(chunk));
      await pause(20);
    }
    await until("the whole", () => given.at(-1)?.length === 15_000);
    assert.equal(given.length, 2);
  });
});

Deno.test("watchLocalFile() gives the same content once, whoever touches the file", async () => {
  await watching(one, async ({ folder, path, given, file }) => {
    await Deno.writeTextFile(`${folder}/other`, "noise");
    await one(folder);
    file.reload();
    await pause(150);
    await Deno.writeTextFile(path, "two");
    await until("two", () => given.at(-1) === "two");
    assert.deepEqual(given, ["one", "two"]);
  });
});

Deno.test("C10: watchLocalFile() tells when the file goes, and when it is back", async () => {
  await watching(one, async ({ folder, path, given }) => {
    await Deno.remove(path);
    await until("the absence", () => given.length === 2);
    assert.match(given[1] ?? "", /^!.*config\.yaml does not exist$/);
    await one(folder);
    await until("the return", () => given.at(-1) === "one");
  });
});

Deno.test("C10: watchLocalFile() waits for a file that is not there yet", async () => {
  await watching(() => Promise.resolve(), async ({ folder, given }) => {
    assert.match(given[0] ?? "", /does not exist/);
    await one(folder);
    await until("the file", () => given.at(-1) === "one");
  });
});

Deno.test("watchLocalFile() names a folder and a pipe, without hanging on them", async () => {
  await watching((folder) => Deno.mkdir(`${folder}/config.yaml`), ({ given }) => {
    assert.match(given[0] ?? "", /is a folder; name the file/);
    return Promise.resolve();
  });
  await watching(async (folder) => {
    await must("mkfifo", [`${folder}/config.yaml`]);
  }, ({ given }) => {
    assert.match(given[0] ?? "", /no regular file/);
    return Promise.resolve();
  });
});

Deno.test("watchLocalFile() refuses what is no UTF-8 and what is too large", async () => {
  const utf16 = Uint8Array.of(0xff, 0xfe, 0x61, 0x00);
  await watching((folder) => Deno.writeFile(`${folder}/config.yaml`, utf16), ({ given }) => {
    assert.match(given[0] ?? "", /not UTF-8/);
    return Promise.resolve();
  });
  const large = new Uint8Array(5 * 1024 * 1024);
  await watching((folder) => Deno.writeFile(`${folder}/config.yaml`, large), ({ given }) => {
    assert.match(given[0] ?? "", /larger than/);
    return Promise.resolve();
  });
});

Deno.test("watchLocalFile() drops a byte order mark", async () => {
  const text = new TextEncoder().encode("\ufeffone");
  await watching((folder) => Deno.writeFile(`${folder}/config.yaml`, text), ({ given }) => {
    assert.deepEqual(given, ["one"]);
    return Promise.resolve();
  });
});

Deno.test("watchLocalFile() goes on when its whole folder is replaced", async () => {
  const parent = await Deno.makeTempDir();
  const path = `${parent}/etc/config.yaml`;
  await Deno.mkdir(`${parent}/etc`);
  await Deno.writeTextFile(path, "one");
  const stop = new AbortController();
  const given: string[] = [];
  const timing = { quietMs: 20, repeatMs: 5, pollMs: 30 };
  const file = watchLocalFile(
    path,
    (content) => given.push(shown(content)),
    systemClock,
    stop.signal,
    timing,
  );
  await until("one", () => given.at(-1) === "one");
  for (const text of ["two", "three"]) {
    await Deno.remove(`${parent}/etc`, { recursive: true });
    await until("the absence", () => given.at(-1)?.startsWith("!") === true);
    await Deno.mkdir(`${parent}/etc`);
    await Deno.writeTextFile(path, text);
    await until(text, () => given.at(-1) === text);
  }
  stop.abort();
  await file.done;
  await Deno.remove(parent, { recursive: true });
});
