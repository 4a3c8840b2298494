import { formatIp } from "../../net/ip.ts";
import { isHerald, readStatusManagers } from "../../model/status_manager.ts";
import type { StatusWrite, WriteOutcome } from "../cluster/cluster.ts";
import type { KubeClient } from "./client.ts";
import { isVerbForbidden, type KubeFailure } from "./transport.ts";
import { type JsonObject, listOr, objectOr, textOf } from "../../model/json.ts";
import { allocatedFrom, withAllocatedFrom } from "../cluster/allocated_from.ts";
import { collectionPath, objectPath } from "./paths.ts";
import type { Log } from "../process/log.ts";

/** Writes one Service's status.loadBalancer; see {@link StatusWrite}. Never throws. */
type WriteServiceStatus = (write: StatusWrite, signal: AbortSignal) => Promise<WriteOutcome>;

/**
 * Makes a writer that patches. Where the role allows only `update` of services/status, as in
 * MetalLB's manifests, it reads and updates from the first refusal on.
 */
export function createServiceStatusWriter(client: KubeClient, log: Log): WriteServiceStatus {
  let patchForbidden = false;

  async function patch(write: StatusWrite, signal: AbortSignal): Promise<WriteOutcome> {
    const { service } = write;
    const answer = await client.request({
      operation: `patch the status of service ${service.key}`,
      method: "PATCH",
      path: `${objectPath("Service", service.namespace, service.name)}/status${asWriter(write)}`,
      permit: write.permit,
      body: {
        metadata: {
          uid: service.uid,
          resourceVersion: service.resourceVersion,
          annotations: allocatedFrom(write.pool),
        },
        // A merge patch replaces this list and leaves every other field of the status alone.
        status: { loadBalancer: { ingress: write.ips.length === 0 ? null : ingressOf(write) } },
      },
    }, signal);
    if (answer.kind === "ok") return written(answer.body);
    if (!isVerbForbidden(answer, "patch")) return outcomeOf(answer);
    const outcome = await update(write, signal);
    if (outcome.kind === "written" || outcome.kind === "conflict") {
      patchForbidden = true;
      log.info(
        { error: answer.message },
        "patching services/status is forbidden, updating instead",
      );
    }
    return outcome;
  }

  async function update(write: StatusWrite, signal: AbortSignal): Promise<WriteOutcome> {
    const { service } = write;
    const path = objectPath("Service", service.namespace, service.name);
    const operation = `read service ${service.key}`;
    const { permit } = write;
    const present = await client.request({ operation, method: "GET", path, permit }, signal);
    if (present.kind === "failure") return outcomeOf(present);
    const metadata = objectOr(present.body.metadata);
    if (textOf(metadata.uid) !== service.uid) return { kind: "gone" };
    if (textOf(metadata.resourceVersion) !== service.resourceVersion) {
      return { kind: "conflict" };
    }
    const loadBalancer = write.ips.length === 0 ? {} : { ingress: ingressOf(write) };
    const answer = await client.request({
      operation: `update the status of service ${service.key}`,
      method: "PUT",
      path: `${path}/status${asWriter(write)}`,
      permit,
      body: {
        ...present.body,
        metadata: withAllocatedFrom(objectOr(present.body.metadata), write.pool),
        status: { ...objectOr(present.body.status), loadBalancer },
      },
    }, signal);
    return answer.kind === "ok" ? written(answer.body) : outcomeOf(answer);
  }

  return (write, signal) => patchForbidden ? update(write, signal) : patch(write, signal);
}

/**
 * Who wrote status.loadBalancer last besides Herald, by metadata.managedFields; another Herald goes
 * by the same name, and is told only where nobody else wrote. Never throws.
 */
export async function readStatusManager(
  client: KubeClient,
  { key, name, namespace }: StatusWrite["service"],
  signal: AbortSignal,
): Promise<string | undefined> {
  // The role may list Services, and need not be allowed to get one.
  const path = collectionPath({ kind: "Service", namespace, name }, {});
  const operation = `read who writes the status of service ${key}`;
  const answer = await client.request({ operation, method: "GET", path }, signal);
  if (answer.kind === "failure") return undefined;
  const [service] = listOr(answer.body.items).map(objectOr);
  const managers = readStatusManagers(service).map((manager) => manager.name);
  return managers.find((manager) => !isHerald(manager)) ?? managers[0];
}

/** Who leads writes by the name that the server makes of the user agent. */
function asWriter({ permit }: StatusWrite): string {
  return permit?.writer === undefined ? "" : `?fieldManager=${encodeURIComponent(permit.writer)}`;
}

function ingressOf({ ips }: StatusWrite): { ip: string }[] {
  return ips.map((ip) => ({ ip: formatIp(ip) }));
}

function written(service: JsonObject): WriteOutcome {
  const resourceVersion = textOf(objectOr(service.metadata).resourceVersion) ?? "";
  return { kind: "written", resourceVersion };
}

function outcomeOf({ cause, status, message, retryAfterMs }: KubeFailure): WriteOutcome {
  if (cause === "not-leader") return { kind: "not-leader" };
  switch (status) {
    case 409:
      return { kind: "conflict" };
    case 404:
    case 410:
      return { kind: "gone" };
    case 422:
      // Patched with the uid of an object that is gone; another one has its name now.
      return message.includes("metadata.uid")
        ? { kind: "gone" }
        : { kind: "refused", error: message };
    case 400:
    case 403:
      return { kind: "refused", error: message };
    default:
      return {
        kind: "failed",
        error: message,
        ...(retryAfterMs !== undefined && { retryAfterMs }),
      };
  }
}
