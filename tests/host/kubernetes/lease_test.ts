import assert from "node:assert/strict";
import { systemClock } from "../../../lib/host/process/clock.ts";
import type { Candidacy, Lead, LeaderElection } from "../../../lib/host/cluster/cluster.ts";
import { standForLease } from "../../../lib/host/kubernetes/lease.ts";
import { objectOr, textOf } from "../../../lib/model/json.ts";
import { type RecordedLog, recordedLog } from "../../support/log.ts";
import {
  type Answer,
  fedWatch,
  json,
  mockClient,
  startMockApi,
  status,
  until,
} from "../../support/mock_api.ts";

const LEASES = "/apis/coordination.k8s.io/v1/namespaces/metallb-system/leases";
/** Quick, and with room: nothing here waits for a request. */
const TIMES = { durationMs: 1_000, renewDeadlineMs: 700, retryPeriodMs: 60 };
const ELECTION: LeaderElection = {
  namespace: "metallb-system",
  name: "herald-controller",
  ...TIMES,
};

interface LeaseObject {
  readonly spec: Readonly<Record<string, unknown>>;
  readonly metadata: { readonly resourceVersion: string };
}

/** An API server that keeps one Lease, with optimistic locking and watches. */
interface LeaseServer {
  readonly lease: LeaseObject | undefined;
  /** Answers in its place, where it gives something. */
  ahead: (url: URL, request: Request) => Promise<Response | undefined> | Response | undefined;
  /** Puts a record in place, as another client would; undefined deletes. */
  put(spec: LeaseObject["spec"] | undefined): void;
  readonly answer: Answer;
}

function leaseServer(): LeaseServer {
  let version = 0;
  let lease: LeaseObject | undefined;
  const watches = new Set<ReturnType<typeof fedWatch>>();
  const whole = () => ({ kind: "Lease", ...lease });
  const server: LeaseServer = {
    ahead: () => undefined,
    get lease() {
      return lease;
    },
    put(spec) {
      lease = spec && { spec, metadata: { resourceVersion: String(++version) } };
      for (const watch of watches) watch.send("MODIFIED", whole());
    },
    async answer(url, request) {
      const given = await server.ahead(url, request);
      if (given !== undefined) return given;
      if (url.searchParams.has("watch")) {
        const watch = fedWatch(() => watches.delete(watch));
        watches.add(watch);
        return watch.response;
      }
      if (request.method === "GET") return lease ? json(whole()) : status(404, "not found");
      const body = objectOr(await request.json());
      const base = textOf(objectOr(body.metadata).resourceVersion);
      if (base !== lease?.metadata.resourceVersion) return status(409, "has been modified");
      server.put(objectOr(body.spec));
      return json(whole());
    },
  };
  return server;
}

interface Candidate {
  readonly candidacy: Candidacy;
  readonly leads: Lead[];
  readonly log: RecordedLog;
  readonly stop: AbortController;
}

async function withServer(
  use: (
    server: LeaseServer,
    join: (identity: string) => Promise<Candidate>,
    requests: readonly string[],
  ) => Promise<void>,
): Promise<void> {
  const server = leaseServer();
  const api = startMockApi(server.answer);
  const candidates: Candidate[] = [];
  try {
    await use(server, async (identity) => {
      const stop = new AbortController();
      const log = recordedLog();
      const client = await mockClient(api.url, stop.signal);
      const leads: Lead[] = [];
      const host = {
        client,
        clock: systemClock,
        log,
        identity,
        wallMs: () => 0,
        pausedMs: () => 0,
      };
      const candidacy = standForLease(host, ELECTION, {
        onChange: (lead) => void leads.push(lead),
        nothingGiven: () => true,
      }, stop.signal);
      const candidate = { candidacy, leads, log, stop };
      candidates.push(candidate);
      return candidate;
    }, api.requests);
  } finally {
    for (const { candidacy, stop } of candidates) {
      stop.abort();
      await candidacy.done;
    }
    await api.close();
  }
}

