import assert from "node:assert/strict";
import { askSpeakers } from "../../../lib/host/inspect/speakers.ts";
import { closedPages } from "../../../lib/host/inspect/processes.ts";
import { serveHttp } from "../../../lib/host/http/server.ts";
import { SILENT_LOG } from "../../support/log.ts";
import { createMetrics } from "../../../lib/host/metrics/metrics.ts";
import type { ProcessStatus } from "../../../lib/status/types.ts";
import { withKubeconfig } from "../../support/kubeconfig.ts";
import { startMockApi } from "../../support/mock_api.ts";
import { PROCESS_STATUS } from "../../support/status.ts";
import { waitFor } from "../../support/wait.ts";

/** Each run of this test has addresses of its own. */
const NETWORK = `127.${1 + (Deno.pid >> 8) % 250}.${Deno.pid & 255}`;
const HERE = `${NETWORK}.1`;
const ELSEWHERE = `${NETWORK}.2`;

function status(node: string, objects: string): ProcessStatus {
  return {
    ...PROCESS_STATUS,
    pid: Deno.pid,
    role: "speaker",
    objects,
    speaker: { node, backend: "socket", interfaces: [], addresses: [] },
  };
}

/** A speaker's pages, on its socket file and on a host's port. */
async function withPages(
  host: string,
  port: number,
  answer: ProcessStatus,
  use: () => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const { registry } = createMetrics();
  const served = serveHttp(
    { host, port, status: () => answer, unhealthy: () => [], registry, log: SILENT_LOG },
    stop.signal,
  );
  try {
    await waitFor(
      "the socket file",
      () => Deno.stat(`/run/herald/${Deno.pid}.sock`).then(() => true),
    );
    await use();
  } finally {
    stop.abort();
    await served;
  }
}

const inStore = {
  store: "/srv/lb",
  kubeconfig: undefined,
  namespace: "x",
  config: undefined,
  lbClass: undefined,
};

Deno.test("askSpeakers() asks this machine's speakers that work from the same objects", async () => {
  await withPages("127.0.0.1", 0, status("node1", "/srv/lb"), async () => {
    const { answers } = await askSpeakers(inStore, "/srv/lb");
    assert.deepEqual([...answers.keys()], ["node1"]);
    assert.equal((await askSpeakers(inStore, "/srv/other")).answers.size, 0);
  });
});

function pod(node: string, ip: string | undefined, ready = true, ports: readonly unknown[] = []) {
  return {
    metadata: { name: `speaker-${node}`, namespace: "metallb-system" },
    spec: { nodeName: node, containers: [{ name: "speaker", ports }] },
    status: { podIP: ip, conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
  };
}

/** One that the kubelet probes by TLS. */
function closed(node: string, ip: string) {
  const { spec, ...rest } = pod(node, ip);
  const readinessProbe = { httpGet: { port: "monitoring", scheme: "HTTPS" } };
  return { ...rest, spec: { ...spec, containers: [{ name: "speaker", readinessProbe }] } };
}

Deno.test("askSpeakers() asks the pods of a cluster, and names those that do not answer", async () => {
  const pods = [
    pod("node1", HERE, true, [{ name: "monitoring", containerPort: 9120 }]),
    pod("node2", ELSEWHERE),
    pod("node3", undefined, false),
    closed("node4", ELSEWHERE),
  ];
  const asked: string[] = [];
  const api = startMockApi((url) => {
    asked.push(`${url.pathname} ${url.searchParams.get("labelSelector")}`);
    return Response.json({
      kind: "PodList",
      apiVersion: "v1",
      metadata: { resourceVersion: "1" },
      items: pods,
    });
  });
  try {
    await withKubeconfig(
      api.url,
      (kubeconfig) =>
        withPages(HERE, 9120, status("node1", "another cluster"), async () => {
          const options = { ...inStore, store: undefined, kubeconfig, namespace: "metallb-system" };
          const { answers, silent, ready, problem } = await askSpeakers(options, api.url);
          assert.deepEqual([...answers.keys()], ["node1"]);
          assert.deepEqual(silent, [
            { node: "node2", why: `no answer at ${ELSEWHERE}:7472` },
            { node: "node3", why: "its pod metallb-system/speaker-node3 has no address" },
            { node: "node4", why: closedPages("metallb-system/speaker-node4") },
          ]);
          assert.deepEqual([...ready ?? []], ["node1", "node2", "node4"]);
          assert.equal(problem, undefined);
          assert.equal(
            asked[0],
            "/api/v1/namespaces/metallb-system/pods app=metallb,component=speaker",
          );
        }),
    );
  } finally {
    await api.close();
  }
});

Deno.test("askSpeakers() says why when pods cannot be listed", async () => {
  const api = startMockApi(() =>
    Response.json({ kind: "Status", message: "pods is forbidden" }, { status: 403 })
  );
  try {
    await withKubeconfig(api.url, async (kubeconfig) => {
      const options = { ...inStore, store: undefined, kubeconfig, namespace: "metallb-system" };
      const { answers, problem } = await askSpeakers(options, api.url);
      assert.equal(answers.size, 0);
      assert.match(problem ?? "", /^the Pods did not come: .*403.*pods is forbidden/);
    });
  } finally {
    await api.close();
  }
});
