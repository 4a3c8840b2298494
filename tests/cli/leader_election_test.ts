import assert from "node:assert/strict";
import { type ElectionFlags, readLeaderElection } from "../../lib/cli/leader_election.ts";

const DEFAULT = {
  namespace: "metallb-system",
  name: "herald-controller",
  durationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryPeriodMs: 2_000,
};

/** Seconds said right before or after the profile is named. */
const BESIDE_FAST =
  /(\d+) ?s (?:with|by) `?--leader-elect-profile=fast|fast: takeover within (\d+) ?s/g;

const RIGHT: readonly [string, ElectionFlags, unknown][] = [
  ["client-go's times", {}, DEFAULT],
  ["a flag without a value", { leaderElect: true }, DEFAULT],
  ["true", { leaderElect: "true" }, DEFAULT],
  ["false", { leaderElect: "false" }, undefined],
  ["another Lease", { leaderElectResourceName: "b" }, { ...DEFAULT, name: "b" }],
  ["the profile default", { leaderElectProfile: "default" }, DEFAULT],
  ["the fast profile", { leaderElectProfile: "fast" }, {
    ...DEFAULT,
    durationMs: 2_000,
    renewDeadlineMs: 1_200,
    retryPeriodMs: 300,
  }],
  ["a profile and a time of its own", {
    leaderElectProfile: "fast",
    leaderElectRetryPeriod: "500ms",
  }, { ...DEFAULT, durationMs: 2_000, renewDeadlineMs: 1_200, retryPeriodMs: 500 }],
  ["all times", {
    leaderElectLeaseDuration: "1m",
    leaderElectRenewDeadline: "40s",
    leaderElectRetryPeriod: "5s",
  }, { ...DEFAULT, durationMs: 60_000, renewDeadlineMs: 40_000, retryPeriodMs: 5_000 }],
];

for (const [what, flags, expected] of RIGHT) {
  Deno.test(`readLeaderElection() takes ${what}`, () => {
    assert.deepEqual(readLeaderElection(flags, "metallb-system"), expected);
  });
}

const WRONG: readonly [ElectionFlags, RegExp][] = [
  [{ leaderElect: "yes" }, /--leader-elect=yes is neither true nor false/],
  [{ leaderElectProfile: "quick" }, /--leader-elect-profile=quick is not one of default, fast/],
  [{ leaderElectResourceName: "A b" }, /--leader-elect-resource-name=A b is no name/],
  [{ leaderElectLeaseDuration: "15" }, /--leader-elect-lease-duration=15 is no duration/],
  [{ leaderElectRetryPeriod: "0" }, /--leader-elect-retry-period=0 is no duration/],
  [{ leaderElectLeaseDuration: "48h" }, /--leader-elect-lease-duration=48h is more than an hour/],
  [{ leaderElectLeaseDuration: "15500ms" }, /=15500ms is not in whole seconds/],
  [
    { leaderElectLeaseDuration: "10s" },
    /-lease-duration=10s must be more than --leader-elect-renew-deadline=10s/,
  ],
  [{ leaderElectRenewDeadline: "20s" }, /-lease-duration=15s must be more than .*=20s/],
  [
    { leaderElectRetryPeriod: "9s" },
    /-renew-deadline=10s must be more than 1\.2 times --leader-elect-retry-period=9s/,
  ],
  // Wrong is wrong, even where it would not be used.
  [{ leaderElect: "false", leaderElectRetryPeriod: "9s" }, /must be more than/],
];

for (const [flags, pattern] of WRONG) {
  Deno.test(`readLeaderElection() refuses ${JSON.stringify(flags)}`, () => {
    const said = readLeaderElection(flags, "metallb-system");
    assert.ok(typeof said === "string", "accepted");
    assert.match(said, pattern);
  });
}

Deno.test("the pages, --help and the manifest tell one time of the fast profile, and it is enough", async () => {
  const root = new URL("../../", import.meta.url);
  const told: string[] = [];
  for (
    const file of [
      "README.md",
      "docs/operation.md",
      "docs/compatibility.md",
      "deploy/metallb-compatible.yaml",
      "deploy/chart/herald/values.yaml",
      "lib/cli/run_flags.ts",
    ]
  ) {
    const text = (await Deno.readTextFile(new URL(file, root))).replaceAll(/\s*\n[ #]*/g, " ");
    for (const [, before, after] of text.matchAll(BESIDE_FAST)) told.push(`${before ?? after} s`);
  }
  assert.ok(told.length >= 3, `${told}`);
  assert.deepEqual([...new Set(told)], ["3 s"]);
  const times = readLeaderElection({ leaderElectProfile: "fast" }, "metallb-system");
  assert.ok(typeof times === "object");
  // A standby looks each 2.2 retry periods at the latest.
  assert.ok(times.durationMs + 2.2 * times.retryPeriodMs <= 3_000);
});