function leads({ candidacy: { lead } }: Candidate): boolean {
  return lead.kind === "leader" && lead.permit.mayBegin();
}

Deno.test("standForLease() leads where nobody does, and renews", async () => {
  await withServer(async (server, join, requests) => {
    const one = await join("one");
    await until("the lead", () => leads(one));
    assert.deepEqual(requests.slice(0, 2), [
      `GET ${LEASES}/herald-controller`,
      `POST ${LEASES}`,
    ]);
    assert.deepEqual(server.lease?.spec, {
      holderIdentity: "one",
      leaseDurationSeconds: 1,
      acquireTime: "1970-01-01T00:00:00.000000Z",
      renewTime: "1970-01-01T00:00:00.000000Z",
      leaseTransitions: 0,
    });
    await until("a renewal", () => requests.includes(`PUT ${LEASES}/herald-controller`));
  });
});

Deno.test("fault 24: who wins the lease is never told to stand by for itself", async () => {
  await withServer(async (_server, join) => {
    const one = await join("one");
    await until("the lead", () => leads(one));
    const own = one.leads.filter((lead) => lead.kind === "standby" && lead.leader === "one");
    assert.deepEqual(own, []);
  });
});

Deno.test("standForLease() stands by while another leads, knows who, and takes over when that one is gone", async () => {
  await withServer(async (_server, join) => {
    const one = await join("one");
    await until("the lead", () => leads(one));
    const two = await join("two");
    await until("the other's name", () => {
      const { lead } = two.candidacy;
      return lead.kind === "standby" && lead.leader === "one";
    });
    one.stop.abort();
    await until("the takeover", () => leads(two));
    assert.ok(!leads(one));
  });
});

Deno.test("release() gives the lead to the one that watches, without any wait for a lease", async () => {
  await withServer(async (server, join, requests) => {
    const one = await join("one");
    await until("the lead", () => leads(one));
    const permit = one.candidacy.lead.kind === "leader" && one.candidacy.lead.permit;
    const two = await join("two");
    await until("a watch", () => requests.some((request) => request.includes("watch=true")));
    await one.candidacy.release();
    assert.ok(permit && !permit.mayBegin(), "it writes after the release");
    assert.equal(one.candidacy.lead.kind, "standby");
    await until("the other one", () => leads(two));
    // The first holder's time would still run: nobody waited for it.
    assert.equal(server.lease?.spec.leaseTransitions, 1);
    await one.candidacy.release();
  });
});

Deno.test("standForLease() stops when it cannot renew, and leads again afterwards with another permit", async () => {
  await withServer(async (server, join) => {
    const one = await join("one");
    await until("the lead", () => leads(one));
    const { lead } = one.candidacy;
    const permit = lead.kind === "leader" ? lead.permit : undefined;
    server.ahead = () => status(503, "away");
    await until("the end of the lead", () => one.candidacy.lead.kind === "standby");
    assert.equal(permit?.mayBegin(), false);
    assert.ok(one.log.lines.some(({ fields }) => /could not be renewed/.test(`${fields.reason}`)));
    assert.equal(one.log.lines.filter(({ msg }) => msg.includes("trying again")).length, 1);
    server.ahead = () => undefined;
    await until("the lead again", () => leads(one));
    assert.equal(permit?.mayBegin(), false, "what was asked for in the first term");
    assert.equal(server.lease?.spec.leaseTransitions, 0);
  });
});

Deno.test("standForLease() stops at once when another stands in the lease", async () => {
  await withServer(async (server, join) => {
    const one = await join("one");
    await until("the lead", () => leads(one));
    server.put({ holderIdentity: "usurper", leaseDurationSeconds: 1000 });
    await until("the end of the lead", () => one.candidacy.lead.kind === "standby");
    const { lead } = one.candidacy;
    assert.equal(lead.kind === "standby" && lead.leader, "usurper");
  });
});

