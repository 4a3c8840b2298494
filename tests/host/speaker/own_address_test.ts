import assert from "node:assert/strict";
import {
  GIVE_UP_MS,
  HEAR_AGAIN_MS,
  watchOwnAddress,
} from "../../../lib/host/speaker/own_address.ts";
import { ip } from "../../controller/fixture.ts";
import { settled, virtualClock } from "../../support/clock.ts";
import { recordedLog } from "../../support/log.ts";

function bench(address = "10.77.1.12") {
  const log = recordedLog();
  const clock = virtualClock();
  const ending = new AbortController();
  const done: string[] = [];
  const watch = watchOwnAddress({
    address: ip(address),
    clock,
    log,
    signal: ending.signal,
    onGone: () => done.push("gone"),
    onHere: () => done.push("here"),
  });
  void watch.over.then((how) => done.push(how));
  const set = (...own: string[]) => watch.set(new Set(own.map(ip)));
  return { clock, done, ending, log, set, watch };
}

Deno.test("without its address a node is silent at once, says so, and its membership ends (layer 2, fault 1b)", async () => {
  const { clock, done, log, set, watch } = bench();
  set("10.77.1.12", "10.77.1.13");
  assert.equal(watch.problem(), undefined);
  set("10.77.1.13");
  set("10.77.1.13");
  assert.deepEqual(done, ["gone"]);
  assert.match(watch.problem() ?? "", /10\.77\.1\.12, is no longer this machine's/);
  assert.deepEqual(log.messages("warn"), [
    "the address of the gossip is gone: this node announces nothing",
  ]);
  clock.advance(GIVE_UP_MS - 1);
  await settled();
  assert.deepEqual(done, ["gone"]);
  clock.advance(1);
  await settled();
  assert.deepEqual(done, ["gone", "address gone"]);
});

Deno.test("an address that comes back goes on, once the others can be heard again", async () => {
  const { clock, done, set, watch } = bench();
  set();
  clock.advance(GIVE_UP_MS - 1);
  set("10.77.1.12");
  assert.match(watch.problem() ?? "", /not heard yet/);
  clock.advance(HEAR_AGAIN_MS);
  await settled();
  assert.deepEqual(done, ["gone", "here"]);
  assert.equal(watch.problem(), undefined);
  clock.advance(GIVE_UP_MS);
  await settled();
  assert.deepEqual(done, ["gone", "here"]);
});

Deno.test("loopback and the unspecified address are always here; the end of the node ends the watch", async () => {
  for (const address of ["127.0.0.2", "0.0.0.0", "::"]) {
    const { set, watch } = bench(address);
    set("10.77.1.12");
    assert.equal(watch.problem(), undefined);
  }
  const { clock, done, ending, set } = bench();
  set();
  ending.abort();
  clock.advance(GIVE_UP_MS);
  await settled();
  assert.deepEqual(done, ["gone", "end"]);
});
