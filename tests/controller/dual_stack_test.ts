import assert from "node:assert/strict";
import { reconfigure } from "../../lib/controller/reconfigure.ts";
import type { ServiceFacts } from "../../lib/model/facts.ts";
import {
  brief,
  config,
  pool,
  put,
  requests,
  restart,
  service,
  settleAll,
  statusOf,
  world,
} from "./fixture.ts";

const DUAL = config(pool("four", "10.0.0.1-10.0.0.9"), pool("both", ["10.0.1.1", "fd00::1"]));
const PREFERS: Partial<ServiceFacts> = { families: [6, 4], prefersDualStack: true };

Deno.test("A8 planService() gives both families to a Service that prefers them, from any pool that has both", () => {
  const at = world(DUAL);
  assert.deepEqual(brief(put(at, "web", PREFERS)), [
    "write web fd00::1 10.0.1.1",
    'event web IPAllocated: Assigned IP ["fd00::1" "10.0.1.1"]',
  ]);
  assert.deepEqual(brief(settleAll(at)), []);
});

Deno.test("A8 planService() gives one family where two cannot be had, and the second when it can", () => {
  const at = world(DUAL);
  put(at, "first", PREFERS);
  const [write, assigned, failed, ...rest] = brief(put(at, "web", PREFERS));
  assert.equal(write, "write web 10.0.0.1");
  assert.equal(assigned, 'event web IPAllocated: Assigned IP ["10.0.0.1"]');
  assert.match(
    failed ?? "",
    /^event web AdditionalAssignFailed: .* beside \["10\.0\.0\.1"\]: pool "four" has no IPv6/,
  );
  assert.deepEqual(rest, []);
  assert.deepEqual(brief(settleAll(at)), []);
  assert.ok(at.book.waiting.has(service("web").key));

  const four = pool("four", ["10.0.0.1-10.0.0.9", "fd00:4::1"]);
  at.config = config(four, pool("both", ["10.0.1.1", "fd00::1"]));
  reconfigure(at.book, at.config);
  assert.deepEqual(brief(settleAll(at)), [
    "write web fd00:4::1 10.0.0.1",
    'event web IPAllocated: Assigned IP ["fd00:4::1" "10.0.0.1"]',
  ]);
  assert.equal(at.book.waiting.size, 0);
});

Deno.test("A8 planService() keeps the address of a Service that comes to prefer a second family", () => {
  const at = world(config(pool("main", ["10.0.0.1-10.0.0.9", "fd00::1-fd00::2"])));
  put(at, "other");
  put(at, "web");
  assert.equal(statusOf(at, "web"), "10.0.0.2");
  put(at, "web", { families: [4, 6], prefersDualStack: true });
  assert.equal(statusOf(at, "web"), "10.0.0.2 fd00::1");
  put(at, "web", { families: [4], prefersDualStack: false });
  assert.equal(statusOf(at, "web"), "10.0.0.2");
});

Deno.test("A8 planService() gives a Service that asks for one address by name no second one", () => {
  const at = world(config(pool("main", ["10.0.0.1-10.0.0.9", "fd00::1"])));
  put(at, "web", { ...PREFERS, ...requests("10.0.0.5") });
  assert.equal(statusOf(at, "web"), "10.0.0.5");
  assert.equal(at.book.waiting.size, 0);
});

Deno.test("A8 restore() knows a Service with one of two preferred families, and nothing is written", () => {
  const at = world(DUAL);
  put(at, "first", PREFERS);
  put(at, "web", PREFERS);
  const before = at.writes;
  restart(at, (services) => services.reverse());
  settleAll(at);
  assert.equal(at.writes, before);
  assert.ok(at.book.waiting.has(service("web").key));
});

Deno.test("A8 planService() does not wait for the second family of a Service that is being deleted", () => {
  const at = world(config(pool("main", "10.0.0.1")));
  put(at, "web", PREFERS);
  assert.equal(at.book.waiting.size, 1);
  put(at, "web", { deleting: true });
  assert.equal(at.book.waiting.size, 0);
});
