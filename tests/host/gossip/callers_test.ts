import assert from "node:assert/strict";
import { type Caller, callerOf, mayServe } from "../../../lib/host/gossip/callers.ts";
import { ip } from "../../controller/fixture.ts";

const stranger = (from: string): Caller => ({ from, expected: false });
const speaker = (from: string): Caller => ({ from, expected: true });

/** Of these, one after the other, those that are served while none ends. */
function served(callers: readonly Caller[]): Caller[] {
  const found: Caller[] = [];
  for (const caller of callers) if (mayServe(caller, found)) found.push(caller);
  return found;
}

Deno.test("one address has four streams, whoever is there", () => {
  assert.equal(served(Array(64).fill(stranger("a"))).length, 4);
  assert.equal(served(Array(64).fill(speaker("a"))).length, 4);
});

Deno.test("however many strangers there are, a speaker is served beside them", () => {
  const strangers = Array.from({ length: 200 }, (_, index) => stranger(`s${index}`));
  const all = served([...strangers, speaker("n2"), speaker("n3")]);
  assert.equal(all.length, 10);
  assert.deepEqual(all.slice(-2).map(({ from }) => from), ["n2", "n3"]);
});

Deno.test("callerOf() asks whether a speaker may be at the address", () => {
  const addr = { transport: "tcp", hostname: "10.0.0.2", port: 7946 } as const;
  const asked: unknown[] = [];
  const isExpected = (address: unknown) => asked.push(address) > 0;
  assert.deepEqual(callerOf(addr, isExpected), speaker("10.0.0.2"));
  assert.deepEqual(asked, [ip("10.0.0.2")]);
  assert.equal(callerOf({ ...addr, hostname: "?" }, isExpected).expected, false);
});
