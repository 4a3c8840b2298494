import assert from "node:assert/strict";
import type { ProcessStatus } from "../../lib/status/types.ts";
import { type ControlPlane, startControlPlane } from "../support/control_plane.ts";
import type { RunningProcess } from "../support/process.ts";
import { waitFor } from "../support/wait.ts";
import {
  controllerReady,
  freePort,
  prepareController,
  startController,
} from "./controller_process.ts";

const CONFIG = "address-pools: [{name: default, protocol: layer2, addresses: [10.78.0.0/20]}]";
const SERVICES = "/api/v1/namespaces/default/services";
const FAST = "--leader-elect-profile=fast";
/** What the fast profile promises after a crash. */
const TAKEOVER_MS = 3_000;

/** A controller that may lead. */
interface Candidate {
  readonly port: number;
  readonly process: RunningProcess;
}

interface Play extends AsyncDisposable {
  readonly kube: ControlPlane;
  readonly candidates: readonly Candidate[];
  /** Waits until one leads and the other, where it still runs, stands by. */
  leader(among?: readonly Candidate[]): Promise<Candidate>;
}

/** An API server with two controllers, started at once and ready. */
async function twoControllers(...flags: string[]): Promise<Play> {
  await using unfinished = new AsyncDisposableStack();
  const kube = unfinished.use(await startControlPlane());
  const kit = await prepareController(kube, CONFIG);
  const candidates = Array.from({ length: 2 }, (): Candidate => {
    const port = freePort();
    return { port, process: unfinished.use(startController(kit, port, ...flags)) };
  });
  for (const { port } of candidates) await controllerReady(port);
  const finished = unfinished.move();
  return {
    kube,
    candidates,
    leader: (among = candidates) =>
      waitFor("one leader", async () => {
        const leads = await Promise.all(among.map(async ({ port }) => await leadOf(port)));
        const leading = among.filter((_, index) => leads[index]?.role === "leader");
        const known = new Set(leads.map((lead) => lead?.leader));
        return leading.length === 1 && known.size === 1 && leading[0];
      }, { timeoutMs: 40_000 }),
    [Symbol.asyncDispose]: () => finished.disposeAsync(),
  };
}

async function statusOf(port: number): Promise<ProcessStatus> {
  return await (await fetch(`http://127.0.0.1:${port}/status`)).json();
}

async function leadOf(port: number): Promise<NonNullable<ProcessStatus["controller"]>["lead"]> {
  return (await statusOf(port)).controller?.lead;
}

/** The sum of a metric over its labels that match. */
async function metric(port: number, name: string, labels = ""): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return text.split("\n").filter((line) => line.startsWith(name) && line.includes(labels))
    .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

const writes = (port: number, outcome: string) =>
  metric(port, "herald_status_writes_total", `outcome="${outcome}"`);

interface ServiceList {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly resourceVersion: string };
    readonly status: {
      readonly loadBalancer: { readonly ingress?: readonly { readonly ip: string }[] };
    };
  }[];
}

/** The address of each Service; those without one have the empty text. */
async function addresses(kube: ControlPlane): Promise<Map<string, string>> {
  const list = await kube.request("GET", SERVICES) as ServiceList;
  return new Map(
    list.items.filter(({ metadata }) => metadata.name !== "kubernetes").map((
      { metadata, status },
    ) => [metadata.name, status.loadBalancer.ingress?.[0]?.ip ?? ""]),
  );
}

function versions({ items }: ServiceList): Record<string, string> {
  return Object.fromEntries(
    items.map(({ metadata }) => [metadata.name, metadata.resourceVersion]),
  );
}

async function create(kube: ControlPlane, ...names: string[]): Promise<void> {
  const queue = [...names];
  await Promise.all(Array.from({ length: 20 }, async () => {
    for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
      const spec = {
        type: "LoadBalancer",
        allocateLoadBalancerNodePorts: false,
        ports: [{ port: 80, protocol: "TCP" }],
      };
      const metadata = { name, namespace: "default" };
      await kube.request("POST", SERVICES, { apiVersion: "v1", kind: "Service", metadata, spec });
    }
  }));
}

