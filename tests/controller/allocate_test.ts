import assert from "node:assert/strict";
import { allocate, mayHaveFamilies } from "../../lib/controller/allocate.ts";
import { type AddressBook, createBook, hold } from "../../lib/controller/allocations.ts";
import type { Config } from "../../lib/config/types.ts";
import type { ServiceFacts } from "../../lib/model/facts.ts";
import { formatIp } from "../../lib/net/ip.ts";
import { config, ip, ips, pool, range, requests, service, TINY } from "./fixture.ts";

/** `pool: addresses`, or `reason: message`. */
function outcome(facts: ServiceFacts, book: AddressBook): string {
  const found = allocate(facts, book);
  return found.kind === "assigned"
    ? `${found.pool}: ${found.ips.map(formatIp).join(" ")}`
    : `${found.reason}: ${found.message}`;
}

/** A book in which Services of these names hold one address each, by allocation. */
function bookWith(inForce: Config, ...all: ServiceFacts[]): AddressBook {
  const book = createBook(inForce);
  for (const facts of all) {
    const found = allocate(facts, book);
    assert.ok(found.kind === "assigned", outcome(facts, book));
    hold(book, facts, found.pool, found.ips);
  }
  return book;
}

const web = service("web");
const MIXED = config(
  pool("main", ["10.0.0.0-10.0.0.2", "fd00::-fd00::2"], { avoidBuggyIps: true }),
  pool("spare", "10.0.1.0/24", { autoAssign: false }),
);

const REQUESTED: readonly {
  readonly name: string;
  readonly facts: ServiceFacts;
  readonly is: string | RegExp;
}[] = [
  { name: "a free address", facts: service("x", requests("10.0.0.2")), is: "main: 10.0.0.2" },
  {
    name: "one of a pool without auto-assign",
    facts: service("x", requests("10.0.1.255")),
    is: "spare: 10.0.1.255",
  },
  {
    name: "one of each family",
    facts: service("x", { families: [4, 6], ...requests("fd00::1", "10.0.0.2") }),
    is: "main: fd00::1 10.0.0.2",
  },
  {
    name: "one of another family",
    facts: service("x", requests("fd00::1")),
    is: "family-mismatch: requested fd00::1, but the Service is IPv4",
  },
  {
    name: "one where the Service has both families",
    facts: service("x", { families: [4, 6], ...requests("10.0.0.2") }),
    is: "family-mismatch: requested 10.0.0.2, but the Service is IPv4 and IPv6",
  },
  {
    name: "addresses of two pools",
    facts: service("x", { families: [4, 6], ...requests("10.0.1.1", "fd00::1") }),
    is: "address-not-in-pool: requested 10.0.1.1 and fd00::1 are not in one pool",
  },
  {
    name: "one outside every pool",
    facts: service("x", requests("10.9.9.9")),
    is: 'address-not-in-pool: requested 10.9.9.9 is in no pool; the pools are "main", "spare"',
  },
  {
    name: "a buggy one",
    facts: service("x", requests("10.0.0.0")),
    is: /^buggy-address: requested 10\.0\.0\.0 ends in \.0 or \.255, which pool "main"/,
  },
  {
    name: "one of another pool than the annotation names",
    facts: service("x", { poolRequest: "spare", ...requests("10.0.0.2") }),
    is: 'address-not-in-pool: requested 10.0.0.2 of pool "main", but annotation address-pool ' +
      'names the pool "spare"',
  },
  {
    name: "one of the pool that the annotation names",
    facts: service("x", { poolRequest: "spare", ...requests("10.0.1.0") }),
    is: "spare: 10.0.1.0",
  },
  {
    name: "one in use",
    facts: service("x", requests("10.0.0.1")),
    is: "address-in-use: requested 10.0.0.1 is taken: default/web uses it, and not both " +
      "Services have a sharing key",
  },
];
for (const { name, facts, is } of REQUESTED) {
  Deno.test(`A6 allocate() on request of ${name}`, () => {
    const found = outcome(facts, bookWith(MIXED, web));
    if (typeof is === "string") assert.equal(found, is);
    else assert.match(found, is);
  });
}

