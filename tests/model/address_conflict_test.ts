import assert from "node:assert/strict";
import { conflictText, NOTHING_GIVEN, STAYS } from "../../lib/model/address_conflict.ts";
import { serviceKey } from "../../lib/model/facts.ts";
import { ip4 } from "../support/addresses.ts";

Deno.test("conflictText() counts Services, names ten of them, and says what happens now", () => {
  const conflicts = Array.from({ length: 12 }, (_, index) => ({
    service: serviceKey("default", `s${index}`),
    ip: ip4(0x0a000000 + index),
    pool: "main",
  }));
  const text = conflictText([...conflicts, ...conflicts], STAYS);
  assert.match(text, / of 12 Services: default\/s0 \(10\.0\.0\.0, pool "main"\), /);
  assert.match(text, /default\/s9 [^,]*, pool "main"\), and 2 more; the configuration before it/);
  assert.match(conflictText(conflicts.slice(0, 1), STAYS), / of 1 Service: default\/s0 /);
});

Deno.test("conflictText() names fewer where names are long, so that an event holds all of it", () => {
  const conflicts = Array.from({ length: 12 }, (_, index) => ({
    service: serviceKey("n".repeat(63), `s${index}`.padEnd(63, "x")),
    ip: ip4(0x0a000000 + index),
    pool: "p".repeat(63),
  }));
  for (const now of [STAYS, NOTHING_GIVEN]) {
    const text = conflictText(conflicts, now);
    assert.ok(text.length < 1_024 && text.endsWith(`, and 10 more; ${now}`), text);
  }
});
