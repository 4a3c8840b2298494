import assert from "node:assert/strict";
import { HURRIED_CLOCK } from "../../support/clock.ts";
import { type ApiRequest, type FaultyApi, startFaultyApi } from "../../support/faulty_api.ts";
import {
  addressOf,
  askAddress,
  CONFIG,
  configMap,
  LEASE,
  playController,
  SYSTEM,
} from "../../support/faulty_controllers.ts";
import { status, until } from "../../support/mock_api.ts";

const NOTE = `${SYSTEM}/configmaps/herald-sticky-addresses`;
const SECRET = `${SYSTEM}/secrets/memberlist`;
const EVERYTHING = `address-pools:
- name: shop
  protocol: layer2
  addresses: [10.77.3.10-10.77.3.19]
  sticky-time: 1h
  service-allocation: { namespace-selectors: [{ match-labels: { team: shop } }] }
`;
/** Each is refused so often, and answered from then on. */
const TIMES = 2;
const CODES: readonly number[] = [401, 403, 404, 429, 500];

/** What is asked for, whatever its name is where there are many. */
function askedFor({ method, path, watch }: ApiRequest): string {
  const what = path.replace(/\/services\/[^/]+/, "/services/NAME").replace(
    /\/events\/.*/,
    "/events/NAME",
  );
  return `${watch ? "WATCH" : method} ${what}`;
}

/** A controller that does all that it ever does, and comes to the end of it. */
async function playAll(api: FaultyApi): Promise<void> {
  api.put("/api/v1/namespaces/default", { metadata: { labels: { team: "shop" } } });
  api.put("/apis/apps/v1/namespaces/metallb-system/deployments/controller", {});
  api.put(CONFIG, configMap(EVERYTHING));
  const gossipSecret = {
    namespace: "metallb-system",
    name: "memberlist",
    deployment: "controller",
  };
  const options = { gossipSecret };
  await using one = await playController(api, "A", { clock: HURRIED_CLOCK, options });
  await until(
    "a lead by the Lease",
    () => one.role.controller?.().lead?.role === "leader" && api.get(LEASE) !== undefined,
  );
  // An event is not sent again where it is refused; that of the last one comes.
  const names = ["web", "other", "last"];
  for (const name of names) askAddress(api, name);
  await until("all addresses", () => names.every((name) => addressOf(api, name) !== ""));
  await until("an event", () => api.list("/api/v1/events").length > 0);
  await until("the gossip key", () => api.get(SECRET) !== undefined);
  api.remove("/api/v1/namespaces/default/services/web");
  await until("a note", () => api.get(NOTE) !== undefined);
  await until("readiness", () => one.role.notReady().length === 0);
}

Deno.test("fault 3: whatever a controller asks for may be refused for a time, by whatever code, and is had afterwards", async () => {
  const asked = new Set<string>();
  {
    await using api = startFaultyApi();
    await playAll(api);
    for (const request of api.requests) asked.add(askedFor(request));
  }
  assert.ok(asked.size >= 12, `it asks for ${[...asked]}`);
  const lost: string[] = [];
  for (const what of asked) {
    await Promise.all(CODES.map(async (code) => {
      await using api = startFaultyApi();
      let left = TIMES;
      api.fault((request) =>
        askedFor(request) === what && left-- > 0
          ? status(code, `refused: User "c" cannot do that to the resource`)
          : undefined
      );
      await playAll(api).catch((error) => lost.push(`${code} at ${what}: ${error.message}`));
    }));
  }
  assert.deepEqual(lost, []);
});
