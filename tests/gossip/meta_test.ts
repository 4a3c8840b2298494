import assert from "node:assert/strict";
import { announcementOf, CUT_OFF_ROOM, readAnnouncement } from "../../lib/gossip/meta.ts";

Deno.test("readAnnouncement() reads what announcementOf() wrote, in what memberlist allows", () => {
  const told = {
    port: 7947,
    inRing: true,
    boot: 0xffff_ffff,
    sinceMs: 1_795_000_000_000,
    canAnnounce: true,
    view: "stale" as const,
    rules: "election of v0.11, nodes by MetalLB v0.16's rules, exclude label ignored",
    cutOff: ["1".repeat(CUT_OFF_ROOM - 4)],
  };
  assert.equal(JSON.stringify(told.cutOff).length, CUT_OFF_ROOM);
  assert.deepEqual(readAnnouncement(announcementOf(told)), told);
  assert.ok(announcementOf(told).length <= 512);
});

Deno.test("readAnnouncement() takes no other program's metadata", () => {
  for (
    const text of ["", "{", "null", "[]", "zone=eu", '{"herald":2}', '{"herald":1,"heartbeat":{}}']
      .concat('{"herald":1,"heartbeat":{"port":0,"boot":1}}')
      .concat('{"herald":1,"heartbeat":{"port":70000,"boot":1}}')
      .concat('{"herald":1,"heartbeat":{"port":1,"boot":-1}}')
  ) {
    assert.equal(readAnnouncement(new TextEncoder().encode(text)), undefined, text);
  }
});

Deno.test("readAnnouncement() takes a speaker that tells nothing of it for one that can announce", () => {
  const told = {
    port: 7947,
    boot: 1,
    inRing: true,
    sinceMs: 5,
    canAnnounce: false,
    view: undefined,
  };
  assert.deepEqual(readAnnouncement(announcementOf(told)), told);
  const old = new TextEncoder().encode('{"herald":1,"heartbeat":{"port":7947,"boot":1}}');
  assert.deepEqual(readAnnouncement(old), {
    ...told,
    inRing: false,
    sinceMs: 0,
    canAnnounce: true,
  });
});