Deno.test("A4 allocate() falls back to no other pool than the annotation names", () => {
  const book = bookWith(MIXED);
  assert.match(outcome(service("x", { poolRequest: "none-such" }), book), /^pool-unknown: /);
  assert.equal(outcome(service("x", { poolRequest: "spare" }), book), "spare: 10.0.1.0");
  const found = allocate(service("x", { poolRequest: "spare", families: [6] }), book);
  assert.deepEqual(found, {
    kind: "refused",
    reason: "family-mismatch",
    message: 'pool "spare" has no IPv6 addresses',
    pools: [{
      pool: "spare",
      reason: "family-mismatch",
      message: 'pool "spare" has no IPv6 addresses',
    }],
  });
});

Deno.test("A5 allocate() refuses a request that cannot be read", () => {
  const request = { kind: "invalid", event: "LoadBalancerFailed", message: "no comma" } as const;
  const found = outcome(service("x", { addressRequest: request }), createBook(MIXED));
  assert.equal(found, "invalid-request: no comma");
});

Deno.test("A7 allocate() takes pools, ranges and addresses in the order written, lowest first", () => {
  const order = config(
    pool("closed", "10.0.0.1-10.0.0.9", { autoAssign: false }),
    pool("z", ["10.2.0.8-10.2.0.9", "10.1.0.1"]),
    pool("a", "10.0.1.1-10.0.1.2"),
  );
  const all = ["1", "2", "3", "4", "5"].map((name) => service(name));
  const book = bookWith(order, ...all);
  assert.deepEqual(
    [...book.users.keys()],
    ips("10.2.0.8", "10.2.0.9", "10.1.0.1", "10.0.1.1", "10.0.1.2"),
  );
});

Deno.test("A7 allocate() never gives buggy addresses where they are to be avoided", () => {
  const avoid = config(pool("main", "10.0.0.254-10.0.2.1", { avoidBuggyIps: true }));
  const book = createBook(avoid);
  for (let count = 0; count < 256; count++) {
    const facts = service(`web-${count}`);
    const found = allocate(facts, book);
    assert.ok(found.kind === "assigned", `${count}`);
    hold(book, facts, found.pool, found.ips);
  }
  const texts = [...book.users.keys()].map(formatIp);
  assert.deepEqual(texts.filter((text) => /\.(0|255)$/.test(text)), []);
  assert.match(outcome(service("late"), book), /^pool-exhausted: .* 256 of 256 IPv4/);
});

Deno.test("A7 allocate() tells for each pool why it could not serve", () => {
  const book = bookWith(
    config(
      pool("six", "fd00::/64"),
      pool("full", "10.0.0.1"),
      pool("closed", "10.0.1.1", { autoAssign: false }),
    ),
    web,
  );
  const found = allocate(service("x"), book);
  assert.deepEqual(found, {
    kind: "refused",
    reason: "pool-exhausted",
    message: 'pool "six" has no IPv4 addresses; pool "full" is full, 1 of 1 IPv4 address is ' +
      "in use",
    pools: [
      { pool: "six", reason: "family-mismatch", message: 'pool "six" has no IPv4 addresses' },
      {
        pool: "full",
        reason: "pool-exhausted",
        message: 'pool "full" is full, 1 of 1 IPv4 address is in use',
      },
      {
        pool: "closed",
        reason: "pool-closed",
        message: 'pool "closed" has auto-assign off, it is chosen by annotation address-pool',
      },
    ],
  });
});

Deno.test("A7 allocate() tells when there is no pool to allocate from", () => {
  assert.equal(outcome(web, createBook(config())), "no-pool: no pool is configured");
  const closed = config(pool("closed", "10.0.1.1", { autoAssign: false }));
  assert.match(
    outcome(web, createBook(closed)),
    /^pool-closed: .* unasked: pool "closed" has auto-assign off, it is chosen by annotation/,
  );
});

