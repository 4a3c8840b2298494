import assert from "node:assert/strict";
import { waitFor } from "../support/wait.ts";
import { servePage } from "../support/pod.ts";
import { withOutput } from "../support/roles.ts";
import { HERALD, makeStage, MANIFEST, type Stage } from "./stage.ts";

const CONFIGMAP = await Deno.readTextFile(
  new URL("../vectors/config/article-layer2.yaml", import.meta.url),
);

const NGINX = JSON.stringify({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "nginx", labels: { run: "nginx" } },
  spec: {
    nodeName: "node1",
    containers: [{ name: "nginx", image: "nginx", ports: [{ containerPort: 80 }] }],
  },
});

interface Listed {
  readonly items: readonly {
    metadata: { name: string; resourceVersion: string };
    reason?: string;
    message?: string;
    type?: string;
    status?: { loadBalancer?: { ingress?: { ip: string }[] } };
  }[];
}

async function list(stage: Stage, ...args: string[]): Promise<Listed["items"]> {
  const text = await stage.kube.kubectl(["get", ...args, "-o", "json"]);
  const listed: Listed = JSON.parse(text);
  return listed.items;
}

async function externalIp(stage: Stage, name: string): Promise<string> {
  return (await stage.kube.kubectl([
    "get",
    "service",
    name,
    "-o",
    "jsonpath={.status.loadBalancer.ingress[*].ip}",
  ])).trim();
}

interface SpeakerPod {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly affinity: {
      readonly nodeAffinity: {
        readonly requiredDuringSchedulingIgnoredDuringExecution: {
          readonly nodeSelectorTerms: readonly {
            readonly matchFields: readonly { readonly values: readonly string[] }[];
          }[];
        };
      };
    };
  };
}

/** The node that the DaemonSet controller meant a pod for. */
function nodeOf({ spec }: SpeakerPod): string {
  const required = spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution;
  return required.nodeSelectorTerms[0]?.matchFields[0]?.values[0] ?? "";
}

/** Does the scheduler's and the kubelets' work for the pods of the DaemonSet; gives them by node. */
async function runSpeakerPods(stage: Stage): Promise<ReadonlyMap<string, string>> {
  const which = ["pods", "-n", "metallb-system", "-l", "component=speaker", "-o", "json"];
  const pods = await waitFor("a speaker pod for each node", async () => {
    const { items }: { items: readonly SpeakerPod[] } = JSON.parse(
      await stage.kube.kubectl(["get", ...which]),
    );
    return items.length === 2 && items;
  });
  const byNode = new Map<string, string>();
  for (const pod of pods) {
    const { name } = pod.metadata;
    const target = { apiVersion: "v1", kind: "Node", name: nodeOf(pod) };
    const binding = { apiVersion: "v1", kind: "Binding", metadata: { name }, target };
    const path = `/api/v1/namespaces/metallb-system/pods/${name}/binding`;
    await stage.kube.kubectl(["create", "--raw", path, "-f", "-"], JSON.stringify(binding));
    await stage.reportPod("metallb-system", name, true);
    byNode.set(nodeOf(pod), name);
  }
  return byNode;
}

