import assert from "node:assert/strict";
import { problemsOf } from "../../lib/status/check.ts";
import type {
  ControllerStatus,
  PeerStatus,
  ProcessStatus,
  SpeakerStatus,
} from "../../lib/status/types.ts";
import { PROCESS_STATUS } from "../support/status.ts";

const IP = "10.0.0.1";

function controller(part: Partial<ControllerStatus> = {}): ProcessStatus {
  const lead = { role: "leader", leader: "c-1" } as const;
  return { ...PROCESS_STATUS, controller: { lead, pools: [], services: [], ...part } };
}

function speaker(node: string, part: Partial<SpeakerStatus> = {}): ProcessStatus {
  return {
    ...PROCESS_STATUS,
    speaker: { node, backend: "socket", interfaces: [], addresses: [], ...part },
  };
}

function address(announcing: boolean): SpeakerStatus["addresses"][number] {
  return { ip: IP, services: ["default/web"], announcing, reason: "no endpoint is ready" };
}

const PEER: PeerStatus = {
  peer: "10.0.0.9:179",
  asn: 64501,
  state: "Established",
  establishedAt: undefined,
  localAddress: undefined,
  routerId: undefined,
  peerRouterId: undefined,
  holdTimeMs: undefined,
  families: [],
  lastError: undefined,
  lastNotificationSent: undefined,
  lastNotificationReceived: undefined,
  prefixesSent: 0,
  prefixesPending: 0,
  prefixesReceived: 0,
  messagesSent: 0,
  messagesReceived: 0,
  nextAttemptInMs: undefined,
  bfd: "Up",
};
const STANDBY = { lead: { role: "standby", leader: "c-1" } } as const;
const GOOD = [
  controller({ services: [{ service: "default/web", ips: [IP], pool: "p" }] }),
  controller(STANDBY),
  speaker("n1", { addresses: [address(true)], peers: [PEER] }),
  speaker("n2", {
    addresses: [address(false)],
    members: [{ node: "n1", address: "", state: "up" }],
  }),
];

Deno.test("problemsOf() finds nothing where all is well, whether it sees all or one", () => {
  assert.deepEqual(problemsOf(GOOD, true), []);
  for (const one of GOOD) assert.deepEqual(problemsOf([one], false), []);
});

Deno.test("first use P8: problemsOf() tells each thing that is wrong, once", () => {
  const reason = "pool is full";
  const cases: readonly (readonly [ProcessStatus, RegExp])[] = [
    [
      { ...controller(), notReady: ["no configuration"] },
      /^the leading controller is not ready: no/,
    ],
    [
      { ...speaker("n3"), unhealthy: ["a thread hangs"] },
      /^the speaker of n3 should be restarted: a/,
    ],
    [
      { ...controller(), config: { ...PROCESS_STATUS.config, state: "stale", reason: "line 3" } },
      /^the leading controller works by an old configuration: line 3$/,
    ],
    [
      controller({ services: [{ service: "default/db", ips: [], reason }] }),
      /^Service default\/db has no address: pool is full$/,
    ],
    [
      controller({ services: [{ service: "default/db", ips: [IP], reason }] }),
      /^Service default\/db has not all addresses that it wants: pool is full$/,
    ],
    [
      speaker("n3", { conflicts: [{ ip: IP, mac: "02:00" }] }),
      /^another host answers for 10\.0\.0\.1/,
    ],
    [
      speaker("n3", { members: [{ node: "n9", address: "", state: "gone" }] }),
      /^n3 does not hear the speaker of n9$/,
    ],
    [
      speaker("n3", { peers: [{ ...PEER, state: "Idle", lastError: "refused" }] }),
      /^the BGP session from n3 to 10\.0\.0\.9:179 is Idle: refused$/,
    ],
    [
      speaker("n3", { peers: [{ ...PEER, bfd: "Down" }] }),
      /^BFD from n3 to 10\.0\.0\.9:179 is Down$/,
    ],
  ];
  for (const [bad, told] of cases) {
    const found = problemsOf([...GOOD, bad, bad], true);
    assert.equal(found.length, 1, found.join("; "));
    assert.match(found[0] ?? "", told);
  }
});

Deno.test("problemsOf() tells of an address that two announce by layer 2, and not of one that BGP routes to both", () => {
  const by = (node: string, owner: string | undefined) =>
    speaker(node, { addresses: [{ ...address(true), owner }] });
  assert.deepEqual(problemsOf([by("n1", "n1"), by("n2", "n2"), by("n3", "n1")], false), [
    "n1 and n2 announce 10.0.0.1 of default/web at once: right only while one hands it over to the other",
  ]);
  assert.deepEqual(problemsOf([by("n1", undefined), by("n2", undefined)], false), []);
  assert.deepEqual(
    problemsOf([by("n1", "n1"), by("n1", "n1")], false),
    [],
    "one role, twice asked",
  );
});

Deno.test("problemsOf() knows what else may be said of a speaker that is gone", () => {
  const members = [{ node: "n9", address: "", state: "gone, stale view" }];
  assert.deepEqual(problemsOf([speaker("n3", { members })], false), [
    "n3 does not hear the speaker of n9",
    "the speaker of n9 sees nothing new of the cluster",
  ]);
});

Deno.test("problemsOf() tells what nobody does only where it sees all", () => {
  const [led, standby = controller(STANDBY), one = speaker("n1"), two = speaker("n2")] = GOOD;
  assert.deepEqual(problemsOf([standby, one, two], true), [
    "no controller leads: Services wait for their addresses",
  ]);
  assert.deepEqual(problemsOf([one, two], true), [
    "no controller runs: no Service is given an address",
  ]);
  assert.deepEqual(problemsOf([led ?? standby], true), [
    "no speaker runs: no address is announced",
  ]);
  assert.deepEqual(problemsOf([led ?? standby, two], true), [
    "nobody announces 10.0.0.1 of default/web: no endpoint is ready",
  ]);
  assert.deepEqual(problemsOf([two], false), []);
  assert.deepEqual(problemsOf([controller({ lead: { role: "standby" } })], false), [
    "no controller leads: Services wait for their addresses",
  ]);
});
