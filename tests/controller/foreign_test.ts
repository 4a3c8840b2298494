import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import { foreignEvents } from "../../lib/controller/foreign.ts";
import { enterShown } from "../../lib/controller/shown.ts";
import { createBook, hold } from "../../lib/controller/allocations.ts";
import { ips, ONE, service } from "./fixture.ts";

const blue = service("blue", { loadBalancerClass: "blue", assigned: ips("10.0.0.1") });

function told(...held: string[]) {
  const book = createBook(ONE);
  for (const name of held) hold(book, service(name), "main", ips("10.0.0.1"));
  enterShown(blue, book);
  return foreignEvents(blue, book, instant(0)).map((action) =>
    action.kind === "event" ? [action.type, action.message] : []
  );
}

Deno.test("foreignEvents() tells that nobody else gets what a Service of another class shows", () => {
  const [[type, message] = []] = told();
  assert.equal(type, "Normal");
  assert.match(message ?? "", /"10\.0\.0\.1".*"blue", is not served here: nobody else gets it/);
});

Deno.test("foreignEvents() warns of an address that one of ours has too, and names it", () => {
  const [[type, message] = []] = told("web");
  assert.equal(type, "Warning");
  assert.match(message ?? "", /"10\.0\.0\.1".*default\/web/);
});

Deno.test("foreignEvents() has nothing to tell of addresses that are no pool's", () => {
  const book = createBook(ONE);
  const other = service("o", { loadBalancerClass: "blue", assigned: ips("192.0.2.1") });
  enterShown(other, book);
  assert.deepEqual(foreignEvents(other, book, instant(0)), []);
});