/** Waits until so many Services have an address each, none twice. */
async function allServed(kube: ControlPlane, count: number, timeoutMs = 60_000): Promise<void> {
  await waitFor(`${count} addresses`, async () => {
    const given = [...(await addresses(kube)).values()].filter((ip) => ip !== "");
    return given.length === count;
  }, { timeoutMs, everyMs: 100 });
  const given = [...(await addresses(kube)).values()];
  assert.equal(new Set(given).size, given.length, "an address stands twice");
}

const names = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

/** Wall-clock milliseconds of the last line with this text, which may be yet to come. */
async function loggedAt({ process }: Candidate, text: string): Promise<number> {
  const line = await waitFor(
    `the line "${text}"`,
    () => process.output().split("\n").findLast((one) => one.includes(text)),
  );
  return Date.parse(JSON.parse(line).time);
}

Deno.test("C2: two controllers at once, 500 Services: no address twice, one writer; stopped, it hands over at once", async () => {
  await using play = await twoControllers();
  const { candidates, kube } = play;
  await create(kube, ...names("s", 500));
  await allServed(kube, 500);
  const leader = await play.leader();
  const standby = candidates.find((one) => one !== leader);
  assert.ok(standby);
  assert.equal(await writes(leader.port, "written"), 500);
  assert.equal(await metric(standby.port, "herald_status_writes_total"), 0);
  assert.equal(await metric(leader.port, "herald_leader "), 1);
  assert.equal(await metric(standby.port, "herald_leader "), 0);
  const page = await (await fetch(`http://127.0.0.1:${standby.port}/`)).text();
  assert.match(page, /this one stands by/);

  assert.equal(await leader.process.end("SIGTERM"), 0, leader.process.output().slice(-2000));
  await create(kube, "next");
  // The lease would run for 15 s more.
  await allServed(kube, 501, 8_000);
  const gapMs = await loggedAt(standby, "leading, this controller") -
    await loggedAt(leader, "the lead is over");
  assert.ok(gapMs < 1_000, `nobody led for ${gapMs} ms after an orderly stop`);
  assert.equal(await writes(standby.port, "written"), 1, "what stood was left alone");
  assert.equal(await metric(standby.port, "herald_leader_transitions_total"), 1);
});

Deno.test("a leader that is killed: the next leads within 3 s by the fast profile, and settles what stands twice", async () => {
  await using play = await twoControllers(FAST);
  const { candidates, kube } = play;
  await create(kube, "older");
  const createdBy = Date.now();
  await allServed(kube, 1);
  const ip = (await addresses(kube)).get("older");
  const leader = await play.leader();
  const standby = candidates.filter((one) => one !== leader);
  // It would take the address away: the standby refuses it as the leader does, and goes on so.
  await kube.request("PATCH", "/api/v1/namespaces/metallb-system/configmaps/config", {
    data: { config: CONFIG.replace("10.78", "10.99") },
  });
  for (const { port } of candidates) {
    await waitFor("a refusal", async () => (await statusOf(port)).config.state === "stale");
  }
  // A creation's time has whole seconds: within one, the UID would say which is older.
  await waitFor("a later second", () => Date.now() >= createdBy + 1_000);
  const killedAt = Date.now();
  await leader.process.end("SIGKILL");
  // As if the dead one had written it, unseen by anybody.
  await create(kube, "younger");
  await kube.request("PATCH", `${SERVICES}/younger/status`, {
    status: { loadBalancer: { ingress: [{ ip }] } },
  });
  const next = await play.leader(standby);
  const tookMs = await loggedAt(next, "leading, this controller") - killedAt;
  assert.ok(tookMs <= TAKEOVER_MS, `nobody led for ${tookMs} ms after a crash`);
  await waitFor("another address", async () => {
    const found = (await addresses(kube)).get("younger");
    return found !== ip && found?.startsWith("10.78.");
  });
  assert.equal((await addresses(kube)).get("older"), ip, "the older keeps it");
  const events = await waitFor("the event", async () => {
    const list = await kube.kubectl(["get", "events", "-n", "default", "-o", "wide"]);
    return list.includes("ClearAssignment") && list;
  });
  assert.match(events, /ClearAssignment.*service\/younger/);
});

