import { dirname } from "node:path";
import { errorText } from "../../base/errors.ts";
import type { Millis } from "../../base/time.ts";
import { oncePer } from "../process/backoff.ts";
import { aborted, type Clock } from "../process/clock.ts";
import type { Candidacy, Lead } from "../cluster/cluster.ts";
import type { Log } from "../process/log.ts";

/** How often the holder checks that the locked file is still the one at its path. */
const LOOK_MS: Millis = 1_000;

/**
 * Stands for the lock of a file, which the kernel gives to one open file at a time and takes back
 * when its process is gone, however it ended. A holder that hangs keeps it. `prepare` runs
 * between the lock and the lead.
 */
export function standForLock(
  path: string,
  identity: string,
  onChange: (lead: Lead) => void,
  prepare: () => Promise<void>,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  signal: AbortSignal,
): Candidacy {
  const giveUp = new AbortController();
  const mayComplain = oncePer(30_000, clock.now);
  let held: Deno.FsFile | undefined;
  let lead: Lead = { kind: "standby", identity, leader: undefined };
  signal.addEventListener("abort", () => giveUp.abort(), { once: true });

  function change(next: Lead): void {
    lead = next;
    onChange(lead);
  }

  async function term(): Promise<void> {
    change({ kind: "standby", identity, leader: holderOf(path) });
    using file = await lockFile(path, giveUp.signal);
    if (file === undefined || !isAt(file, path)) return;
    file.truncateSync();
    file.writeSync(new TextEncoder().encode(`${identity}\n`));
    await prepare();
    held = file;
    change({
      kind: "leader",
      identity,
      permit: { mayBegin: () => held === file && isAt(file, path), withinMs: 20_000 },
    });
    while (!giveUp.signal.aborted && isAt(file, path)) {
      await clock.sleep(LOOK_MS, giveUp.signal);
    }
    held = undefined;
    file.truncateSync();
    if (!giveUp.signal.aborted) {
      log.warn({ reason: path }, "the lock file is gone, locking it anew");
    }
  }

  async function run(): Promise<void> {
    // Not synchronously: the caller does not have the returned object yet.
    await Promise.resolve();
    while (!giveUp.signal.aborted) {
      try {
        await term();
      } catch (error) {
        if (mayComplain()) log.error({ error: errorText(error) }, `cannot lock ${path}`);
        await clock.sleep(LOOK_MS, giveUp.signal);
      }
    }
    if (lead.kind === "leader" && !signal.aborted) {
      change({ kind: "standby", identity, leader: undefined });
    }
  }

  const done = run();
  return {
    get lead() {
      // The present holder, where that is not this process.
      return lead.kind === "standby" ? { ...lead, leader: holderOf(path) } : lead;
    },
    async release() {
      giveUp.abort();
      await done;
    },
    done,
  };
}

/** Waits for the lock; undefined when the signal fired first. */
async function lockFile(path: string, giveUp: AbortSignal): Promise<Deno.FsFile | undefined> {
  await Deno.mkdir(dirname(path), { recursive: true });
  const file = await Deno.open(path, { read: true, write: true, create: true, mode: 0o644 });
  const locked = file.lock(true).then(() => true);
  try {
    if (await Promise.race([locked, aborted(giveUp).then(() => false)])) return file;
  } catch (error) {
    file.close();
    throw error;
  }
  // The request still waits in the kernel; once it is granted the lock is let go at once.
  void locked.finally(() => file.close()).catch(() => false);
  return undefined;
}

/** Whether the open file is still the one at the path: the lock of a deleted file excludes no one. */
function isAt(file: Deno.FsFile, path: string): boolean {
  try {
    const there = Deno.statSync(path);
    const own = file.statSync();
    return there.ino === own.ino && there.dev === own.dev;
  } catch {
    return false;
  }
}

function holderOf(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path).trim() || undefined;
  } catch {
    return undefined; // No process has led here yet.
  }
}
