import assert from "node:assert/strict";
import {
  bgpFault,
  CEASE,
  CODE,
  formatNotification,
  hex,
  notification,
  shutdown,
  shutdownText,
} from "../../lib/bgp/notification.ts";

Deno.test("shutdown() carries a text that shutdownText() reads (RFC 9003)", () => {
  const sent = shutdown(CEASE.administrativeShutdown, "herald on n1 is stopping ☎");
  assert.equal(shutdownText(sent), "herald on n1 is stopping ☎");
  assert.equal(
    formatNotification(sent),
    '6/2 cease: administrative shutdown ("herald on n1 is stopping ☎")',
  );
});

Deno.test("a text above 255 bytes is cut between letters", () => {
  const { data } = shutdown(CEASE.administrativeReset, "€".repeat(100));
  assert.equal(data[0], 255);
  const long = shutdown(CEASE.administrativeReset, "a" + "€".repeat(100));
  assert.equal(long.data[0], 253);
  assert.equal(shutdownText(long), "a" + "€".repeat(84));
});

Deno.test("2.6-8: a shutdown text that is cut, or no UTF-8, or with another code, is none", () => {
  const cease = (subcode: number, ...data: number[]) =>
    shutdownText(notification(CODE.cease, subcode, Uint8Array.from(data)));
  assert.equal(cease(2, 5, 97), undefined);
  assert.equal(cease(2, 2, 0xff, 0xfe), undefined);
  assert.equal(cease(3, 1, 97), undefined);
  assert.equal(cease(2), undefined);
  assert.equal(cease(2, 1, 97), "a");
});

Deno.test("formatNotification() names every code of the table, and numbers the unknown", () => {
  const rows: readonly (readonly [number, number, string])[] = [
    [1, 1, "1/1 message header error: connection not synchronized"],
    [2, 2, "2/2 OPEN message error: bad peer AS"],
    [2, 6, "2/6 OPEN message error: unacceptable hold time"],
    [3, 9, "3/9 UPDATE message error: optional attribute error"],
    [4, 0, "4/0 hold timer expired"],
    [5, 3, "5/3 state machine error: in Established"],
    [6, 10, "6/10 cease: BFD down"],
    [7, 1, "7/1 ROUTE-REFRESH message error: invalid length"],
    [8, 0, "8/0 send hold timer expired"],
    [99, 1, "99/1 unknown error"],
  ];
  for (const [code, subcode, text] of rows) {
    assert.equal(formatNotification(notification(code, subcode)), text);
  }
  assert.match(formatNotification(notification(2, 1, Uint8Array.of(0, 4))), /\(data 0004\)$/);
});

Deno.test("bgpFault() is a wire error with the answer beside it", () => {
  const fault = bgpFault("bad-marker", "why", 3, notification(1, 1));
  assert.deepEqual([fault.kind, fault.protocol, fault.reason, fault.offset], [
    "wire-error",
    "bgp",
    "bad-marker",
    3,
  ]);
  assert.equal(hex(Uint8Array.of(0, 255)), "00ff");
});
