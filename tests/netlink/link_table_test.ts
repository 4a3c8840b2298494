import assert from "node:assert/strict";
import fc from "fast-check";
import { answeringLinks, type Link } from "../../lib/netlink/link.ts";
import {
  createLinkTable,
  type LinkAction,
  type LinkTable,
  mustTellFirst,
  step,
  toTell,
} from "../../lib/netlink/link_table.ts";
import { type RouteMessage } from "../../lib/netlink/route.ts";
import { parseMac } from "../support/addresses.ts";

function link(ifindex: number, name = `eth${ifindex}`): Link {
  return {
    ifindex,
    name,
    mac: undefined,
    up: true,
    running: true,
    broadcast: true,
    noArp: false,
    loopback: false,
    master: undefined,
    kind: undefined,
    sharesCableOf: undefined,
  };
}

const event = (what: Link): RouteMessage => ({
  kind: "link",
  link: what,
  sequence: 0,
  dumped: false,
  interrupted: false,
});
const listed = (what: Link, sequence: number, interrupted = false): RouteMessage => ({
  kind: "link",
  link: what,
  sequence,
  dumped: true,
  interrupted,
});
const done = (sequence: number, errno = 0): RouteMessage => ({
  kind: "done",
  sequence,
  errno,
  interrupted: false,
});

function feed(table: LinkTable, ...messages: RouteMessage[]): LinkAction[] {
  return messages.flatMap((message) => step(table, { kind: "message", message }));
}

function names(table: LinkTable): string[] {
  return [...table.links.values()].map(({ name }) => name).sort();
}

/** A table that knows these links by a first dump, whose number is 1. */
function known(...links: Link[]): LinkTable {
  const table = createLinkTable();
  assert.deepEqual(step(table, { kind: "lost" }), [{ kind: "request", sequence: 1 }]);
  const actions = feed(table, ...links.map((what) => listed(what, 1)), done(1));
  assert.deepEqual(actions, [{ kind: "changed" }]);
  return table;
}

Deno.test("step() tells of nothing before the first list is whole", () => {
  const table = createLinkTable();
  step(table, { kind: "lost" });
  assert.deepEqual(feed(table, listed(link(1), 1), event(link(2))), []);
  assert.deepEqual(feed(table, done(1)), [{ kind: "changed" }]);
  assert.deepEqual(names(table), ["eth1", "eth2"]);
});

Deno.test("step() follows links that come, change, are renamed and go", () => {
  const table = known(link(1));
  assert.deepEqual(feed(table, event(link(2))), [{ kind: "changed" }]);
  assert.deepEqual(feed(table, event(link(2))), [], "the same again is no change");
  assert.deepEqual(feed(table, event(link(2, "net0"))), [{ kind: "changed" }]);
  assert.deepEqual(names(table), ["eth1", "net0"]);
  assert.deepEqual(feed(table, { kind: "linkGone", ifindex: 1 }), [{ kind: "changed" }]);
  assert.deepEqual(names(table), ["net0"]);
});

Deno.test("an interface that is made anew in the moment in which it goes is told of as gone first", () => {
  const table = known(link(1), link(2));
  const gone: RouteMessage = { kind: "linkGone", ifindex: 2 };
  assert.equal(mustTellFirst(table, event(link(2))), false, "it is there");
  feed(table, gone);
  assert.equal(mustTellFirst(table, event(link(1))), false);
  assert.equal(mustTellFirst(table, gone), false);
  assert.equal(mustTellFirst(table, event(link(2))), true);
  assert.deepEqual(toTell(table), [link(1)]);
  assert.equal(mustTellFirst(table, event(link(2))), false, "all know that it is gone");
  feed(table, event(link(2)));
  assert.deepEqual(toTell(table), [link(1), link(2)]);
});

Deno.test("step() takes a link's end before its beginning (corpus 2.9.8)", () => {
  const table = known(link(1));
  assert.deepEqual(feed(table, { kind: "linkGone", ifindex: 9 }), []);
  assert.deepEqual(names(table), ["eth1"]);
});

Deno.test("step() lists again after a loss and forgets what is no longer there (corpus 2.9.1)", () => {
  const table = known(link(1), link(2));
  assert.deepEqual(step(table, { kind: "lost" }), [{ kind: "request", sequence: 2 }]);
  assert.deepEqual(feed(table, listed(link(1), 2)), []);
  assert.deepEqual(names(table), ["eth1", "eth2"], "nothing goes before the list is whole");
  assert.deepEqual(feed(table, done(2)), [{ kind: "changed" }]);
  assert.deepEqual(names(table), ["eth1"]);
});

Deno.test("step() keeps a link that came during a list which does not have it", () => {
  const table = known(link(1));
  step(table, { kind: "lost" });
  feed(table, listed(link(1), 2), event(link(3)), done(2));
  assert.deepEqual(names(table), ["eth1", "eth3"]);
});

Deno.test("step() does not bring back a link that went after it was listed", () => {
  const table = known(link(1), link(2));
  step(table, { kind: "lost" });
  feed(table, listed(link(1), 2), listed(link(2), 2), { kind: "linkGone", ifindex: 2 }, done(2));
  assert.deepEqual(names(table), ["eth1"]);
});