Deno.test("A8 allocate() takes both families from one pool, or none", () => {
  const split = config(
    pool("four", "10.0.0.1-10.0.0.9"),
    pool("six", "fd00::1-fd00::9"),
    pool("both", ["10.0.1.1", "fd00:1::1"]),
  );
  const dual = service("dual", { families: [4, 6] });
  const book = bookWith(split, dual);
  assert.deepEqual([...book.users.keys()], ips("10.0.1.1", "fd00:1::1"));
  assert.match(
    outcome(service("next", { families: [6, 4] }), book),
    /^pool-exhausted: .*pool "both" is full, 1 of 1 IPv6/,
  );
});

const tcp = (port: number) => ({ ports: [{ protocol: "TCP", port }] as const });
const first = service("first", { sharingKey: "k", ...tcp(80), selector: "one" });
const local = { externalTrafficPolicy: "Local" } as const;

const SHARING: readonly {
  readonly name: string;
  readonly present?: ServiceFacts;
  readonly facts: ServiceFacts;
  readonly is: string | RegExp;
}[] = [
  {
    name: "another port under the same key",
    facts: service("x", { sharingKey: "k", ...tcp(443) }),
    is: "main: 10.0.0.1",
  },
  {
    name: "the same port of another protocol",
    facts: service("x", { sharingKey: "k", ports: [{ protocol: "UDP", port: 80 }] }),
    is: "main: 10.0.0.1",
  },
  {
    name: "no second time the same port and protocol",
    facts: service("x", { sharingKey: "k", ...tcp(80) }),
    is: /^sharing-conflict: .*default\/first already uses its port 80\/TCP$/,
  },
  {
    name: "no other key",
    facts: service("x", { sharingKey: "other", ...tcp(443) }),
    is: /^address-in-use: .*default\/first uses it under another sharing key$/,
  },
  { name: "not without a key", facts: service("x", tcp(443)), is: /^address-in-use: / },
  {
    name: "not with a Service that has no key",
    present: service("first", tcp(80)),
    facts: service("x", { sharingKey: "k", ...tcp(443) }),
    is: /^address-in-use: /,
  },
  {
    name: "policies Cluster whatever the pods",
    facts: service("x", { sharingKey: "k", ...tcp(443), selector: "two" }),
    is: "main: 10.0.0.1",
  },
  {
    name: "no Local beside Cluster",
    facts: service("x", { sharingKey: "k", ...tcp(443), ...local, selector: "one" }),
    is: /^sharing-conflict: .*default\/first shares it with another externalTrafficPolicy/,
  },
  {
    name: "no two Local with different pods",
    present: { ...first, ...local },
    facts: service("x", { sharingKey: "k", ...tcp(443), ...local, selector: "two" }),
    is: /^sharing-conflict: /,
  },
  {
    name: "two Local with the same pods",
    present: { ...first, ...local },
    facts: service("x", { sharingKey: "k", ...tcp(443), ...local, selector: "one" }),
    is: "main: 10.0.0.1",
  },
];
for (const { name, present = first, facts, is } of SHARING) {
  Deno.test(`A9 allocate() shares: ${name}`, () => {
    const book = bookWith(config(pool("main", "10.0.0.1-10.0.0.9")), present);
    const found = outcome({ ...facts, ...requests("10.0.0.1") }, book);
    if (typeof is === "string") assert.equal(found, is);
    else assert.match(found, is);
  });
  Deno.test(`A10 allocate() finds the shared address, or the next free one: ${name}`, () => {
    const book = bookWith(config(pool("main", "10.0.0.1-10.0.0.9")), present);
    assert.equal(outcome(facts, book), typeof is === "string" ? is : "main: 10.0.0.2");
  });
}

Deno.test("A10 allocate() takes whichever comes first, free or shared", () => {
  const wide = config(pool("main", ["10.0.0.5-10.0.0.9", "10.0.0.1-10.0.0.4"]));
  const shared = (name: string, port: number) => service(name, { sharingKey: "k", ...tcp(port) });
  const book = createBook(wide);
  hold(book, shared("one", 1), "main", ips("10.0.0.6"));
  assert.equal(outcome(shared("two", 2), book), "main: 10.0.0.5");
  hold(book, service("plain"), "main", ips("10.0.0.5"));
  assert.equal(outcome(shared("two", 2), book), "main: 10.0.0.6");
  hold(book, shared("three", 3), "main", ips("10.0.0.1"));
  assert.equal(outcome(shared("four", 4), book), "main: 10.0.0.6");
});

