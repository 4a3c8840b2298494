import assert from "node:assert/strict";
import { parseConfig } from "../../lib/config/parse.ts";
import { reported } from "../../lib/config/report.ts";

Deno.test("a BFD profile has MetalLB's defaults", () => {
  const { config } = parseConfig("bfd-profiles:\n- name: plain\n", "c");
  assert.deepEqual(config?.bfdProfiles, [{
    name: "plain",
    receiveIntervalMs: 300,
    transmitIntervalMs: 300,
    detectMultiplier: 3,
    echoIntervalMs: 50,
    echoMode: false,
    passiveMode: false,
    minimumTtl: 254,
  }]);
});

Deno.test("each key of a BFD profile has its effect, up to its bounds", () => {
  const text = `bfd-profiles:
- name: fast
  receive-interval: 10
  transmit-interval: 60000
  detect-multiplier: 255
  echo-interval: 10
  echo-mode: yes
  passive-mode: true
  minimum-ttl: 1
`;
  const { config } = parseConfig(text, "c");
  const [profile] = config?.bfdProfiles ?? [];
  assert.deepEqual(Object.values(profile ?? {}), ["fast", 10, 60_000, 255, 10, true, true, 1]);
});

Deno.test("a BFD profile without a name, or with one that is taken, is refused", () => {
  const messages = (text: string) =>
    parseConfig(text, "c").problems.map(reported).map(({ line, message }) => `${line} ${message}`);
  assert.deepEqual(messages("bfd-profiles:\n- echo-mode: true\n"), [
    '2 the BFD profile has no "name"',
  ]);
  assert.deepEqual(messages("bfd-profiles:\n- name: a\n- name: a\n"), [
    '3 a BFD profile named "a" stands here again, the first is in line 2',
  ]);
});
