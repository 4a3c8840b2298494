import assert from "node:assert/strict";
import { createBook, hold, useOf } from "../../lib/controller/allocations.ts";
import { clashOf, clashWith } from "../../lib/controller/clash.ts";
import { ip, ips, ONE, service } from "./fixture.ts";

Deno.test("clashOf() does not count the Service itself", () => {
  const book = createBook(ONE);
  const web = service("web");
  hold(book, web, "main", ips("10.0.0.1"));
  assert.equal(clashOf(book, ip("10.0.0.1"), web.key, useOf(web)), undefined);
  assert.equal(clashOf(book, ip("10.0.0.1"), service("b").key, useOf(web))?.partner, web.key);
});

Deno.test("clashWith() says of a user that it is of another class", () => {
  const book = createBook(ONE);
  const blue = service("blue", { loadBalancerClass: "blue" });
  hold(book, blue, "main", ips("10.0.0.1"));
  const [user] = book.users.get(ip("10.0.0.1")) ?? [];
  assert.ok(user);
  const message = (name: string, lbClass?: string) =>
    clashWith(user, useOf(service(name, { loadBalancerClass: lbClass })))?.message ?? "";
  assert.match(message("plain"), /^default\/blue of another loadBalancerClass uses it,/);
  assert.match(message("navy", "blue"), /^default\/blue uses it,/);
});
