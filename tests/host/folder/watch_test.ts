import assert from "node:assert/strict";
import { systemClock } from "../../../lib/host/process/clock.ts";
import { watchFolder } from "../../../lib/host/folder/watch.ts";
import { virtualClock } from "../../support/clock.ts";
import { until } from "../../support/mock_api.ts";

async function watching(
  pollMs: number,
  use: (parent: string, seen: string[], polls: () => number) => Promise<void>,
): Promise<void> {
  const parent = await Deno.makeTempDir();
  await Deno.mkdir(`${parent}/f`);
  const stop = new AbortController();
  const seen: string[] = [];
  let polls = 0;
  const done = watchFolder(
    {
      folder: `${parent}/f`,
      recursive: true,
      pollMs,
      onEvent: (event) => {
        if (event === "poll") polls++;
        else if (event === "burst") seen.push(event);
        else if (event !== "new folders") {
          seen.push(...event.paths.map((path) => path.slice(parent.length)));
        }
      },
    },
    systemClock,
    stop.signal,
  );
  try {
    await use(parent, seen, () => polls);
  } finally {
    stop.abort();
    await done;
    await Deno.remove(parent, { recursive: true });
  }
}

Deno.test("watchFolder() tells of files, in new folders too", async () => {
  await watching(10_000, async (parent, seen) => {
    await Deno.writeTextFile(`${parent}/f/a`, "x");
    await until("a", () => seen.includes("/f/a"));
    await Deno.mkdir(`${parent}/f/sub`);
    await until("the folder", () => seen.includes("/f/sub"));
    await Deno.writeTextFile(`${parent}/f/sub/b`, "x");
    await until("b", () => seen.includes("/f/sub/b"));
  });
});

Deno.test("watchFolder() tells of a burst, of which Deno dropped what came while it was busy", async () => {
  await watching(600_000, async (parent, seen) => {
    await Deno.writeTextFile(`${parent}/f/first`, "x");
    await until("the watch", () => seen.includes("/f/first"));
    const write = "for name in $(seq 100); do echo x >$0/$name; done";
    new Deno.Command("sh", { args: ["-c", write, `${parent}/f`] }).outputSync();
    await until("the burst", () => seen.includes("burst"));
    assert.ok(!seen.includes("/f/100"), "Deno drops none any more: bursts need no look");
  });
});

Deno.test("watchFolder() polls, and takes up a folder that was replaced", async () => {
  await watching(20, async (parent, seen, polls) => {
    await until("a poll", () => polls() > 0);
    await Deno.rename(`${parent}/f`, `${parent}/old`);
    await Deno.mkdir(`${parent}/f`);
    const before = polls();
    await until("the next polls", () => polls() > before + 1);
    seen.length = 0;
    await Deno.writeTextFile(`${parent}/f/new`, "x");
    await until("the new file", () => seen.includes("/f/new"));
    assert.ok(seen.every((path) => path.startsWith("/f")));
  });
});

Deno.test("watchFolder() sets a watch anew after a new folder, and then tells that it must be read", async () => {
  const folder = await Deno.makeTempDir();
  const stop = new AbortController();
  const clock = virtualClock();
  const told: string[] = [];
  let watches = 0;
  // As Deno's: told of the folder, and not yet of what is written into it.
  const events: Deno.FsEvent[] = [
    { kind: "create", paths: [`${folder}/a`] },
    { kind: "create", paths: [`${folder}/b.c`] },
    { kind: "access", paths: [`${folder}/a`] },
  ];
  const watchFs = (): Deno.FsWatcher => {
    told.push(`watch ${++watches}`);
    const closed = Promise.withResolvers<void>();
    const own = watches === 1 ? events : [];
    const close = () => closed.resolve();
    const read = async function* () {
      yield* own;
      await closed.promise;
      told.push("closed");
    };
    return Object.assign(read(), { close, [Symbol.dispose]: close });
  };
  for (const name of ["a", "b.c"]) await Deno.mkdir(`${folder}/${name}`);
  const done = watchFolder(
    {
      folder,
      recursive: true,
      pollMs: 10_000,
      onEvent: (event) => void told.push(typeof event === "string" ? event : event.kind),
    },
    clock,
    stop.signal,
    watchFs,
  );
  await until("the folders", () => told.length === 4);
  clock.advance(1_000);
  await until("the watch before to end", () => told.includes("closed"));
  assert.deepEqual(told, [
    ...["watch 1", "create", "create", "access"],
    ...["watch 2", "new folders", "closed"],
  ]);
  stop.abort();
  await done;
  await Deno.remove(folder, { recursive: true });
});