Deno.test("the article's story on a real Kubernetes: apply, expose, EXTERNAL-IP, curl from a host that is no node", async () => {
  await using stage = await makeStage();
  const { kube, client } = stage;
  const [node1, node2] = stage.nodes;
  assert.ok(node1 && node2);
  await kube.kubectl(["apply", "-f", MANIFEST]);
  await kube.kubectl(["apply", "-f", "-"], CONFIGMAP);
  await using controller = await stage.herald("controller", stage.master);
  await using speaker1 = await stage.herald("speaker", node1);
  await using speaker2 = await stage.herald("speaker", node2);
  const roles = [controller, speaker1, speaker2];
  await withOutput(roles, async () => {
    const speakerPods = await runSpeakerPods(stage);
    await kube.kubectl(["apply", "-f", "-"], NGINX);
    await stage.reportPod("default", "nginx", true, "10.244.1.5");
    await using _page = await servePage(stage.pod, "welcome to nginx");
    await kube.kubectl([
      "expose",
      "pod",
      "nginx",
      "--port=80",
      "--target-port=80",
      "--type=LoadBalancer",
    ]);
    await waitFor("EXTERNAL-IP", async () => await externalIp(stage, "nginx") === "10.77.1.220");
    const table = await kube.kubectl(["get", "svc", "nginx"]);
    assert.match(table, /nginx +LoadBalancer +172\.17\.\d+\.\d+ +10\.77\.1\.220 +80:\d+\/TCP/);
    const macs = await waitFor("an owner", async () => {
      const answers = await client.arping("10.77.1.220", 2);
      return answers.length > 0 && new Set(answers);
    });
    assert.deepEqual([...macs], [node1.mac], "one node answers, by the election node1");
    await waitFor(
      "the page, through kube-proxy",
      async () =>
        (await client.run("curl", "-s", "--max-time", "2", "http://10.77.1.220/")).stdout ===
          "welcome to nginx",
    );

    const events = await waitFor("both roles' events", async () => {
      const found = await list(stage, "events", "-n", "default");
      const reasons = new Set(found.map(({ reason }) => reason));
      return reasons.has("IPAllocated") && reasons.has("nodeAssigned") && found;
    });
    assert.ok(events.some(({ message }) => message === 'announcing from node "node1"'));
    assert.ok(events.some(({ message }) => message === 'Assigned IP ["10.77.1.220"]'));

    // A node that is not ready gives the address up; a speaker that is not ready does too.
    await stage.reportNode("node1", false);
    await waitFor(
      "node2 to answer",
      async () =>
        (await client.arping("10.77.1.220", 2)).every((mac) => mac === node2.mac) &&
        (await client.arping("10.77.1.220", 1)).length === 1,
    );
    await stage.reportNode("node1", true);
    await waitFor(
      "node1 to answer again",
      async () => (await client.arping("10.77.1.220", 1))[0] === node1.mac,
    );
    await stage.reportPod("metallb-system", speakerPods.get("node1") ?? "", false);
    await waitFor(
      "node2 to answer for node1's speaker",
      async () => (await client.arping("10.77.1.220", 1))[0] === node2.mac,
    );

    for (const [node, ip] of [["node1", "10.77.1.11"], ["node2", "10.77.1.12"]] as const) {
      await stage.reportPod("metallb-system", speakerPods.get(node) ?? "", true, ip);
    }
    await waitFor(
      "node1 to answer once more",
      async () => (await client.arping("10.77.1.220", 1))[0] === node1.mac,
    );
    // Of the speakers' pods alone, as from a machine that is no node.
    const explain = ["explain", "service", "default/nginx", `--kubeconfig=${kube.kubeconfig}`];
    const elsewhere = `mount -t tmpfs none /run/herald && exec "${HERALD}" ${explain.join(" ")}`;
    const told = await stage.master.run("unshare", "--mount", "sh", "-c", elsewhere);
    assert.equal(told.code, 0, told.stderr);
    assert.match(told.stdout, /^node1 announces 10\.77\.1\.220 \(seen at node1's speaker\)\.$/m);
    assert.match(
      told.stdout,
      /^ {2}2\. node2 \(its speaker: node1 comes first in the election\)$/m,
    );
    assert.match(told.stdout, /^Asked: the speakers of node1, node2\.$/m);

    // Every right it uses is granted: nothing was refused.
    for (const role of roles) {
      assert.ok(!/forbidden|"status":403/.test(role.output()), role.output());
    }
    await kube.kubectl(["delete", "service", "nginx"]);
    await waitFor("silence", async () => (await client.arping("10.77.1.220", 1)).length === 0);
    for (const role of roles) assert.equal(await role.end(), 0, role.output());
  });
});

Deno.test("a bad ConfigMap keeps the last good one in force, with an event; status keeps other writers' fields", async () => {
  await using stage = await makeStage();
  const { kube } = stage;
  await kube.kubectl(["apply", "-f", MANIFEST]);
  await kube.kubectl(["apply", "-f", "-"], CONFIGMAP);
  await using controller = await stage.herald("controller", stage.master);
  const create = (name: string, ...more: string[]) =>
    kube.kubectl(["create", "service", "loadbalancer", name, "--tcp=80", ...more]);
  await create("first");
  await waitFor(
    "the first address",
    async () => await externalIp(stage, "first") === "10.77.1.220",
  );
  const conditions = [{
    type: "Checked",
    status: "True",
    reason: "Test",
    message: "",
    lastTransitionTime: "2026-01-01T00:00:00Z",
  }];
  await kube.kubectl([
    "patch",
    "service",
    "first",
    "--subresource=status",
    "--type=merge",
    "-p",
    JSON.stringify({ status: { conditions } }),
  ]);
  await kube.kubectl(["apply", "-f", "-"], CONFIGMAP.replace("addresses:", "adresses:"));
  const event = await waitFor("the event about the ConfigMap", async () => {
    const found = await list(stage, "events", "-n", "metallb-system");
    return found.find(({ reason }) => reason === "ConfigRejected");
  });
  assert.equal(event.type, "Warning");
  assert.match(
    event.message ?? "",
    /the configuration has 1 mistake; .* line 4:3: unknown key "adresses"/,
  );
  await create("second");
  await waitFor(
    "an address by the last good configuration",
    async () => await externalIp(stage, "second") === "10.77.1.221",
  );
  // Someone takes the address out of the status: it comes back, and the condition stays.
  await kube.kubectl([
    "patch",
    "service",
    "first",
    "--subresource=status",
    "--type=merge",
    "-p",
    JSON.stringify({ status: { loadBalancer: { ingress: null } } }),
  ]);
  await waitFor(
    "the same address again",
    async () => await externalIp(stage, "first") === "10.77.1.220",
  );
  const kept = await kube.kubectl([
    "get",
    "service",
    "first",
    "-o",
    "jsonpath={.status.conditions[0].type}",
  ]);
  assert.equal(kept, "Checked");
  // A Service that is no load balancer any more loses it, and nothing else.
  await kube.kubectl([
    "patch",
    "service",
    "first",
    "--type=merge",
    "-p",
    '{"spec":{"type":"ClusterIP"}}',
  ]);
  await waitFor("the address to be cleared", async () => await externalIp(stage, "first") === "");
  assert.equal(
    await kube.kubectl(["get", "service", "first", "-o", "jsonpath={.status.conditions[0].type}"]),
    "Checked",
  );
  assert.equal(await controller.end(), 0, controller.output());
});
