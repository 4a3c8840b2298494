import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import type { Remembered } from "../../lib/controller/allocations.ts";
import { decodeRemembered, encodeRemembered } from "../../lib/controller/sticky_record.ts";
import { MAX_REMEMBERED } from "../../lib/controller/sticky.ts";
import { serviceKey } from "../../lib/model/facts.ts";
import { ips } from "./fixture.ts";

const WALL = Date.UTC(2026, 0, 1);
const WEB: Remembered = {
  service: serviceKey("default", "web"),
  pool: "main",
  ips: ips("10.0.0.1", "fd00::1"),
  until: instant(5_000),
};

Deno.test("decodeRemembered() reads what encodeRemembered() wrote, in a process of another age", () => {
  const { text } = encodeRemembered([WEB], { now: instant(2_000), wallMs: WALL });
  assert.match(text, new RegExp(`"untilMs":${WALL + 3_000}`));
  const found = decodeRemembered(text, { now: instant(100), wallMs: WALL + 1_000 });
  assert.deepEqual(found, [{ ...WEB, until: instant(2_100) }]);
});

Deno.test("decodeRemembered() leaves out what is over or cannot be read", () => {
  const now = { now: instant(0), wallMs: WALL };
  const { text } = encodeRemembered([WEB], now);
  assert.deepEqual(decodeRemembered(text, { now: instant(0), wallMs: WALL + 5_000 }), []);
  for (
    const wrong of [
      "",
      "{",
      "7",
      "[7]",
      "[{}]",
      text.replace("default/web", "web"),
      text.replace("default/web", "a/b/c"),
      text.replace("10.0.0.1", "x").replace("fd00::1", "y"),
      text.replace(/"untilMs":\d+/, '"untilMs":"soon"'),
      text.replace('"main"', "null"),
    ]
  ) assert.deepEqual(decodeRemembered(wrong, now), [], wrong);
});

Deno.test("encodeRemembered() keeps within a ConfigMap, whatever the names, and leaves out what ends first (fault 17)", () => {
  const clocks = { now: instant(0), wallMs: WALL };
  for (const [pool, name] of [["main", "web"], ["\u00fc".repeat(60), "n".repeat(60)]]) {
    const all = Array.from({ length: MAX_REMEMBERED }, (_, at): Remembered => ({
      service: serviceKey(`${name}-space`, `${name}${at}`),
      pool: pool ?? "",
      ips: ips("203.0.113.255", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
      until: instant(1_000 + at),
    }));
    const { leftOut, text } = encodeRemembered(all, clocks);
    const note = { metadata: { name: "herald-sticky-addresses" }, data: { note: text } };
    assert.ok(new TextEncoder().encode(JSON.stringify(note)).length < 1_048_576);
    const back = decodeRemembered(text, clocks);
    assert.equal(back.length + leftOut, MAX_REMEMBERED);
    assert.equal(Math.min(...back.map(({ until }) => until)), 1_000 + leftOut);
  }
});
