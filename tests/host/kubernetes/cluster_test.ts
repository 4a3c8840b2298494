import assert from "node:assert/strict";
import { systemClock } from "../../../lib/host/process/clock.ts";
import { openKubeCluster } from "../../../lib/host/kubernetes/cluster.ts";
import { serviceKey } from "../../../lib/model/facts.ts";
import { EVENT } from "../../../lib/model/names.ts";
import { recordedLog } from "../../support/log.ts";
import {
  fedWatch,
  json,
  service,
  serviceList,
  startMockApi,
  until,
} from "../../support/mock_api.ts";

Deno.test("openKubeCluster() watches, writes and publishes by a kubeconfig", async () => {
  const api = startMockApi((url, { method }) =>
    method === "GET"
      ? url.searchParams.has("watch")
        ? fedWatch().response
        : serviceList([service("web", "1")], "5")
      : json(service("web", "6"))
  );
  const kubeconfig = await Deno.makeTempFile();
  await Deno.writeTextFile(
    kubeconfig,
    JSON.stringify({
      clusters: [{ name: "c", cluster: { server: api.url } }],
      users: [{ name: "u", user: { token: "from-file" } }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
      "current-context": "x",
    }),
  );
  const stop = new AbortController();
  const cluster = await openKubeCluster(
    { kubeconfig, namespace: "metallb-system" },
    { clock: systemClock, log: recordedLog() },
    stop.signal,
    () => undefined,
  );
  assert.equal(cluster.description, api.url);
  const watched = cluster.watch<string>(
    { kind: "Service", read: () => "read", onChange: () => {} },
    stop.signal,
  );
  await until("the watch", () => api.requests.length === 2);
  assert.deepEqual([...watched.items], [["default/web", "read"]]);
  const written = await cluster.writeStatus({
    service: {
      key: serviceKey("default", "web"),
      namespace: "default",
      name: "web",
      uid: "uid-web",
      resourceVersion: "1",
    },
    ips: [],
    pool: undefined,
  }, stop.signal);
  assert.deepEqual(written, { kind: "written", resourceVersion: "6" });
  await cluster.publishEvent({
    about: { kind: "ConfigMap", namespace: "metallb-system", name: "config", uid: "uid-config" },
    type: "Warning",
    reason: EVENT.configRejected,
    message: "no",
    component: "metallb-controller",
  }, stop.signal);
  await until("the event", () => api.requests.length === 4);
  assert.equal(api.requests[3], "POST /api/v1/namespaces/metallb-system/events");
  assert.deepEqual(new Set(api.authorizations), new Set(["Bearer from-file"]));
  stop.abort();
  await watched.done;
  await api.close();
  await Deno.remove(kubeconfig);
});

Deno.test("openKubeCluster() fails at once where no credentials are", async () => {
  const { signal } = new AbortController();
  const nothing = openKubeCluster(
    { kubeconfig: undefined, namespace: "metallb-system" },
    { clock: systemClock, log: recordedLog() },
    signal,
    () => undefined,
  );
  await assert.rejects(nothing, /Found no way to a Kubernetes API server/);
});
