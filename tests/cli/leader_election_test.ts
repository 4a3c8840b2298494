import assert from "node:assert/strict";
import { type ElectionFlags, readLeaderElection } from "../../lib/cli/leader_election.ts";

const DEFAULT = {
  namespace: "metallb-system",
  name: "herald-controller",
  durationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryPeriodMs: 2_000,
};

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
