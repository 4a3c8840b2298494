import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import {
  type AddressBook,
  createBook,
  endRetirement,
  hold,
  release,
  retire,
} from "../../lib/controller/allocations.ts";
import { noteContested, settleContested } from "../../lib/controller/contested.ts";
import { usedBy } from "../../lib/controller/shown.ts";
import type { ServiceFacts } from "../../lib/model/facts.ts";
import { context, ips, ONE, service } from "./fixture.ts";

const SECOND = 1_000;

function shows(name: string, statusSinceMs: number | undefined, part: Partial<ServiceFacts> = {}) {
  const since = statusSinceMs === undefined ? {} : { statusSinceMs };
  return service(name, { assigned: ips("10.0.0.1"), ...since, ...part });
}

/** Who gives it up where each controller, plain and blue, holds its own and sees both statuses. */
function yielding(
  plain: ServiceFacts,
  blue: ServiceFacts,
  { given, nowMs = 0 }: { given?: number; nowMs?: number } = {},
): string[] {
  const services = new Map<string, ServiceFacts>([[plain.key, plain], [blue.key, blue]]);
  return [[plain, blue, undefined], [blue, plain, "blue"]].flatMap((side) => {
    const [own, other, lbClass] = side as [ServiceFacts, ServiceFacts, string | undefined];
    const book = createBook(ONE);
    hold(book, own, "main", own.assigned, given === undefined ? undefined : instant(given));
    noteContested(other, book, context({ lbClass }));
    const found = settleContested(services, book, context({ lbClass, nowMs })).map(({ name }) =>
      name
    );
    check(book, own, other, found.length > 0);
    return found;
  });
}

function check(book: AddressBook, own: ServiceFacts, other: ServiceFacts, gave: boolean): void {
  assert.equal(book.waiting.has(own.key), gave);
  assert.equal(book.contested.size, gave ? 0 : 1);
  assert.deepEqual(usedBy(book, other.key), gave ? other.assigned : []);
}

const BLUE = { loadBalancerClass: "blue" };

Deno.test("settleContested() has exactly the one yield that got the address later", () => {
  const rows: readonly (readonly [plain: ServiceFacts, blue: ServiceFacts, yields: string])[] = [
    [shows("plain", 5 * SECOND), shows("blue", 6 * SECOND, BLUE), "blue"],
    [shows("plain", 6 * SECOND), shows("blue", 5 * SECOND, BLUE), "plain"],
    // Of one second the younger, and of one age the later by name.
    [shows("plain", 5 * SECOND), shows("blue", 5 * SECOND, { ...BLUE, createdMs: 1 }), "blue"],
    [shows("plain", 5 * SECOND), shows("blue", 5 * SECOND, BLUE), "plain"],
  ];
  for (const [plain, blue, yields] of rows) assert.deepEqual(yielding(plain, blue), [yields]);
});

Deno.test("settleContested() has the later one yield as long as it was given just now, however late", () => {
  const [plain, blue] = [shows("plain", 0), shows("blue", 600 * SECOND, BLUE)];
  assert.deepEqual(yielding(plain, blue, { given: 0, nowMs: 119 * SECOND }), ["blue"]);
});

Deno.test("settleContested() takes nothing that has stood for long", () => {
  const [plain, blue] = [shows("plain", 0), shows("blue", 600 * SECOND, BLUE)];
  assert.deepEqual(yielding(plain, blue), []);
  assert.deepEqual(yielding(plain, blue, { given: 0, nowMs: 120 * SECOND }), []);
  // Nobody knows when either came: as long as it stands, it stands.
  assert.deepEqual(yielding(shows("plain", undefined), shows("blue", undefined, BLUE)), []);
});

Deno.test("settleContested() waits until the status shows what was given", () => {
  const book = createBook(ONE);
  const own = service("web");
  const other = shows("blue", 0, BLUE);
  hold(book, own, "main", ips("10.0.0.1"), instant(0));
  noteContested(other, book, context());
  const services = new Map<string, ServiceFacts>([[own.key, own], [other.key, other]]);
  assert.deepEqual(settleContested(services, book, context()), []);
  services.set(own.key, shows("web", SECOND));
  assert.deepEqual(settleContested(services, book, context()).map(({ name }) => name), ["web"]);
});

Deno.test("a contested address that is given up is nobody else's, whoever gives it up and how", () => {
  const [own, other] = [shows("web", 0), shows("blue", 600 * SECOND, BLUE)];
  for (const end of [release, (book: AddressBook) => retireAndEnd(book, own)]) {
    const book = createBook(ONE);
    hold(book, own, "main", own.assigned);
    noteContested(other, book, context());
    end(book, own.key);
    assert.deepEqual(usedBy(book, other.key), other.assigned);
    noteContested({ ...other, assigned: [] }, book, context());
    release(book, other.key);
    assert.deepEqual([book.users.size, book.retiring.size, book.contested.size], [0, 0, 0]);
  }
});

function retireAndEnd(book: AddressBook, { key }: ServiceFacts): void {
  retire(book, key);
  endRetirement(book, key);
}

Deno.test("noteContested() notes Services of another class alone, and those that may not share", () => {
  const use = { sharingKey: "k" };
  const udp = { ...use, ...BLUE, ports: [{ protocol: "UDP" as const, port: 53 }] };
  for (
    const [one, count] of [
      [shows("own", 0), 0],
      [shows("blue", 0, udp), 0],
      [shows("blue", 0, BLUE), 1],
    ] as const
  ) {
    const book = createBook(ONE);
    hold(book, service("web", use), "main", ips("10.0.0.1"));
    noteContested(one, book, context());
    assert.equal(book.contested.size, count);
    noteContested(service(one.name, BLUE), book, context());
    assert.equal(book.contested.size, 0);
  }
});
