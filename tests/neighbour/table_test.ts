import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type AddressTable,
  countDrop,
  countersOf,
  countGratuitous,
  countReply,
  countRequest,
  dropsOf,
  hasReplyLease,
  MAX_ADDRESSES,
  MAX_INTERFACES,
  MAX_REASONS,
  openTable,
  renewReplyLease,
  requireReplyLease,
  setInterfaces,
  setOwned,
  slotOf,
  TABLE_BYTES,
} from "../../lib/neighbour/table.ts";
import { hardwareOf } from "../arp/hardware.ts";
import { DROP_REASONS } from "../../lib/neighbour/drops.ts";
import { BROADCAST, type Mac } from "../../lib/net/ethernet.ts";
import { waitFor } from "../support/wait.ts";
import type { ReaderStart, ReaderVerdict } from "./table_reader.ts";
import { ip, mac } from "../arp/vectors.ts";
import { ip4 } from "../support/addresses.ts";

function empty(): AddressTable {
  return openTable(new SharedArrayBuffer(TABLE_BYTES));
}

function owns(table: AddressTable, address: number): boolean {
  return slotOf(table, address) >= 0;
}

const A = ip("10.77.1.220");
const B = ip("192.0.2.255");
const ZERO = ip("0.0.0.0");
const HIGHEST = ip("255.255.255.255");

Deno.test("slotOf() finds nothing in zeroed memory", () => {
  for (const address of [ZERO, A, HIGHEST]) assert.equal(slotOf(empty(), address), -1);
  assert.equal(hardwareOf(empty(), 1), -1);
});

Deno.test("setOwned() takes the place of all before, at once", () => {
  const table = empty();
  for (const owned of [[A], [A, B], [B], [ZERO, HIGHEST], [], [A]]) {
    setOwned(table, owned);
    for (const address of [A, B, ZERO, HIGHEST]) {
      assert.equal(owns(table, address), owned.includes(address), `${address} of ${owned}`);
    }
  }
});

Deno.test("setOwned() is seen by whoever else opened the memory", () => {
  const writer = empty();
  const { buffer } = writer.words;
  assert.ok(buffer instanceof SharedArrayBuffer);
  const reader = openTable(buffer);
  setOwned(writer, [A]);
  setInterfaces(writer, [{ ifindex: 3, mac: mac("02:00:00:00:00:01") }]);
  assert.ok(owns(reader, A));
  assert.equal(hardwareOf(reader, 3), mac("02:00:00:00:00:01"));
  assert.equal(slotOf(reader, A), slotOf(writer, A));
});

Deno.test("setOwned() holds as many addresses as it promises, and not one more", () => {
  const table = empty();
  // A run of neighbours, far prefixes with the same end, and the extremes.
  const runs = Array.from({ length: MAX_ADDRESSES }, (_, place) => {
    if (place < 8_000) return ip4(0x0a4d_0000 + place);
    if (place < 16_000) return ip4((place - 8_000) * 0x1_0000 + 0xff01);
    return ip4(0xffff_ffff - (place - 16_000));
  });
  const all = [...new Set(runs)];
  assert.equal(all.length, MAX_ADDRESSES);
  setOwned(table, all);
  const slots = new Set(all.map((address) => slotOf(table, address)));
  assert.equal(slots.size, MAX_ADDRESSES, "two addresses share a place of counters");
  assert.ok(!slots.has(-1));
  for (const stranger of [0x0b00_0000, 0x0a4d_0000 + 8_000, 2, 0xffff_0000]) {
    assert.ok(!owns(table, stranger), String(stranger));
  }
  assert.throws(
    () => setOwned(table, [...all, ip("203.0.113.1")]),
    /16385 addresses, at most 16384/,
  );
  assert.ok(all.every((address) => owns(table, address)), "a refusal changed the table");
});

Deno.test("setInterfaces() takes the place of all before, hardware addresses included", () => {
  const table = empty();
  const one = mac("02:00:00:00:00:01");
  for (
    const interfaces of [
      [{ ifindex: 1, mac: one }],
      [{ ifindex: 1, mac: BROADCAST }, { ifindex: 2, mac: one }],
      [{ ifindex: 2, mac: mac("fe:dc:ba:98:76:54") }, { ifindex: 0x7fff_ffff, mac: 1 as Mac }],
      [{ ifindex: 5, mac: 0x8000_0000 as Mac }],
      [],
    ]
  ) {
    setInterfaces(table, interfaces);
    for (const ifindex of [1, 2, 5, 0x7fff_ffff]) {
      const expected = interfaces.find((entry) => entry.ifindex === ifindex)?.mac ?? -1;
      assert.equal(hardwareOf(table, ifindex), expected, String(ifindex));
    }
  }
});

