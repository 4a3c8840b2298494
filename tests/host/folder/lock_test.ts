import assert from "node:assert/strict";
import { systemClock } from "../../../lib/host/process/clock.ts";
import type { Lead } from "../../../lib/host/cluster/cluster.ts";
import { standForLock } from "../../../lib/host/folder/lock.ts";
import { recordedLog } from "../../support/log.ts";
import { until } from "../../support/mock_api.ts";

/** Candidates for one lock file; all have given up at the end. */
async function withLock(
  use: (
    path: string,
    join: (identity: string, prepare?: () => Promise<void>) => {
      readonly candidacy: ReturnType<typeof standForLock>;
      readonly stop: AbortController;
      readonly leads: Lead[];
    },
  ) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/status/.controller.lock`;
  const joined: { stop: AbortController; candidacy: ReturnType<typeof standForLock> }[] = [];
  try {
    await use(path, (identity, prepare = () => Promise.resolve()) => {
      const stop = new AbortController();
      const leads: Lead[] = [];
      const host = { clock: systemClock, log: recordedLog() };
      const onChange = (lead: Lead) => void leads.push(lead);
      const candidacy = standForLock(path, identity, onChange, prepare, host, stop.signal);
      joined.push({ candidacy, stop });
      return { candidacy, stop, leads };
    });
  } finally {
    for (const { candidacy, stop } of joined) {
      stop.abort();
      await candidacy.done;
    }
    // Who waited in the kernel gets the lock only now, and lets it go.
    await until("nothing left open", () => !openFiles().includes(path));
    await Deno.remove(folder, { recursive: true });
  }
}

function openFiles(): string[] {
  return [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`);
    } catch {
      return ""; // That of the folder itself is closed again.
    }
  });
}

Deno.test("standForLock() lets one lead, and the next one when that has released", async () => {
  await withLock(async (path, join) => {
    const one = join("one");
    await until("the lead", () => one.candidacy.lead.kind === "leader");
    assert.equal(Deno.readTextFileSync(path), "one\n");
    const two = join("two");
    await until("the other's name", () => {
      const { lead } = two.candidacy;
      return lead.kind === "standby" && lead.leader === "one";
    });
    const { lead } = one.candidacy;
    const permit = lead.kind === "leader" ? lead.permit : undefined;
    assert.ok(permit?.mayBegin());
    await one.candidacy.release();
    assert.equal(permit?.mayBegin(), false);
    await until("the takeover", () => two.candidacy.lead.kind === "leader");
    assert.deepEqual(one.leads.map(({ kind }) => kind), ["standby", "leader", "standby"]);
    assert.deepEqual(two.leads.map(({ kind }) => kind), ["standby", "leader"]);
  });
});

Deno.test("standForLock() prepares between the lock and the lead", async () => {
  await withLock(async (_path, join) => {
    const ready = Promise.withResolvers<void>();
    let begun = false;
    const one = join("one", () => {
      begun = true;
      return ready.promise;
    });
    await until("the lock", () => begun);
    assert.equal(one.candidacy.lead.kind, "standby");
    ready.resolve();
    await until("the lead", () => one.candidacy.lead.kind === "leader");
  });
});

Deno.test("standForLock() leads no more when its file was deleted: another could lock a new one", async () => {
  await withLock(async (path, join) => {
    const one = join("one");
    await until("the lead", () => one.candidacy.lead.kind === "leader");
    const { lead } = one.candidacy;
    const permit = lead.kind === "leader" ? lead.permit : undefined;
    Deno.removeSync(path);
    assert.equal(permit?.mayBegin(), false);
    await until("a lock anew", () => {
      const now = one.candidacy.lead;
      return now.kind === "leader" && now.permit.mayBegin();
    });
    assert.equal(permit?.mayBegin(), false);
  });
});

Deno.test("standForLock() gives up waiting when its signal fires", async () => {
  await withLock(async (_path, join) => {
    const one = join("one");
    await until("the lead", () => one.candidacy.lead.kind === "leader");
    const two = join("two");
    two.stop.abort();
    await two.candidacy.done;
    assert.equal(one.candidacy.lead.kind, "leader");
  });
});
