import assert from "node:assert/strict";
import { createLedger } from "../../../lib/host/controller/ledger.ts";
import { config, ips, ONE, pool, service } from "../../controller/fixture.ts";

const ELSEWHERE = config(pool("other", "10.9.0.0/24"));
const given = service("web", { assigned: ips("10.0.0.1"), allocatedFrom: "main" });

function ledgerOf(...all: ReturnType<typeof service>[]) {
  const items = new Map(all.map((facts) => [facts.key as string, facts]));
  const services = { items, synced: true };
  return { services, ledger: createLedger(services, undefined) };
}

Deno.test("open() makes the book from what all Services have, once", () => {
  const { ledger, services } = ledgerOf(given);
  assert.equal(ledger.book, undefined);
  const book = ledger.open(ONE);
  assert.deepEqual(book.holdings.get(given.key)?.ips, ips("10.0.0.1"));
  services.items.clear();
  assert.equal(ledger.open(ONE), book);
  assert.equal(ledger.book, book);
});

Deno.test("follow() puts a configuration in force once, and only where there is a book", () => {
  const { ledger } = ledgerOf();
  assert.equal(ledger.follow(ONE), false);
  const book = ledger.open(ONE);
  assert.equal(ledger.follow(ONE), false, "the book was made by it");
  assert.equal(ledger.follow(ELSEWHERE), true);
  assert.deepEqual(book.pools.map(({ pool }) => pool.name), ["other"]);
  assert.equal(ledger.follow(ELSEWHERE), false);
});

Deno.test("close() drops the book, and the next one knows nothing of it", () => {
  const { ledger, services } = ledgerOf(given);
  ledger.open(ONE);
  ledger.close();
  assert.equal(ledger.book, undefined);
  services.items.clear();
  assert.equal(ledger.open(ELSEWHERE).holdings.size, 0);
  assert.equal(ledger.follow(ELSEWHERE), false);
});

Deno.test("refusal() of a leader protects what it gave, written or not", () => {
  const { ledger } = ledgerOf(given);
  const book = ledger.open(ONE);
  assert.match(ledger.refusal(ELSEWHERE, ONE) ?? "", /default\/web/);
  assert.equal(ledger.refusal(ONE, ONE), undefined);
  book.holdings.clear();
  assert.equal(ledger.refusal(ELSEWHERE, ONE), undefined, "the leader's own book decides");
});

Deno.test("refusal() of a standby protects what the leader must hold by the Services' statuses", () => {
  const held = ledgerOf(given);
  assert.match(held.ledger.refusal(ELSEWHERE, ONE) ?? "", /default\/web/);
  assert.equal(held.ledger.book, undefined);
  const unmarked = ledgerOf({ ...given, allocatedFrom: undefined });
  assert.match(unmarked.ledger.refusal(ELSEWHERE, ONE) ?? "", /default\/web/);
});

Deno.test("refusal() of a first configuration protects what the annotation says was given", () => {
  const { ledger } = ledgerOf(given);
  assert.match(ledger.refusal(ELSEWHERE, undefined) ?? "", /default\/web/);
  assert.equal(ledger.refusal(ONE, undefined), undefined);
  const unmarked = ledgerOf({ ...given, allocatedFrom: undefined });
  assert.equal(unmarked.ledger.refusal(ELSEWHERE, undefined), undefined);
});
