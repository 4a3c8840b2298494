import assert from "node:assert/strict";
import { type ControlPlane, startControlPlane } from "../support/control_plane.ts";
import { makeLan } from "../support/lan.ts";
import { waitFor } from "../support/wait.ts";
import { MANIFEST, startWorkload } from "./stage.ts";

const NAMESPACE = "metallb-system";
/** Uses what needs rights of its own: selectors of namespaces, and notes of deleted Services. */
const CONFIG = `
address-pools:
- name: team
  protocol: layer2
  addresses: [10.77.1.220-10.77.1.240]
  sticky-time: 1h
  service-allocation:
    namespace-selectors: [{ match-labels: { kubernetes.io/metadata.name: default } }]
`;
const NODE = JSON.stringify({ apiVersion: "v1", kind: "Node", metadata: { name: "node1" } });

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}
interface Binding {
  readonly roleRef: { readonly kind: string; readonly name: string };
  readonly subjects?: readonly { readonly name: string; readonly namespace?: string }[];
}
interface Request {
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly resource: string;
    readonly apiGroup?: string;
    readonly subresource?: string;
    readonly name?: string;
  };
  readonly requestURI: string;
  readonly responseStatus?: { readonly code?: number };
}
/** One line each: who, verb, what, and the name where the right is for that one alone. */
type Right = string;

async function itemsOf<T>(kube: ControlPlane, kind: string): Promise<readonly T[]> {
  return JSON.parse(await kube.kubectl(["get", kind, "-A", "-o", "json"])).items;
}

/** What the manifest grants to its two accounts. */
async function granted(kube: ControlPlane): Promise<ReadonlySet<Right>> {
  type Role = { metadata: { name: string }; rules: readonly Rule[] };
  const rights = new Set<Right>();
  for (
    const [bindings, roles] of [["rolebindings", "roles"], ["clusterrolebindings", "clusterroles"]]
  ) {
    const rulesOf = new Map(
      (await itemsOf<Role>(kube, roles ?? "")).map(({ metadata, rules }) => [metadata.name, rules]),
    );
    for (const { roleRef, subjects } of await itemsOf<Binding>(kube, bindings ?? "")) {
      for (
        const { name: account } of (subjects ?? []).filter((one) => one.namespace === NAMESPACE)
      ) {
        for (
          const { apiGroups, resourceNames = [""], resources, verbs }
            of rulesOf.get(roleRef.name) ?? []
        ) {
          for (const group of apiGroups) {
            for (const resource of resources) {
              for (const verb of verbs) {
                for (const name of resourceNames) {
                  rights.add(right(account, verb, group, resource, name));
                }
              }
            }
          }
        }
      }
    }
  }
  return rights;
}

function right(
  account: string,
  verb: string,
  group: string,
  resource: string,
  name: string,
): Right {
  const what = group === "" ? resource : `${group}/${resource}`;
  return [account, verb, what, name].filter(Boolean).join(" ");
}

async function requestsOf(kube: ControlPlane): Promise<readonly Request[]> {
  const text = await Deno.readTextFile(`${kube.folder}/audit.log`);
  return text.split("\n").slice(0, -1).map((line): Request => JSON.parse(line));
}

/** The rights that the requests were made by: that of one object alone where there is one. */
function usedOf(requests: readonly Request[], rights: ReadonlySet<Right>): ReadonlySet<Right> {
  const used = new Set<Right>();
  for (const { objectRef, user, verb } of requests) {
    if (objectRef === undefined) continue;
    const { apiGroup = "", name = "", resource, subresource } = objectRef;
    const account = user.username.split(":").pop() ?? "";
    const whole = subresource === undefined ? resource : `${resource}/${subresource}`;
    const one = right(account, verb, apiGroup, whole, name);
    used.add(rights.has(one) ? one : right(account, verb, apiGroup, whole, ""));
  }
  return used;
}

