import type { Millis } from "../../base/time.ts";
import { NO_BROWSER_FIELD } from "../../http/names.ts";
import { readPod } from "../../model/cluster.ts";
import { listOr, objectOr } from "../../model/json.ts";
import type { ProcessStatus, SilentPod } from "../../status/types.ts";
import { type KubeClient, openKubeClient } from "../kubernetes/client.ts";
import { findKubeSettings } from "../kubernetes/kubeconfig.ts";
import { collectionPath, objectPath } from "../kubernetes/paths.ts";
import { systemClock } from "../process/clock.ts";
import { closedPages, isProcessStatus } from "./processes.ts";
import { DEFAULT_PAGE_PORT, SILENT } from "./snapshot.ts";

/** What the roles of a cluster say of themselves. */
export interface AskedRoles {
  /** The API server that was asked. */
  readonly server: string;
  readonly roles: readonly (ProcessStatus & { readonly pod: string })[];
  /** Pods of Herald's that did not answer, and why. */
  readonly silent: readonly SilentPod[];
}

/** Where a cluster is, and Herald in it. */
export interface ClusterPlace {
  readonly kubeconfig: string | undefined;
  readonly namespace: string;
}

/** Herald's pods, as MetalLB's manifests label them. */
const LABELS = "app=metallb,component in (controller,speaker)";
const ANSWER_WITHIN_MS: Millis = 5_000;
/** Their pods stay listed, and nothing runs in them. */
const ENDED: ReadonlySet<unknown> = new Set(["Succeeded", "Failed"]);

/**
 * Asks all roles of a cluster for their status by way of its API server, so that it works wherever
 * kubectl does; it takes permission to list pods and to get pods/proxy.
 * @throws Error when the pods cannot be listed, or there are none
 */
export async function askCluster(
  { kubeconfig, namespace }: ClusterPlace,
  environment: (name: string) => string | undefined = (name) => Deno.env.get(name),
): Promise<AskedRoles> {
  const stop = new AbortController();
  try {
    const settings = await findKubeSettings({ kubeconfig, environment });
    const client = await openKubeClient(settings, systemClock, SILENT, stop.signal);
    const found = await client.request({
      operation: `list Herald's pods in ${namespace}`,
      method: "GET",
      path: collectionPath({ kind: "Pod", namespace, labelSelector: LABELS }, {}),
      timeoutMs: ANSWER_WITHIN_MS,
    }, stop.signal);
    if (found.kind === "failure") throw new Error(found.message);
    const pods = listOr(found.body.items)
      .filter((one) => !ENDED.has(objectOr(objectOr(one).status).phase));
    if (pods.length === 0) {
      throw new Error(
        `No pod of Herald's is in namespace ${namespace} of ${client.server}; name another with --namespace`,
      );
    }
    const asked = await Promise.all(pods.map((pod) => askPod(client, namespace, pod, stop.signal)));
    return {
      server: client.server,
      roles: asked.flatMap((one) => "why" in one ? [] : one),
      silent: asked.flatMap((one) => "why" in one ? one : []),
    };
  } finally {
    stop.abort();
  }
}

async function askPod(
  client: KubeClient,
  namespace: string,
  object: unknown,
  signal: AbortSignal,
): Promise<AskedRoles["roles"][number] | AskedRoles["silent"][number]> {
  const { key: pod = "a pod without a name", pagePort = DEFAULT_PAGE_PORT, pageTls } =
    readPod(object) ?? {};
  const name = pod.slice(pod.indexOf("/") + 1);
  const answer = await client.request({
    operation: `ask pod ${pod}`,
    method: "GET",
    path: `${objectPath("Pod", namespace)}/${
      pageTls ? "https:" : ""
    }${name}:${pagePort}/proxy/status`,
    // The proxy asks the pod by the API server's name, which the pod cannot know.
    fields: { [NO_BROWSER_FIELD]: "status" },
    timeoutMs: ANSWER_WITHIN_MS,
  }, signal);
  // A token that is sent to an API server stays there.
  if (answer.kind === "failure" && answer.status === 401) return { pod, why: closedPages(pod) };
  if (answer.kind === "failure") return { pod, why: answer.message };
  const { body } = answer;
  return isProcessStatus(body) ? { ...body, pod } : { pod, why: "its answer is no status" };
}
