import assert from "node:assert/strict";
import type { KubeFailure } from "../../../lib/host/kubernetes/transport.ts";
import {
  listAtOnce,
  nextReading,
  type Outcome,
  type Reading,
  UNREAD,
} from "../../../lib/host/kubernetes/reading.ts";

const FAILURE: KubeFailure = {
  kind: "failure",
  cause: "network",
  status: undefined,
  message: "Cannot watch services",
  retryAfterMs: undefined,
};

const LISTED: Outcome = { kind: "listed", version: "100" };
const FAILED: Outcome = { kind: "failed", failure: FAILURE };
const FORBIDDEN: Outcome = { kind: "forbidden", failure: FAILURE };
const FORGOTTEN: Outcome = { kind: "forgotten" };
const WAITED: Outcome = { kind: "waited" };
const watchEnd = (kind: "ended" | "failed", reached: string, healthy = false): Outcome => ({
  kind,
  reached,
  healthy,
  failure: FAILURE,
});

/** What is done, with what a watch starts from and what a wait leads to. */
function text(doing: Reading["doing"]): string {
  if (doing.kind === "watching") return `watching ${doing.from}`;
  return doing.kind === "waiting" ? `waiting, then ${text(doing.then)}` : doing.kind;
}

/** What is done after all of these, one after another. */
function after(...outcomes: readonly Outcome[]): Reading {
  return outcomes.reduce(nextReading, UNREAD);
}

const times = (count: number, ...outcomes: Outcome[]) => Array(count).fill(outcomes).flat();

/** The fourteenth of the refusals in a row. */
const LONG_FORBIDDEN = [...times(13, LISTED, FORBIDDEN, ...times(29, WAITED, LISTED)), FORBIDDEN];

const TABLE: readonly [what: string, Outcome[], string][] = [
  ["nothing", [], "listing"],
  ["a list", [LISTED], "watching 100"],
  ["a list that fails", [FAILED], "waiting, then listing"],
  ["the wait after it", [FAILED, WAITED], "listing"],
  ["a list forgotten between two pages", [FORGOTTEN], "listing"],
  ["a list that is suddenly empty", [{ kind: "empty" }], "doubting"],
  ["a doubted list that fails", [{ kind: "empty" }, FAILED], "waiting, then doubting"],
  ["the wait after that", [{ kind: "empty" }, FAILED, WAITED], "doubting"],
  ["a doubted list forgotten between two pages", [{ kind: "empty" }, FORGOTTEN], "doubting"],
  ["a second empty list", [{ kind: "empty" }, LISTED], "watching 100"],
  ["a watch that lasted", [LISTED, watchEnd("ended", "101", true)], "watching 101"],
  [
    "a watch that lasted and brought nothing",
    [LISTED, watchEnd("ended", "100", true)],
    "watching 100",
  ],
  ["a short watch that brought something", [LISTED, watchEnd("ended", "101")], "watching 101"],
  [
    "a short watch that brought nothing",
    [LISTED, watchEnd("ended", "100")],
    "waiting, then watching 100",
  ],
  ["a watch that broke off", [LISTED, watchEnd("failed", "101")], "waiting, then watching 101"],
  ["the wait after it", [LISTED, watchEnd("failed", "101"), WAITED], "watching 101"],
  ["a watch that fell silent", [LISTED, { kind: "stalled", reached: "101" }], "watching 101"],
  ["a version that the server forgot", [LISTED, FORGOTTEN], "listing"],
  ["a watch that is forbidden", [LISTED, FORBIDDEN], "polling"],
  ["the wait for a poll", [LISTED, FORBIDDEN, WAITED], "listing"],
  ["a poll", [LISTED, FORBIDDEN, WAITED, LISTED], "watching 100"],
  ["a poll that fails", [LISTED, FORBIDDEN, WAITED, FAILED], "waiting, then listing"],
  ["a poll after five refusals", [...times(6, LISTED, FORBIDDEN, WAITED), LISTED], "polling"],
  ["29 polls", [...LONG_FORBIDDEN, ...times(29, WAITED, LISTED)], "polling"],
  ["30 polls", [...LONG_FORBIDDEN, ...times(30, WAITED, LISTED)], "watching 100"],
];

for (const [what, outcomes, expected] of TABLE) {
  Deno.test(`after ${what} (${outcomes.length}) a reflector is ${expected}`, () => {
    assert.equal(text(after(...outcomes).doing), expected);
  });
}

Deno.test("six short watches that brought something make a reflector wait, unless one lasted", () => {
  const short = Array.from({ length: 6 }, (_, i) => watchEnd("ended", String(101 + i)));
  assert.equal(text(after(LISTED, ...short.slice(0, 5)).doing), "watching 105");
  assert.equal(text(after(LISTED, ...short).doing), "waiting, then watching 106");
  const between = [...short.slice(0, 5), watchEnd("ended", "200", true), ...short];
  assert.equal(text(after(LISTED, ...between.slice(0, -1)).doing), "watching 105");
});

Deno.test("failures are counted up to the first success, or to a watch that lasted", () => {
  assert.equal(after(...times(3, FAILED, WAITED)).failures, 3);
  assert.equal(after(...times(3, FAILED, WAITED), LISTED).failures, 0);
  const broken = times(3, watchEnd("failed", "101"), WAITED);
  assert.equal(after(LISTED, ...broken).failures, 3);
  assert.equal(after(LISTED, ...broken, watchEnd("failed", "102", true)).failures, 1);
  assert.equal(after(LISTED, ...broken, watchEnd("ended", "102")).failures, 0);
});

Deno.test("listAtOnce() takes no wait into account, and keeps count of the polls", () => {
  const polling = after(...LONG_FORBIDDEN);
  assert.deepEqual(listAtOnce(polling), { ...polling, doing: { kind: "listing" } });
  assert.equal(text(nextReading(listAtOnce(polling), LISTED).doing), "polling");
  const waiting = after(FAILED);
  assert.deepEqual(listAtOnce(waiting), UNREAD);
});
