import assert from "node:assert/strict";
import { systemClock } from "../../../lib/host/process/clock.ts";
import { type StoreTiming, watchFiles } from "../../../lib/host/folder/files.ts";
import { seededRandom } from "../../support/random.ts";
import { until } from "../../support/mock_api.ts";

async function watching(
  timing: Partial<StoreTiming>,
  use: (
    folder: string,
    calls: Record<string, string | undefined>[],
    errors: string[],
  ) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/a.yaml`, "a");
  await Deno.writeTextFile(`${folder}/b.yaml`, "b");
  const stop = new AbortController();
  const calls: Record<string, string | undefined>[] = [];
  const errors: string[] = [];
  const { done } = await watchFiles(
    folder,
    {
      matters: (path) => path.endsWith(".yaml"),
      isWhole: () => false,
      list: () =>
        [...Deno.readDirSync(folder)].map(({ name }) => `${folder}/${name}`).filter((path) =>
          path.endsWith(".yaml")
        ),
      onFiles: (files) =>
        calls.push(
          Object.fromEntries(
            [...files].map(([path, text]) => [path.slice(folder.length + 1), text]).sort(),
          ),
        ),
      onPoll: () => {},
      onError: (path, error) => errors.push(`${path.slice(folder.length + 1)}: ${error}`),
    },
    systemClock,
    { quietMs: 10, openMs: 100, pollMs: 10_000, ...timing },
    stop.signal,
  );
  try {
    await use(folder, calls, errors);
  } finally {
    stop.abort();
    await done;
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("watchFiles() hands over what is there in one call before it settles", async () => {
  await watching({}, (_, calls) => {
    assert.deepEqual(calls, [{ "a.yaml": "a", "b.yaml": "b" }]);
    return Promise.resolve();
  });
});

Deno.test("watchFiles() reads a file at its closing, not before", async () => {
  await watching({ openMs: 1_000_000 }, async (folder, calls) => {
    const file = await Deno.open(`${folder}/a.yaml`, { write: true, truncate: true });
    await file.write(new TextEncoder().encode("half"));
    await Deno.writeTextFile(`${folder}/b.yaml`, "b2");
    await until("b", () => calls.length === 2);
    await file.write(new TextEncoder().encode(" and half"));
    file.close();
    await until("a", () => calls.length === 3);
    assert.deepEqual(calls.slice(1), [{ "b.yaml": "b2" }, { "a.yaml": "half and half" }]);
    await Deno.remove(`${folder}/a.yaml`);
    await until("the removal", () => calls.length === 4);
    assert.deepEqual(calls[3], { "a.yaml": undefined });
  });
});

Deno.test("watchFiles() reads a file that is never closed after a longer quiet", async () => {
  await watching({ openMs: 30 }, async (folder, calls) => {
    using file = await Deno.open(`${folder}/a.yaml`, { write: true, truncate: true });
    await file.write(new TextEncoder().encode("open"));
    await until("a", () => calls.length === 2);
    assert.deepEqual(calls[1], { "a.yaml": "open" });
  });
});

Deno.test("watchFiles() tells of a file that cannot be read, and goes on", async () => {
  await watching({}, async (folder, calls, errors) => {
    await Deno.mkdir(`${folder}/c.yaml`);
    await until("the error", () => errors.length > 0);
    assert.match(errors[0] ?? "", /^c\.yaml: it is no regular file/);
    await Deno.writeTextFile(`${folder}/a.yaml`, "a2");
    await until("a", () => calls.length === 2);
  });
});

Deno.test("watchFiles() sees by events alone what many folders are filled with as they are made", async () => {
  const root = await Deno.makeTempDir();
  const seed = Number(Deno.env.get("HERALD_SEED") ?? 15);
  const random = seededRandom(seed);
  const stop = new AbortController();
  const seen = new Map<string, string | undefined>();
  const list = (folder: string): string[] =>
    [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
      isDirectory ? list(`${folder}/${name}`) : [`${folder}/${name}`]
    );
  const { done } = await watchFiles(
    root,
    {
      matters: (path) => path.endsWith(".yaml"),
      isWhole: () => false,
      list: () => list(root).filter((path) => path.endsWith(".yaml")),
      onFiles: (files) => files.forEach((text, path) => seen.set(path, text)),
      onPoll: () => {},
      // A folder may go while it is listed.
      onError: () => {},
    },
    systemClock,
    { quietMs: 10, openMs: 1_000_000, pollMs: 1_000_000 },
    stop.signal,
  );
  try {
    const wanted = new Map<string, string>();
    const moment = () => new Promise((resolve) => setTimeout(resolve, random() * 4));
    for (let round = 0; round < 60; round++) {
      // Names come again: a folder that went is made anew, as for the last status of a namespace.
      const folder = `${root}/status${random() < 0.5 ? "" : round % 7}/ns${round % 5}`;
      if (random() < 0.2) {
        await Deno.remove(folder, { recursive: true }).catch(() => {});
        for (const path of wanted.keys()) if (path.startsWith(`${folder}/`)) wanted.delete(path);
      }
      if (random() < 0.5) await moment();
      await Deno.mkdir(folder, { recursive: true });
      if (random() < 0.7) await moment();
      const path = `${folder}/${round}.yaml`;
      await Deno.writeTextFile(`${path}.tmp`, `${round}`);
      await Deno.rename(`${path}.tmp`, path);
      wanted.set(path, `${round}`);
    }
    const missing = () => [...wanted].filter(([path, text]) => seen.get(path) !== text);
    const began = performance.now();
    await until(`seed ${seed}: ${missing().length} files`, () => missing().length === 0);
    assert.ok(performance.now() - began < 1_000, "late");
  } finally {
    stop.abort();
    await done;
    await Deno.remove(root, { recursive: true });
  }
});
