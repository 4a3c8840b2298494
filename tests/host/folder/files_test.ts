import assert from "node:assert/strict";
import { systemClock } from "../../../lib/host/process/clock.ts";
import { type StoreTiming, watchFiles } from "../../../lib/host/folder/files.ts";
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
