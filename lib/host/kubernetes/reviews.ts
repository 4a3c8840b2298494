import type { Millis } from "../../base/time.ts";
import { type JsonObject, objectOr, textOf } from "../../model/json.ts";
import type { Review } from "../cluster/cluster.ts";
import type { KubeClient } from "./client.ts";
import { openRequestGate } from "./request_gate.ts";

/** They go past all that waits, so that a burst of writes holds up no scrape; therefore so few. */
const REVIEWS_AT_ONCE = 4;
/** Whoever scrapes waits for ten seconds, often less. */
const WITHIN_MS: Millis = 2_000;

/**
 * Asks an API server who the bearer of a token is (TokenReview), and whether he may get a page
 * (SubjectAccessReview of the nonResourceURL). It takes the right to create both.
 */
export function createReviewer(
  client: KubeClient,
): (token: string, path: string, signal: AbortSignal) => Promise<Review> {
  const gate = openRequestGate(REVIEWS_AT_ONCE);
  return async (token, path, signal) => {
    const leave = await gate.enter(false, signal);
    if (leave === undefined) return { kind: "failed", reason: "stopped" };
    try {
      return await review(client, token, path, signal);
    } finally {
      leave();
    }
  };
}

async function review(
  client: KubeClient,
  token: string,
  path: string,
  signal: AbortSignal,
): Promise<Review> {
  const create = async (kind: string, group: string, spec: JsonObject) => {
    const answer = await client.request({
      operation: `create a ${kind}`,
      method: "POST",
      path: `/apis/${group}/v1/${kind.toLowerCase()}s`,
      body: { apiVersion: `${group}/v1`, kind, spec },
      urgent: true,
      timeoutMs: WITHIN_MS,
    }, signal);
    // Whatever a server quotes of its question.
    return answer.kind === "failure" ? answer.message.replaceAll(token, "(token)") : answer.body;
  };
  const found = await create("TokenReview", "authentication.k8s.io", { token });
  if (typeof found === "string") return { kind: "failed", reason: found };
  // An answer that says nothing is no refusal, which would end what was allowed.
  if (found.status === undefined) return { kind: "failed", reason: "a TokenReview has no status" };
  const { authenticated, user } = objectOr(found.status);
  if (authenticated !== true) return { kind: "unauthenticated" };
  const { extra, groups, uid, username } = objectOr(user);
  if (!textOf(username)) return { kind: "failed", reason: "a TokenReview names no user" };
  const access = await create("SubjectAccessReview", "authorization.k8s.io", {
    user: username,
    groups,
    uid,
    extra,
    nonResourceAttributes: { path, verb: "get" },
  });
  if (typeof access === "string") return { kind: "failed", reason: access };
  const { allowed } = objectOr(access.status);
  if (typeof allowed !== "boolean") {
    return { kind: "failed", reason: "a SubjectAccessReview says neither yes nor no" };
  }
  return { kind: allowed ? "allowed" : "forbidden" };
}
