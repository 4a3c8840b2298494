import assert from "node:assert/strict";
import { askCluster } from "../../../lib/host/inspect/cluster_roles.ts";
import { withKubeconfig } from "../../support/kubeconfig.ts";
import { type Answer, startMockApi, status } from "../../support/mock_api.ts";
import { PROCESS_STATUS } from "../../support/status.ts";

const PODS = "/api/v1/namespaces/lb/pods";

function pod(name: string, phase = "Running", containerPort?: number) {
  const ports = containerPort === undefined ? [] : [{ name: "monitoring", containerPort }];
  return {
    metadata: { name, namespace: "lb" },
    spec: { nodeName: "n1", containers: [{ name: "herald", ports }] },
    status: { phase, conditions: [] },
  };
}

async function asked(answer: Answer): Promise<Awaited<ReturnType<typeof askCluster>>> {
  const api = startMockApi(answer);
  try {
    let found: Awaited<ReturnType<typeof askCluster>> | undefined;
    await withKubeconfig(api.url, async (kubeconfig) => {
      found = await askCluster({ kubeconfig, namespace: "lb" }, () => undefined);
    });
    return found ?? assert.fail();
  } finally {
    await api.close();
  }
}

Deno.test("askCluster() asks each pod that runs, at the port that it names, by the API server", async () => {
  const requests: string[] = [];
  const { roles, silent } = await asked((url, request) => {
    if (url.pathname !== PODS) assert.ok(request.headers.has("sec-herald"), url.pathname);
    requests.push(`${url.pathname} ${url.searchParams.get("labelSelector") ?? ""}`.trim());
    switch (url.pathname) {
      case PODS:
        return Response.json({
          kind: "PodList",
          items: [pod("c-1"), pod("s-1", "Running", 9120), pod("s-2"), pod("s-3", "Failed")],
        });
      case `${PODS}/s-2:7472/proxy/status`:
        return status(403, 'cannot get resource "pods/proxy"');
      default:
        return Response.json({ ...PROCESS_STATUS, pid: url.pathname.includes("s-1") ? 2 : 1 });
    }
  });
  assert.deepEqual(requests.sort(), [
    `${PODS} app=metallb,component in (controller,speaker)`,
    `${PODS}/c-1:7472/proxy/status`,
    `${PODS}/s-1:9120/proxy/status`,
    `${PODS}/s-2:7472/proxy/status`,
  ]);
  assert.deepEqual(roles.map(({ pid, pod }) => [pod, pid]), [["lb/c-1", 1], ["lb/s-1", 2]]);
  assert.equal(silent.length, 1);
  assert.equal(silent[0]?.pod, "lb/s-2");
  assert.match(silent[0]?.why ?? "", /^Cannot ask pod lb\/s-2 at .*403.*pods\/proxy/);
});

Deno.test("askCluster() asks by TLS whom the kubelet probes so, and says what to type where it is closed", async () => {
  const probe = { httpGet: { port: "monitoring", scheme: "HTTPS" } };
  const closed = pod("s-1", "Running", 9120);
  const containers = closed.spec.containers.map((one) => ({ ...one, readinessProbe: probe }));
  const requests: string[] = [];
  const { silent } = await asked(({ pathname }) => {
    requests.push(pathname);
    return pathname === PODS
      ? Response.json({ items: [{ ...closed, spec: { containers } }] })
      : new Response("this page asks for a token", { status: 401 });
  });
  assert.ok(requests.includes(`${PODS}/https:s-1:9120/proxy/status`), requests.join());
  assert.match(silent[0]?.why ?? "", /--metrics-auth.*kubectl -n lb exec s-1 -- herald status/);
});

Deno.test("askCluster() takes no answer of another program for a status", async () => {
  const { roles, silent } = await asked(({ pathname }) =>
    Response.json(pathname === PODS ? { items: [pod("s-1")] } : { hello: "world" })
  );
  assert.deepEqual([roles.length, silent], [0, [{
    pod: "lb/s-1",
    why: "its answer is no status",
  }]]);
});

Deno.test("askCluster() says why it finds no pods", async () => {
  await assert.rejects(
    asked(() => status(403, "pods is forbidden")),
    /list Herald's pods in lb.*403/,
  );
  await assert.rejects(
    asked(() => Response.json({ items: [] })),
    /No pod of Herald's is in namespace lb/,
  );
});
