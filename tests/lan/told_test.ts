import assert from "node:assert/strict";
import type { ProcessStatus } from "../../lib/status/types.ts";
import { pause, waitFor } from "../support/wait.ts";
import { type Failover, makeFailover, VIP } from "./failover_scene.ts";
import { page } from "./row_scene.ts";

// What a speaker says of an address it says in four ways, and of an address three speakers speak.
// `herald status` and `herald explain` read the status, whose words status_test.ts compares.

const IPS = Object.values(VIP);
/** The speakers' time is theirs. */
const BETWEEN_MS = 200;
/** Pages that are asked for too often are of some seconds ago, each of its own moment. */
const PAGE_AGE_MS = 8_000;
const FOREIGN = "02:00:00:00:66:01";

type Rows = NonNullable<ProcessStatus["speaker"]>["addresses"];

async function rowsOf(failover: Failover, index: number): Promise<Rows | undefined> {
  try {
    return JSON.parse(await page(failover.node(index), "status")).speaker.addresses;
  } catch {
    return undefined; // it does not run now
  }
}

/** What a speaker says otherwise in one way than in another; undefined while its state changes. */
async function contradictions(failover: Failover, index: number): Promise<string[] | undefined> {
  const node = failover.node(index);
  const before = await rowsOf(failover, index);
  const [metrics, html] = [await page(node, "metrics"), await page(node, "")];
  const after = await rowsOf(failover, index);
  if (before === undefined || JSON.stringify(before) !== JSON.stringify(after)) return undefined;
  const found: string[] = [];
  for (const { announcing, ip, owner, reason } of before) {
    const shown = new RegExp(`metallb_speaker_announced\\{[^}]*ip="${ip}"\\} 1`).test(metrics);
    const cells = html.split("<tr>").find((one) => one.includes(`${ip}<`)) ?? "";
    const status = `${node.name}, ${ip}: ${announcing ? "announced" : reason}`;
    if (shown !== announcing) found.push(`${status}; metric: ${shown}`);
    if (cells.includes("answers<") !== announcing) found.push(`${status}; page: ${cells}`);
    if (!cells.includes(`>${owner ?? "nobody"}<`)) {
      found.push(`${status}, ${owner}; page: ${cells}`);
    }
  }
  return found;
}

/** Compares what each of the three says, again and again, until it is stopped. */
function compare(failover: Failover) {
  const lasting = new Set<string>();
  let [compared, running] = [0, true];
  const all = failover.names.map(async (_, index) => {
    let since = new Map<string, number>();
    while (running) {
      const found = await contradictions(failover, index);
      const now = Date.now();
      if (found !== undefined) {
        compared++;
        since = new Map(found.map((one) => [one, since.get(one) ?? now]));
      }
      for (const [one, at] of since) if (now - at > PAGE_AGE_MS) lasting.add(one);
      await pause(BETWEEN_MS);
    }
  });
  return {
    async stop(): Promise<void> {
      running = false;
      await Promise.all(all);
      assert.deepEqual([...lasting], []);
      assert.ok(compared >= failover.names.length, `${compared} comparisons`);
    },
  };
}

/** At rest all name the one that answers, and that one alone says that it does. */
async function assertTold(failover: Failover, running: readonly number[]): Promise<void> {
  for (const ip of IPS) {
    await waitFor(`all to name who answers for ${ip}`, async () => {
      const owner = await failover.owner(ip);
      if (owner < 0) return false;
      const rows = await Promise.all(running.map((index) => rowsOf(failover, index)));
      return running.every((index, at) => {
        const row = rows[at]?.find((one) => one.ip === ip);
        return row?.owner === failover.names[owner] && row?.announcing === (index === owner);
      });
    });
  }
}

/** Another host has an address of the owner's: it says so in all ways. */
async function assertConflictTold(failover: Failover, owner: number): Promise<void> {
  const { client } = failover.scene;
  await client.must(
    "ip",
    "link",
    "add",
    "foreign0",
    "address",
    FOREIGN,
    "link",
    "eth0",
    "type",
    "macvlan",
  );
  await client.must("ip", "link", "set", "foreign0", "up");
  await client.must("ip", "addr", "add", `${VIP[4]}/32`, "dev", "foreign0");
  const claim = () =>
    client.must("arping", "-A", "-c", "1", "-I", "foreign0", "-s", VIP[4], VIP[4]);
  await waitFor("the conflict to be told", async () => {
    await claim();
    const text = await page(failover.node(owner), "status");
    return JSON.parse(text).speaker.conflicts.some(({ mac }: { mac: string }) => mac === FOREIGN);
  }, { everyMs: 500, timeoutMs: 20_000 });
  const ways = [
    ["metrics", /conflicts_total\{kind="conflict"\} [1-9]/],
    ["", new RegExp(`Conflict: .*${FOREIGN}`)],
  ] as const;
  for (const [path, conflict] of ways) {
    const told = async () => conflict.test(await page(failover.node(owner), path));
    await waitFor(`the conflict on /${path}`, told);
  }
  await client.must("ip", "link", "del", "foreign0");
  await pause(300);
}

for (
  const [backend, signals] of [["auto", ["SIGTERM", "SIGKILL"]], ["socket", ["SIGTERM"]]] as const
) {
  Deno.test(`status, metrics and page of three nodes say one thing, through handovers, a death and a conflict: ${backend}`, async () => {
    await using failover = await makeFailover([`--arp-backend=${backend}`]);
    const all = failover.names.map((_, index) => index);
    await assertTold(failover, all);
    const comparing = compare(failover);
    const owner = await failover.owner(VIP[4]);
    const others = all.filter((index) => index !== owner);
    for (const signal of signals) {
      await failover.end(owner, signal);
      await assertTold(failover, others);
      await failover.start(owner);
      await waitFor("the first owner again", async () => await failover.owner(VIP[4]) === owner);
      await assertTold(failover, all);
    }
    if (backend === "auto") await assertConflictTold(failover, owner);
    await assertTold(failover, all);
    await comparing.stop();
  });
}