Deno.test("standForLease() makes a deleted lease anew", async () => {
  await withServer(async (server, join) => {
    const one = await join("one");
    await until("the lead", () => leads(one));
    server.put(undefined);
    await until("the lease", () => server.lease?.spec.holderIdentity === "one");
    assert.ok(leads(one));
    assert.equal(one.leads.filter(({ kind }) => kind === "leader").length, 1);
  });
});

const FORBIDDEN =
  'leases.coordination.k8s.io "herald-controller" is forbidden: User "system:serviceaccount:' +
  'metallb-system:controller" cannot VERB resource "leases" in API group "coordination.k8s.io"';

for (const [verb, method] of [["get", "GET"], ["create", "POST"]] as const) {
  Deno.test(`fault 3: standForLease() goes on alone where ${verb} is not granted for long, says so once, and asks on`, async () => {
    await withServer(async (server, join, requests) => {
      server.ahead = (_url, request) =>
        request.method === method
          ? status(403, FORBIDDEN.replace("VERB", verb))
          : status(404, "not found");
      const one = await join("one");
      await until("a refusal", () => requests.length > 2);
      assert.deepEqual(one.leads, [], "a refusal may pass");
      await until("alone", () => one.candidacy.lead.kind === "alone");
      const lead: Lead = one.candidacy.lead;
      assert.ok(lead.kind === "alone" && lead.permit.mayBegin());
      const asked = requests.length;
      await until("more", () => requests.length > asked);
      assert.deepEqual(
        one.log.messages("warn").map((msg) => msg.includes("run one controller only")),
        [false, true],
      );
      server.ahead = () => undefined;
      await until("the lead by election", () => leads(one));
      assert.ok(!lead.permit.mayBegin(), "what was allowed without election");
      const kinds = new Set(one.leads.map(({ kind }) => kind));
      assert.deepEqual([...kinds], ["alone", "standby", "leader"]);
    });
  });
}

Deno.test("standForLease() never goes on alone where a lease was read once, nor for another kind of refusal", async () => {
  await withServer(async (server, join) => {
    server.put({ holderIdentity: "", leaseDurationSeconds: 1 });
    server.ahead = (_url, request) =>
      request.method === "PUT" ? status(403, FORBIDDEN.replace("VERB", "update")) : undefined;
    const one = await join("one");
    await until("a complaint", () => one.log.lines.some(({ level }) => level === "warn"));
    assert.equal(one.candidacy.lead.kind, "standby");
  });
  await withServer(async (server, join) => {
    server.ahead = (_url, request) =>
      request.method === "POST" ? status(403, "exceeded quota") : undefined;
    const one = await join("one");
    await until("a complaint", () => one.log.lines.some(({ level }) => level === "warn"));
    assert.equal(one.candidacy.lead.kind, "standby");
  });
});

Deno.test("standForLease() asks past all requests that wait for a place", async () => {
  const server = leaseServer();
  const open = Promise.withResolvers<void>();
  server.ahead = async (url) => {
    if (!url.pathname.endsWith("/services")) return undefined;
    await open.promise;
    return json({ kind: "ServiceList" });
  };
  const api = startMockApi(server.answer);
  const stop = new AbortController();
  const client = await mockClient(api.url, stop.signal);
  const list = { operation: "list", method: "GET", path: "/api/v1/services" } as const;
  const burst = Array.from({ length: 80 }, () => client.request(list, stop.signal));
  const host = {
    client,
    clock: systemClock,
    log: recordedLog(),
    identity: "x",
    wallMs: () => 0,
    pausedMs: () => 0,
  };
  const candidacy = standForLease(
    host,
    ELECTION,
    { onChange: () => {}, nothingGiven: () => true },
    stop.signal,
  );
  await until("the lead", () => candidacy.lead.kind === "leader");
  open.resolve();
  await Promise.all(burst);
  stop.abort();
  await candidacy.done;
  await api.close();
});