Deno.test("C2: a leader that stood still past its lease writes nothing when it goes on", async () => {
  await using play = await twoControllers(FAST);
  const { candidates, kube } = play;
  await create(kube, ...names("before", 20));
  await allServed(kube, 20);
  const paused = await play.leader();
  const standby = candidates.filter((one) => one !== paused);
  const writtenBefore = await writes(paused.port, "written");
  Deno.kill(paused.process.pid, "SIGSTOP");
  try {
    // They come to it before it has seen that it leads no more.
    await create(kube, ...names("during", 100));
    await allServed(kube, 120);
    await play.leader(standby);
  } finally {
    Deno.kill(paused.process.pid, "SIGCONT");
  }
  await create(kube, ...names("after", 20));
  await allServed(kube, 140);
  await waitFor("the end of its lead", () => paused.process.output().includes("the lead is over"));
  assert.equal(await play.leader(), standby[0]);
  assert.equal(await writes(paused.port, "written"), writtenBefore);
  assert.equal(await writes(paused.port, "conflict"), 0, "it did not even try");
  const planned = [...paused.process.output().matchAll(/"service":"default\/(during|after)\d+"/g)];
  assert.deepEqual(planned, [], "it planned for Services that came after its lead");
  await allServed(kube, 140);
});

Deno.test("C2: a leader paused amid its writes sends none of those that waited for their turn", async () => {
  await using kube = await startControlPlane();
  const kit = await prepareController(kube, CONFIG);
  await create(kube, "first");
  await create(kube, ...names("s", 800));
  const port = freePort();
  await using paused = startController(kit, port, FAST);
  await waitFor("the first address", async () => {
    return JSON.stringify(await kube.request("GET", `${SERVICES}/first`)).includes('"ingress"');
  }, { everyMs: 2 });
  Deno.kill(paused.pid, "SIGSTOP");
  const next = freePort();
  await using second = startController(kit, next, FAST);
  try {
    await allServed(kube, 801);
    const before = await kube.request("GET", SERVICES) as ServiceList;
    Deno.kill(paused.pid, "SIGCONT");
    await waitFor("an answer to each of its wishes", async () => {
      return await metric(port, "herald_status_writes_total") === 801;
    });
    const after = await kube.request("GET", SERVICES) as ServiceList;
    assert.deepEqual(versions(after), versions(before), "it wrote after its lead");
    const held = await writes(port, "not-leader");
    assert.ok(held > 0, "nothing was held back");
    // All but those that were on the wire when it was stopped.
    assert.ok(held >= 801 - await writes(port, "written") - 50, `only ${held} were held back`);
    assert.equal((await leadOf(port))?.role, "standby");
    assert.equal((await leadOf(next))?.role, "leader");
  } catch (error) {
    Deno.kill(paused.pid, "SIGCONT");
    throw new Error(second.output().slice(-2000), { cause: error });
  }
});

Deno.test("the API server away for longer than a lease: one leads again, and nothing is lost", async () => {
  await using play = await twoControllers(FAST);
  const { candidates, kube } = play;
  await create(kube, ...names("before", 20));
  await allServed(kube, 20);
  const before = await addresses(kube);
  const leader = await play.leader();
  await kube.stopApiServer();
  await waitFor("the end of the lead", async () => (await leadOf(leader.port))?.role === "standby");
  for (const { port } of candidates) {
    assert.equal(await (await fetch(`http://127.0.0.1:${port}/healthz`)).text(), "ok\n");
  }
  await kube.startApiServer();
  await create(kube, ...names("after", 20));
  await allServed(kube, 40);
  await play.leader();
  const now = await addresses(kube);
  for (const [name, ip] of before) assert.equal(now.get(name), ip);
  for (const { process } of candidates) {
    assert.equal(await process.end("SIGTERM"), 0, process.output().slice(-2000));
  }
});