Deno.test("A10 allocate() names the partner when the last address cannot be shared", () => {
  const book = bookWith(TINY, first);
  assert.equal(
    outcome(service("x", { sharingKey: "k", ...tcp(80) }), book),
    'pool-exhausted: pool "tiny" is full, 1 of 1 IPv4 address is in use, and 10.0.0.1 cannot ' +
      "be shared: default/first already uses its port 80/TCP",
  );
  assert.match(
    outcome(service("x", { sharingKey: "j" }), book),
    /none of them under sharing key "j"/,
  );
});

Deno.test("allocate() serves a /8 and a /64 without walking them", () => {
  const huge = config(pool("huge", ["10.0.0.0/8", "fd00::/64"]));
  const all = Array.from({ length: 300 }, (_, at) => service(`${at}`, { families: [4, 6] }));
  const book = bookWith(huge, ...all);
  assert.ok(book.users.has(ip("10.0.1.43")));
  assert.ok(book.users.has(ip("fd00::12b")));
});

Deno.test("allocate() keeps messages within what an event holds", () => {
  const pools = Array.from({ length: 100 }, (_, at) => pool(`pool-${at}`, `10.0.${at}.1`));
  const book = createBook(config(...pools));
  const six = allocate(service("x", { families: [6] }), book);
  assert.ok(six.kind === "refused" && six.message.length < 900 && six.pools.length === 100);
  assert.match(six.message, /and 95 more$/);
  const unknown = outcome(service("x", { poolRequest: "p".repeat(100_000) }), book);
  assert.ok(unknown.length < 400, `${unknown.length}`);
});

Deno.test("A8 mayHaveFamilies() wants one address of each family, or of one where two are preferred", () => {
  const dual = service("web", { families: [6, 4] });
  const prefers = { ...dual, prefersDualStack: true };
  for (
    const [facts, texts, may] of [
      [dual, ["10.0.0.1", "fd00::1"], true],
      [dual, ["10.0.0.1", "10.0.0.2"], false],
      [dual, ["10.0.0.1"], false],
      [service("web"), ["10.0.0.1", "10.0.0.2"], false],
      [service("web"), [], false],
      [prefers, ["10.0.0.1", "fd00::1"], true],
      [prefers, ["fd00::1"], true],
      [prefers, ["10.0.0.1", "10.0.0.2"], false],
      [prefers, [], false],
    ] as const
  ) assert.equal(mayHaveFamilies(ips(...texts), facts), may, texts.join());
});

Deno.test("A6 allocate() gives reserved addresses to who asks for them, and to nobody else", () => {
  const reserved = [range("10.0.0.1-10.0.0.2"), range("10.0.0.4")];
  const book = createBook(config(pool("main", "10.0.0.1-10.0.0.5", { reserved })));
  assert.equal(outcome(web, book), "main: 10.0.0.3");
  hold(book, web, "main", ips("10.0.0.3"));
  const next = service("next");
  assert.equal(outcome(next, book), "main: 10.0.0.5");
  hold(book, next, "main", ips("10.0.0.5"));
  assert.match(
    outcome(service("late"), book),
    /^pool-exhausted: pool "main" is full, no IPv4 address of 5 is free: 3 are reserved$/,
  );
  const asks = service("asks", requests("10.0.0.4"));
  assert.equal(outcome(asks, book), "main: 10.0.0.4");
});

Deno.test("A10 allocate() shares neither a reserved nor a buggy address unasked", () => {
  const reserved = [range("10.0.0.254")];
  const own = config(
    pool("main", "10.0.0.254-10.0.1.1", { reserved, avoidBuggyIps: true }),
  );
  for (const at of ["10.0.0.254", "10.0.0.255"]) {
    const book = createBook(own);
    hold(book, service("first", { sharingKey: "k" }), "main", ips(at));
    const other = { sharingKey: "k", ports: [{ protocol: "UDP", port: 53 }] } as const;
    assert.equal(outcome(service("next", other), book), "main: 10.0.1.1", at);
  }
});