Deno.test("setInterfaces() holds as many as it promises, and not one more", () => {
  const table = empty();
  const interfaces = (count: number) =>
    Array.from({ length: count }, (_, place) => ({
      ifindex: 1 + place * 4_096,
      mac: (0x0200_0000_0000 + place) as Mac,
    }));
  setInterfaces(table, interfaces(MAX_INTERFACES));
  for (const { ifindex, mac: own } of interfaces(MAX_INTERFACES)) {
    assert.equal(hardwareOf(table, ifindex), own);
  }
  assert.equal(hardwareOf(table, 2), -1);
  assert.throws(() => setInterfaces(table, interfaces(MAX_INTERFACES + 1)), /2049 interfaces/);
});

Deno.test("the table answers as a set and a map do, after any run of changes", () => {
  const few = fc.uniqueArray(
    fc.oneof(
      fc.nat(40),
      fc.nat(255).map((octet) => octet * 2 ** 24 + 1),
      fc.nat(2 ** 32 - 1),
    ).map(ip4),
    { maxLength: 60 },
  );
  const links = fc.uniqueArray(
    fc.record({ ifindex: fc.integer({ min: 1, max: 40 }), mac: fc.nat(2 ** 48 - 1) }),
    { selector: ({ ifindex }) => ifindex, maxLength: 20 },
  );
  const table = empty();
  fc.assert(
    fc.property(few, links, fc.array(fc.nat(2 ** 32 - 1)), (owned, interfaces, others) => {
      setOwned(table, owned);
      setInterfaces(table, interfaces.map((link) => ({ ...link, mac: link.mac as Mac })));
      for (const address of [...owned, ...others, ...Array(41).keys()]) {
        assert.equal(owns(table, address), owned.includes(ip4(address)));
      }
      for (let ifindex = 1; ifindex <= 41; ifindex++) {
        const expected = interfaces.find((link) => link.ifindex === ifindex)?.mac ?? -1;
        assert.equal(hardwareOf(table, ifindex), expected);
      }
    }),
    { seed: 30, numRuns: 300 },
  );
});

Deno.test("countersOf() gives what was counted, and keeps it while the address is away", () => {
  const table = empty();
  setOwned(table, [A, B]);
  countRequest(table, slotOf(table, A));
  countRequest(table, slotOf(table, A));
  countReply(table, slotOf(table, A));
  countGratuitous(table, A);
  countGratuitous(table, B);
  const ofA = { requests: 2, replies: 1, gratuitous: 1 };
  assert.deepEqual(countersOf(table, A), ofA);
  assert.deepEqual(countersOf(table, B), { requests: 0, replies: 0, gratuitous: 1 });
  setOwned(table, [B]);
  assert.deepEqual(countersOf(table, A), ofA);
  setOwned(table, [A, B]);
  assert.deepEqual(countersOf(table, A), ofA);
  assert.deepEqual(countersOf(table, HIGHEST), { requests: 0, replies: 0, gratuitous: 0 });
  countGratuitous(table, HIGHEST);
  assert.deepEqual(countersOf(table, HIGHEST), { requests: 0, replies: 0, gratuitous: 0 });
});

Deno.test("setOwned() gives the counters of long gone addresses away when all are taken", () => {
  const table = empty();
  const block = (start: number) =>
    Array.from({ length: MAX_ADDRESSES / 2 }, (_, place) => ip4(start + place));
  const [first, second, third] = [block(0x0100_0000), block(0x0200_0000), block(0x0300_0000)];
  const kept = second[0] ?? A;
  const reused = third[0] ?? A;
  for (const owned of [first, second]) {
    setOwned(table, owned);
    for (const address of owned) countRequest(table, slotOf(table, address));
  }
  setOwned(table, [kept, ...third]);
  assert.equal(countersOf(table, kept).requests, 1);
  assert.equal(countersOf(table, reused).requests, 0, "it began with another's count");
  assert.equal(countersOf(table, first[0] ?? A).requests, 0);
  const slots = new Set([kept, ...third].map((address) => slotOf(table, address)));
  assert.equal(slots.size, third.length + 1);
});