Deno.test("controller and speaker use each right that the manifest grants, and need no other", async () => {
  await using lan = await makeLan();
  const master = await lan.addHost("master", { addresses: ["10.77.1.10/24"] });
  const beside = await lan.addHost("beside", { addresses: ["10.77.1.12/24"] });
  const node = await lan.addHost("node1", { addresses: ["10.77.1.11/24"] });
  await using kube = await startControlPlane({ host: master, audit: true });
  await kube.kubectl(["apply", "-f", MANIFEST]);
  await kube.kubectl(["apply", "-f", "-"], NODE);
  const ready = { status: { conditions: [{ type: "Ready", status: "True" }] } };
  const status = ["--subresource=status", "--type=merge", "-p", JSON.stringify(ready)];
  await kube.kubectl(["patch", "node", "node1", ...status]);
  const config = ["configmap", "-n", NAMESPACE, "config", `--from-literal=config=${CONFIG}`];
  await kube.kubectl(["create", ...config]);
  const service = (name: string, type: string) =>
    kube.kubectl(
      ["apply", "-f", "-"],
      JSON.stringify({
        apiVersion: "v1",
        kind: "Service",
        metadata: { name, namespace: "default" },
        spec: { type, ports: [{ port: 80 }] },
      }),
    );
  const endpoints = (isReady: boolean) =>
    kube.kubectl(
      ["apply", "-f", "-"],
      JSON.stringify({
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        addressType: "IPv4",
        metadata: {
          name: "web-1",
          namespace: "default",
          labels: { "kubernetes.io/service-name": "web" },
        },
        endpoints: [{
          addresses: ["10.244.1.2"],
          conditions: { ready: isReady },
          nodeName: "node1",
        }],
        ports: [{ port: 80 }],
      }),
    );
  const counts = async (reason: string, count: number) =>
    await waitFor(`event ${reason}, ${count} times`, async () => {
      const told = await itemsOf<{ reason: string; count: number }>(kube, "events");
      return told.some((one) => one.reason === reason && one.count >= count);
    }, { timeoutMs: 20_000 }).catch((error) => {
      throw new Error(`${leader.output()}\n${speaker.output()}`, { cause: error });
    });

  // First the speaker: where the gossip key is there already nobody watches for it.
  await using speaker = await startWorkload(kube, "speaker", node, []);
  await waitFor(
    "a speaker that waits for the gossip key",
    () => speaker.output().includes("waiting for the gossip key"),
  );
  await using leader = await startWorkload(kube, "controller", master, []);
  // As if MetalLB's Deployment had made the gossip key: whoever starts then owns it too.
  const secret = ["secret", "-n", NAMESPACE, "memberlist"];
  await waitFor(
    "the gossip key",
    async () => (await kube.kubectl(["get", ...secret, "--ignore-not-found"])) !== "",
  );
  const owner = { apiVersion: "apps/v1", kind: "Deployment", name: "metallb", uid: "metallb" };
  const metadata = { ownerReferences: [owner] };
  await kube.kubectl(["patch", ...secret, "--type=merge", "-p", JSON.stringify({ metadata })]);
  await using _standby = await startWorkload(kube, "controller", beside, []);
  await service("web", "LoadBalancer");
  await endpoints(true);
  await counts("nodeAssigned", 1);
  await endpoints(false);
  await waitFor(
    "the address to be silent",
    async () => (await master.arping("10.77.1.220", 1)).length === 0,
  );
  await endpoints(true);
  await counts("nodeAssigned", 2);
  await service("web", "ClusterIP");
  await service("web", "LoadBalancer");
  await counts("IPAllocated", 2);
  for (const name of ["web", "web2"]) {
    await service(name, "LoadBalancer");
    await kube.kubectl([
      "wait",
      "-n",
      "default",
      `service/${name}`,
      "--for=jsonpath={.status.loadBalancer.ingress}",
    ]);
    await kube.kubectl(["delete", "service", "-n", "default", name]);
    await waitFor(
      "a note",
      async () =>
        (await kube.kubectl([
          "get",
          "configmap",
          "-n",
          NAMESPACE,
          "herald-sticky-addresses",
          "-o",
          "yaml",
        ]))
          .includes(`default/${name}`),
    );
  }
  await leader.end();

  const rights = await granted(kube);
  assert(rights.size > 20, "rights were found");
  await waitFor("every right to be used", async () => {
    const used = usedOf(await requestsOf(kube), rights);
    assert.deepEqual([...rights].filter((one) => !used.has(one)), [], "granted and never used");
    return true;
  }, { timeoutMs: 20_000 });
  const refused = (await requestsOf(kube)).filter(({ responseStatus }) =>
    responseStatus?.code === 403
  );
  assert.deepEqual(refused.map(({ requestURI, verb }) => `${verb} ${requestURI}`), []);
});
