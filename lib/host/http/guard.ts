import { errorText } from "../../base/errors.ts";
import { type Answer, textAnswer } from "../../http/answer.ts";
import { expiryOf, readToken } from "../../http/bearer.ts";
import type { RequestHead } from "../../http/head.ts";
import {
  createVerdicts,
  decide,
  type Decision,
  forget,
  learn,
  missAnswer,
  type Verdicts,
} from "../../http/verdicts.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { HttpMetrics } from "../metrics/http.ts";
import { oncePer } from "../process/backoff.ts";
import type { Clock } from "../process/clock.ts";
import type { Log } from "../process/log.ts";

export interface GuardOptions {
  readonly review: NonNullable<Cluster["review"]>;
  readonly clock: Clock;
  /** Unix time. */
  readonly wallMs: () => number;
  readonly metrics: HttpMetrics;
  readonly log: Log;
}

/** Lets a request through, by undefined, or answers it. */
export type Guard = (
  head: Pick<RequestHead, "path" | "fields">,
) => Answer | undefined | Promise<Answer | undefined>;

/** A kubelet has no token; what they tell is whether, and why not. All else is closed. */
const OPEN: ReadonlySet<string> = new Set(["/healthz", "/readyz"]);
/** As Kubernetes allows it between machines. */
const CLOCKS_DIFFER_MS = 60_000;

/** A browser asks for name and password by the second. */
const CHALLENGES = [
  'Bearer realm="herald"',
  'Basic realm="Herald: any name, a Kubernetes token as password", charset="UTF-8"',
];

/** The ClusterRole of chart and component that has the path: who scrapes needs less than people. */
function readerOf(path: string): string {
  return path === "/metrics" ? "herald-metrics-reader" : "herald-status-reader";
}

interface Guarding extends GuardOptions {
  readonly verdicts: Verdicts;
  /** Questions under way: who asks the same waits for the same answer. */
  readonly asking: Map<string, Promise<Decision>>;
  readonly mayComplain: () => boolean;
  readonly signal: AbortSignal;
}

/** Keeps all pages but the probes for those who may get them by the cluster's own rules. */
export function createGuard(options: GuardOptions, signal: AbortSignal): Guard {
  const guarding: Guarding = {
    ...options,
    verdicts: createVerdicts(options.clock.now()),
    asking: new Map(),
    mayComplain: oncePer(60_000, options.clock.now),
    signal,
  };
  return ({ fields, path }) => OPEN.has(path) ? undefined : admit(guarding, fields, path);
}

async function admit(
  guarding: Guarding,
  fields: RequestHead["fields"],
  path: string,
): Promise<Answer | undefined> {
  const { accesses } = guarding.metrics;
  const shown = readToken(fields.get("authorization"));
  if (shown.kind !== "token") {
    accesses.inc({ verdict: "unauthenticated" });
    return shown.kind === "none"
      ? closed(401, path, "this page asks for a token", CHALLENGES)
      : closed(400, path, shown.reason, ['Bearer realm="herald", error="invalid_request"']);
  }
  const decision = await judge(guarding, shown.token, path);
  const verdict = decision.kind === "verdict" ? decision.verdict : "unknown";
  accesses.inc({ verdict });
  switch (verdict) {
    case "allowed":
      return undefined;
    case "unauthenticated":
      return closed(
        401,
        path,
        "the API server does not know this token, or it has expired",
        CHALLENGES,
      );
    case "forbidden":
      return closed(403, path, `whose token this is may not get ${path}`, []);
    case "unknown":
      return textAnswer(
        503,
        "the API server did not tell whether this token may read, ask again\n",
        { "retry-after": "2" },
      );
  }
}

/** Says what is missing: the token, or the right of the account that it is of. */
function closed(
  status: number,
  path: string,
  reason: string,
  challenges: readonly string[],
): Answer {
  const bound = `bound to the ClusterRole ${readerOf(path)}`;
  const way = status === 403
    ? `its account must be ${bound}`
    : `kubectl create token ACCOUNT makes one, of an account ${bound}`;
  const told = `${reason}: ${way}. Without a token: herald status, in the pod\n`;
  return textAnswer(status, told, { "www-authenticate": challenges });
}

async function judge(guarding: Guarding, token: string, path: string): Promise<Decision> {
  const { asking, clock, verdicts, wallMs } = guarding;
  const key = await digestOf(`${path}\n${token}`);
  const expiry = expiryOf(token);
  // Only the API server knows, and what it said before is over.
  if (expiry !== undefined && wallMs() >= expiry + CLOCKS_DIFFER_MS) forget(verdicts, key);
  const under = asking.get(key);
  if (under !== undefined) return await under;
  const decision = decide(verdicts, key, clock.now());
  if (decision.kind !== "ask") return decision;
  const answer = ask(guarding, key, token, path).finally(() => asking.delete(key));
  asking.set(key, answer);
  return await answer;
}

async function ask(
  { clock, log, mayComplain, metrics, review, signal, verdicts }: Guarding,
  key: string,
  token: string,
  path: string,
): Promise<Decision> {
  const found = await review(token, path, signal).catch((error) => ({
    kind: "failed" as const,
    reason: errorText(error).replaceAll(token, "(token)"),
  }));
  if (found.kind !== "failed") {
    learn(verdicts, key, found.kind, clock.now());
    return { kind: "verdict", verdict: found.kind };
  }
  metrics.reviewErrors.inc();
  if (mayComplain()) {
    log.warn(
      { error: found.reason },
      "cannot ask who may read the pages (it takes the right to create tokenreviews and " +
        "subjectaccessreviews), answering those who might for a while",
    );
  }
  return missAnswer(verdicts, key, clock.now());
}

/** A token itself is kept nowhere. */
async function digestOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toBase64();
}