Deno.test("countersOf() and dropsOf() are unsigned", () => {
  const table = empty();
  setOwned(table, [A]);
  const slot = slotOf(table, A);
  countRequest(table, slot);
  const at = table.words.lastIndexOf(1);
  table.words[at] = 0x7fff_ffff;
  countRequest(table, slot);
  assert.equal(countersOf(table, A).requests, 0x8000_0000);
});

Deno.test("countDrop() counts each reason on its own, and there is room for all", () => {
  const table = empty();
  assert.ok(DROP_REASONS.length <= MAX_REASONS);
  for (let reason = 0; reason < MAX_REASONS; reason++) {
    for (let count = 0; count <= reason; count++) countDrop(table, reason);
  }
  assert.deepEqual(dropsOf(table), Array.from({ length: MAX_REASONS }, (_, reason) => reason + 1));
  assert.equal(slotOf(table, A), -1);
});

Deno.test("a reader in a Worker never gets a wrong answer while the tables are rewritten", async () => {
  const table = empty();
  const always = Array.from({ length: 50 }, (_, place) => ip4(0x0a4d_0100 + place * 7));
  const never = always.map((address) => address + 1);
  const changing = Array.from({ length: 4_000 }, (_, place) => ip4(0x0b00_0000 + place));
  const macs = [0x0200_0000_0001, 0xfeff_ffff_fffe].map((value) => value as Mac);
  const rewrite = (round: number) => {
    const some = changing.slice((round * 37) % 2_000, (round * 37) % 2_000 + (round % 2_000));
    // What is always there moves to another place each time.
    setOwned(table, round % 2 === 0 ? [...some, ...always] : [...always.toReversed(), ...some]);
    const links = [{ ifindex: 7, mac: macs[round % 2] ?? 0 as Mac }, {
      ifindex: 2_055,
      mac: macs[0] ?? 0 as Mac,
    }];
    setInterfaces(table, round % 3 === 0 ? links.reverse() : links);
  };
  rewrite(0);
  const control = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(new URL("./table_reader.ts", import.meta.url), { type: "module" });
  try {
    const verdict = new Promise<ReaderVerdict>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<ReaderVerdict>) => resolve(data);
      worker.onerror = (event) => reject(new Error(event.message));
    });
    const start: ReaderStart = {
      table: table.words.buffer as SharedArrayBuffer,
      control: control.buffer as SharedArrayBuffer,
      always,
      never,
      interfaces: [[7, macs], [2_055, macs.slice(0, 1)]],
    };
    worker.postMessage(start);
    await waitFor("the reader's first round", () => Atomics.load(control, 0) > 0);
    const begun = Atomics.load(control, 0);
    let round = 1;
    // Both must have had their turns, however the machine shares its cores.
    await waitFor("3,000 rewrites and 1,000 rounds of reading", () => {
      for (let step = 0; step < 100; step++) rewrite(round++);
      return round > 3_000 && Atomics.load(control, 0) - begun > 1_000;
    }, { everyMs: 0, timeoutMs: 60_000 });
    Atomics.store(control, 1, 1);
    assert.deepEqual(await verdict, { missed: 0, invented: 0, wrongHardware: 0 });
  } finally {
    worker.terminate();
  }
});

Deno.test("a reply lease holds until its time and never again, whatever the uptime", () => {
  const days = 86_400_000;
  const uptime = fc.double({ min: 0, max: 2_000 * days, noNaN: true });
  const lasts = fc.double({ min: 2, max: 60_000, noNaN: true });
  // Within an hour of every 49.7 days a clock of 32 bits cannot tell.
  const later = fc.double({ min: 1, max: 49 * days, noNaN: true });
  fc.assert(fc.property(uptime, lasts, later, (now, ms, laterMs) => {
    const table = empty();
    requireReplyLease(table);
    renewReplyLease(table, now + ms);
    assert.ok(hasReplyLease(table, now));
    assert.ok(!hasReplyLease(table, now + ms + laterMs), "a machine that was suspended");
  }));
});

Deno.test("a reply lease that was never given does not hold, whatever the uptime", () => {
  for (let day = 1; day < 400; day++) {
    if (day % 49.71 < 1) continue;
    const table = empty();
    requireReplyLease(table);
    assert.ok(!hasReplyLease(table, day * 86_400_000), `after ${day} days`);
  }
});
