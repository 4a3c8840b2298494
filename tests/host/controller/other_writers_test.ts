import assert from "node:assert/strict";
import { EVENT } from "../../../lib/model/names.ts";
import { objectOr } from "../../../lib/model/json.ts";
import { type FaultyApi, startFaultyApi } from "../../support/faulty_api.ts";
import {
  addressOf,
  askAddress,
  CONFIG,
  configMap,
  ONE_POOL,
  playController,
  servicePath,
  statusWriters,
} from "../../support/faulty_controllers.ts";
import { until } from "../../support/mock_api.ts";
import { pause } from "../../support/wait.ts";

const EVENTS = "/api/v1/events";

/** What the events of this reason say. */
function told(api: FaultyApi, reason: string): readonly string[] {
  return api.list(EVENTS).filter((event) => event.reason === reason)
    .map(({ message }) => String(message));
}

/** Shows these addresses as another program's field manager writes them. */
function overwrite(api: FaultyApi, name: string, ip: string, manager: string): void {
  const service = objectOr(api.get(servicePath(name)));
  const entry = {
    manager,
    operation: "Update",
    subresource: "status",
    time: new Date(Date.now() + 1_000).toISOString().replace(/\.\d+/, ""),
    fieldsV1: { "f:status": { "f:loadBalancer": { "f:ingress": {} } } },
  };
  api.put(servicePath(name), {
    ...service,
    metadata: { ...objectOr(service.metadata), managedFields: [entry] },
    status: { loadBalancer: { ingress: [{ ip }] } },
  });
}

Deno.test("field d07: a fight over a status slows down, and its other writer is named with what to do", async () => {
  await using api = startFaultyApi();
  api.put(CONFIG, configMap(ONE_POOL));
  let fights = true;
  api.fault(({ method, path }, next) => {
    if (method === "GET" || !path.endsWith("/web/status")) return undefined;
    const answer = next();
    queueMicrotask(() => fights && overwrite(api, "web", "192.168.0.5", "servicelb"));
    return answer;
  });
  await using controller = await playController(api, "A");
  askAddress(api, "web");
  await until("the event", () => told(api, EVENT.statusContested).length > 0);
  await pause(1_000);
  const writes = statusWriters(api).filter((client) => client === "A").length;
  assert.ok(writes >= 3 && writes <= 10, `${writes} writes`);
  const [message, ...others] = told(api, EVENT.statusContested);
  assert.deepEqual(others, []);
  assert.match(message ?? "", /^The field manager "servicelb" writes .* end that writer/);
  const warned = controller.log.lines.filter(({ msg }) => msg.startsWith("another writer"));
  assert.deepEqual(warned.map(({ fields }) => objectOr(fields).manager), ["servicelb"]);
  assert.match(await controller.metrics.registry.metrics(), /^herald_\w*restored\w* [1-9]/m);
  fights = false;
  await until("the end of the fight", () => addressOf(api, "web").startsWith("10.77.1."));
});

Deno.test("field d10: an address in the status of a Service of another class is given to nobody, and told", async () => {
  await using api = startFaultyApi();
  api.put(CONFIG, configMap(ONE_POOL));
  askAddress(api, "theirs");
  const { metadata, spec } = objectOr(api.get(servicePath("theirs")));
  api.put(servicePath("theirs"), {
    metadata,
    spec: { ...objectOr(spec), loadBalancerClass: "other.example.com/lb" },
    status: { loadBalancer: { ingress: [{ ip: "10.77.1.10" }] } },
  });
  await using _controller = await playController(api, "A");
  askAddress(api, "mine");
  await until("an address", () => addressOf(api, "mine") !== "");
  assert.deepEqual([addressOf(api, "mine"), addressOf(api, "theirs")], [
    "10.77.1.11",
    "10.77.1.10",
  ]);
  await until("the event", () => told(api, EVENT.otherClass).length > 0);
  assert.equal(statusWriters(api).length, 1, "nobody writes to theirs");
});
