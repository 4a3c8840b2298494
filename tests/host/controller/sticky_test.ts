import assert from "node:assert/strict";
import { instant } from "../../../lib/base/time.ts";
import { createBook, forget } from "../../../lib/controller/allocations.ts";
import { remember } from "../../../lib/controller/sticky.ts";
import { createStickyKeeper, type StickyKeeper } from "../../../lib/host/controller/sticky.ts";
import { serviceKey } from "../../../lib/model/facts.ts";
import { config, ips, pool } from "../../controller/fixture.ts";
import { settled, virtualClock } from "../../support/clock.ts";
import { recordedLog } from "../../support/log.ts";

const CONFIG = config(pool("main", "10.0.0.0/24", { stickyMs: 60_000 }));
const WEB = serviceKey("default", "web");

const PERMIT = { mayBegin: () => true, withinMs: 5_000 };

async function read(keeper: StickyKeeper): Promise<void> {
  assert.equal(keeper.readyFor(CONFIG), false);
  await settled();
  assert.equal(keeper.readyFor(CONFIG), true);
}

/** A keeper whose note is a variable, and whose process began at `wallMs`. */
function workshop(
  note: { text?: string; refuse?: boolean; unreadable?: boolean },
  wallMs = 1_000_000,
) {
  const stop = new AbortController();
  const log = recordedLog();
  const clock = virtualClock();
  let [loads, writes] = [0, 0];
  const keeper = createStickyKeeper({
    cluster: {
      readNote: () =>
        note.unreadable ? Promise.reject(new Error("HTTP 403")) : Promise.resolve(note.text),
      writeNote: (_name, text) => {
        writes++;
        if (note.refuse) return Promise.reject(new Error("forbidden"));
        note.text = text;
        return Promise.resolve();
      },
    },
    clock,
    log,
    signal: stop.signal,
  }, { wallMs: () => wallMs + clock.now(), onLoad: () => loads++ });
  return {
    clock,
    keeper,
    log,
    stop,
    loads: () => loads,
    writes: () => writes,
  };
}

Deno.test("createStickyKeeper() lets the next process know what was kept, and for how long", async () => {
  const note: { text?: string } = {};
  const first = workshop(note);
  const book = createBook(CONFIG);
  remember(book, { service: WEB, pool: "main", ips: ips("10.0.0.1"), until: instant(60_000) });
  first.keeper.note(book, PERMIT);
  await settled();
  first.stop.abort();

  const second = workshop(note, 1_050_000);
  const fresh = createBook(CONFIG);
  await read(second.keeper);
  second.keeper.restore(fresh);
  assert.equal(fresh.remembered.get(WEB)?.until, 10_000);
  second.keeper.note(fresh, PERMIT);
  assert.equal(second.writes(), 0, "nothing changed, and it was written");
  second.stop.abort();

  const late = workshop(note, 1_060_000);
  const empty = createBook(CONFIG);
  await read(late.keeper);
  late.keeper.restore(empty);
  assert.equal(empty.remembered.size, 0);
});

Deno.test("createStickyKeeper() writes when something goes too, and nothing for nothing", async () => {
  const note: { text?: string } = {};
  const { keeper, stop, writes } = workshop(note);
  const book = createBook(CONFIG);
  keeper.note(book, PERMIT);
  assert.equal(writes(), 0);
  remember(book, { service: WEB, pool: "main", ips: ips("10.0.0.1"), until: instant(60_000) });
  keeper.note(book, PERMIT);
  await settled();
  assert.match(note.text ?? "", /default\/web/);
  forget(book, WEB);
  keeper.note(book, PERMIT);
  await settled();
  assert.equal(note.text, "[]");
  stop.abort();
});

Deno.test("createStickyKeeper() goes on without the right to write, and says so once", async () => {
  const { clock, keeper, log, stop, writes } = workshop({ refuse: true });
  const book = createBook(CONFIG);
  remember(book, { service: WEB, pool: "main", ips: ips("10.0.0.1"), until: instant(60_000) });
  keeper.note(book, PERMIT);
  await clock.elapse(10_000);
  forget(book, WEB);
  keeper.note(book, PERMIT);
  await clock.elapse(10_000);
  assert.equal(writes(), 3, "one write at a time, whatever changes meanwhile");
  stop.abort();
  const told = log.lines.filter((line) => JSON.stringify(line).includes("kept in memory only"));
  assert.equal(told.length, 1);
});

Deno.test("createStickyKeeper() reads nothing where no pool keeps anything, and anew for each leader", async () => {
  const { keeper, stop, loads } = workshop({});
  assert.equal(keeper.readyFor(config(pool("main", "10.0.0.0/24"))), true);
  assert.equal(loads(), 0);
  await read(keeper);
  assert.equal(loads(), 1);
  keeper.refresh();
  await read(keeper);
  assert.equal(loads(), 2);
  stop.abort();
});

Deno.test("createStickyKeeper() writes nothing once another leads", async () => {
  const { keeper, stop, writes } = workshop({});
  const book = createBook(CONFIG);
  remember(book, { service: WEB, pool: "main", ips: ips("10.0.0.1"), until: instant(60_000) });
  keeper.note(book, { mayBegin: () => false, withinMs: 5_000 });
  await settled();
  assert.equal(writes(), 0);
  stop.abort();
});

Deno.test("createStickyKeeper() asks again for a note that it could not read, and says what is missing", async () => {
  const note: { text?: string; unreadable?: boolean } = { unreadable: true };
  const { clock, keeper, log, stop } = workshop(note);
  assert.equal(keeper.readyFor(CONFIG), false);
  await clock.elapse(60_000);
  assert.equal(keeper.readyFor(CONFIG), false, "a failure was taken for an empty note");
  assert.match(keeper.unknown()?.join() ?? "", /kept for deleted Services: HTTP 403/);
  assert.equal(log.messages("warn").length, 1);
  note.unreadable = false;
  await clock.elapse(30_000);
  assert.deepEqual([keeper.readyFor(CONFIG), keeper.unknown()], [true, undefined]);
  stop.abort();
});