Deno.test("step() lists again, once, after losses during a list", () => {
  const table = known(link(1));
  step(table, { kind: "lost" });
  assert.deepEqual(step(table, { kind: "lost" }), []);
  assert.deepEqual(step(table, { kind: "lost" }), []);
  assert.deepEqual(feed(table, done(2)), [{ kind: "request", sequence: 3 }]);
  assert.deepEqual(names(table), ["eth1"], "an untrusted list removes nothing");
  assert.deepEqual(feed(table, listed(link(1), 3), done(3)), [{ kind: "changed" }]);
});

Deno.test("step() repeats a list that was interrupted, told in a link or at the end (corpus 2.9.3)", () => {
  const first = known(link(1));
  step(first, { kind: "lost" });
  assert.deepEqual(feed(first, listed(link(1), 2, true), done(2)), [{
    kind: "request",
    sequence: 3,
  }]);
  const second = known(link(1));
  step(second, { kind: "lost" });
  const interrupted: RouteMessage = { kind: "done", sequence: 2, errno: 0, interrupted: true };
  assert.deepEqual(feed(second, interrupted), [{ kind: "request", sequence: 3 }]);
});

Deno.test("step() drops answers of another number (corpus 2.9.4)", () => {
  const table = known(link(1));
  step(table, { kind: "lost" });
  assert.deepEqual(
    feed(table, listed(link(7), 1), done(1), { kind: "error", sequence: 9, errno: 1 }),
    [],
  );
  assert.deepEqual(names(table), ["eth1"]);
  assert.deepEqual(feed(table, listed(link(1), 2), done(2)), [{ kind: "changed" }]);
});

Deno.test("step() reports a refused list, keeps what it knows, and can list again (corpus 2.9.2)", () => {
  for (const refusal of [done(2, 5), { kind: "error", sequence: 2, errno: 16 } as const]) {
    const table = known(link(1));
    step(table, { kind: "lost" });
    const errno = refusal.kind === "done" ? 5 : 16;
    assert.deepEqual(feed(table, refusal), [{ kind: "refused", errno }]);
    assert.deepEqual(names(table), ["eth1"]);
    assert.deepEqual(step(table, { kind: "lost" }), [{ kind: "request", sequence: 3 }]);
  }
});

Deno.test("step() tells of an address that came or went, once the interfaces are known", () => {
  assert.deepEqual(feed(createLinkTable(), { kind: "addresses" }), []);
  assert.deepEqual(feed(known(link(1)), { kind: "addresses" }), [{ kind: "changed" }]);
});

Deno.test("step() takes an acknowledgement and other messages for nothing", () => {
  const table = known(link(1));
  step(table, { kind: "lost" });
  const nothing: RouteMessage[] = [
    { kind: "error", sequence: 2, errno: 0 },
    { kind: "other", type: 20 },
  ];
  assert.deepEqual(feed(table, ...nothing), []);
  assert.equal(table.dump?.sequence, 2);
});

Deno.test("step() ends with what a last whole list says, whatever came before", () => {
  const index = fc.integer({ min: 1, max: 4 });
  const message: fc.Arbitrary<RouteMessage> = fc.oneof(
    index.map((ifindex) => event(link(ifindex))),
    fc.tuple(index, index, fc.boolean()).map(([ifindex, sequence, interrupted]) =>
      listed(link(ifindex), sequence, interrupted)
    ),
    index.map((ifindex): RouteMessage => ({ kind: "linkGone", ifindex })),
    fc.tuple(index, fc.constantFrom(0, 5)).map(([sequence, errno]) => done(sequence, errno)),
  );
  const history = fc.array(fc.option(message, { nil: undefined }), { maxLength: 40 });
  fc.assert(
    fc.property(history, fc.uniqueArray(index), (events, last) => {
      const table = createLinkTable();
      for (const message of events) {
        step(table, message === undefined ? { kind: "lost" } : { kind: "message", message });
      }
      step(table, { kind: "lost" });
      // At most one list is under way and one is due after it.
      for (let round = 0; round < 2 && table.dump !== undefined; round++) {
        const { sequence } = table.dump;
        feed(table, ...last.map((ifindex) => listed(link(ifindex), sequence)), done(sequence));
      }
      assert.equal(table.dump, undefined);
      assert.deepEqual([...table.links.keys()].sort(), last.sort());
    }),
    { seed: 6, numRuns: 2_000 },
  );
});

Deno.test("step() takes 10,000 interfaces of pods, and of them few are used (corpus 2.9.9)", () => {
  const table = createLinkTable();
  step(table, { kind: "lost" });
  const pods = Array.from({ length: 10_000 }, (_, index) => link(index + 10, `veth${index}`));
  const lan = { ...link(2, "eth0"), mac: parseMac("02:00:00:00:00:01") };
  const actions = feed(table, ...[lan, ...pods].map((one) => listed(one, 1)), done(1));
  assert.deepEqual(actions, [{ kind: "changed" }], "one piece of news");
  assert.equal(table.links.size, 10_001);
  const used = answeringLinks([...table.links.values()], [], 1_000);
  assert.deepEqual(used.map(({ name }) => name), ["eth0"]);
});
