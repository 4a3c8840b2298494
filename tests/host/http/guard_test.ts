import assert from "node:assert/strict";
import fc from "fast-check";
import { Registry } from "prom-client";
import { parseAllDocuments } from "yaml";
import type { Answer } from "../../../lib/http/answer.ts";
import { LONGEST_TOKEN } from "../../../lib/http/bearer.ts";
import { VERDICT_LIMITS as LIMITS } from "../../../lib/http/verdicts.ts";
import type { Review } from "../../../lib/host/cluster/cluster.ts";
import { createGuard } from "../../../lib/host/http/guard.ts";
import { createHttpMetrics } from "../../../lib/host/metrics/http.ts";
import { virtualClock } from "../../support/clock.ts";
import { recordedLog } from "../../support/log.ts";

const TOKEN = "header.payload.signature";
const READERS = new URL(
  "../../../deploy/kustomize/components/metrics-auth/readers.yaml",
  import.meta.url,
);

interface ClusterRole {
  readonly metadata: { readonly name: string };
  readonly rules: readonly { readonly nonResourceURLs: readonly string[] }[];
}

const textOf = (answer: Answer | undefined) => new TextDecoder().decode(answer?.body);

/** A guard before an API server that says what the test sets. */
function guarded() {
  const stop = new AbortController();
  const clock = virtualClock();
  const log = recordedLog();
  const registry = new Registry();
  const metrics = createHttpMetrics(registry);
  const asked: string[] = [];
  const world: { review: Review | Error; hold: Promise<void> | undefined } = {
    review: { kind: "allowed" },
    hold: undefined,
  };
  const guard = createGuard({
    review: async (token, path) => {
      asked.push(`${path} ${token}`);
      await world.hold;
      if (world.review instanceof Error) throw world.review;
      return world.review;
    },
    clock,
    wallMs: () => 1_800_000_000_000 + clock.now(),
    metrics,
    log,
  }, stop.signal);
  const get = async (path: string, authorization?: string): Promise<Answer | undefined> =>
    await guard({
      path,
      fields: new Map(authorization === undefined ? [] : [["authorization", authorization]]),
    });
  const code = async (path: string, authorization?: string) =>
    (await get(path, authorization))?.status ?? 200;
  return { asked, clock, code, get, log, registry, world };
}

Deno.test("the probes stay open, and all else is closed, what there is not too", async () => {
  const { asked, code } = guarded();
  for (const path of ["/healthz", "/readyz"]) assert.equal(await code(path), 200, path);
  for (const path of ["/metrics", "/status", "/", "/healthz/", "/debug", "//healthz", "/HEALTHZ"]) {
    assert.equal(await code(path), 401, path);
  }
  assert.deepEqual(asked, []);
});

Deno.test("who asks without a token is told how to get one, a browser too", async () => {
  const { get } = guarded();
  const answer = await get("/status");
  assert.equal(answer?.status, 401);
  const text = textOf(answer);
  assert.match(text, /kubectl create token.*herald-status-reader.*herald status/s);
  const challenges = [answer?.fields?.["www-authenticate"]].flat();
  assert.match(challenges[0] ?? "", /^Bearer /);
  assert.match(challenges[1] ?? "", /^Basic /);
});

Deno.test("who may not read a page is told the ClusterRole that may read that page", async () => {
  const { get, world } = guarded();
  const roles = parseAllDocuments(await Deno.readTextFile(READERS))
    .map((document): ClusterRole => document.toJS());
  for (const path of ["/metrics", "/status", "/"]) {
    for (const kind of ["unauthenticated", "forbidden"] as const) {
      world.review = { kind };
      const answer = await get(path, `Bearer ${TOKEN}.${kind}`);
      const [named = "none"] = /herald-[a-z]+-reader/.exec(textOf(answer)) ?? [];
      const role = roles.find(({ metadata }) => metadata.name === named) ?? assert.fail(named);
      assert.ok(
        role.rules.some((rule) => rule.nonResourceURLs.includes(path)),
        `${named}: ${path}`,
      );
    }
  }
  // A token is at hand: another one would not help.
  assert.doesNotMatch(textOf(await get("/", `Bearer ${TOKEN}.forbidden`)), /create token/);
});

Deno.test("what is no one token is refused without a question", async () => {
  const { asked, code } = guarded();
  for (
    const header of [
      "Bearer",
      "Bearer ",
      `Bearer ${TOKEN}, Bearer ${TOKEN}`,
      `Digest ${TOKEN}`,
      TOKEN,
      `Bearer ${"a".repeat(LONGEST_TOKEN + 1)}`,
    ]
  ) assert.equal(await code("/metrics", header), 400, header.slice(0, 50));
  assert.deepEqual(asked, []);
});

Deno.test("the API server decides for each page, and is asked once in a while", async () => {
  const { asked, clock, code, world } = guarded();
  const bearer = `Bearer ${TOKEN}`;
  assert.equal(await code("/metrics", bearer), 200);
  assert.equal(await code("/metrics", bearer), 200);
  assert.equal(await code("/metrics", `Basic ${btoa(`me:${TOKEN}`)}`), 200);
  assert.deepEqual(asked, [`/metrics ${TOKEN}`]);
  world.review = { kind: "forbidden" };
  assert.equal(await code("/status", bearer), 403);
  assert.equal(await code("/metrics", bearer), 200);
  // A right that was taken away.
  clock.advance(LIMITS.allowedMs);
  assert.equal(await code("/metrics", bearer), 403);
  world.review = { kind: "unauthenticated" };
  clock.advance(LIMITS.refusedMs);
  assert.equal(await code("/metrics", bearer), 401);
  assert.equal(asked.length, 4);
});

Deno.test("many that ask the same at once make one question", async () => {
  const { asked, code, world } = guarded();
  const held = Promise.withResolvers<void>();
  world.hold = held.promise;
  const all = Array.from({ length: 40 }, () => code("/metrics", `Bearer ${TOKEN}`));
  held.resolve();
  assert.deepEqual(new Set(await Promise.all(all)), new Set([200]));
  assert.equal(asked.length, 1);
});

Deno.test("an API server that is away closes the pages to all but who was allowed, and to him later", async () => {
  const { clock, code, log, registry, world } = guarded();
  const bearer = `Bearer ${TOKEN}`;
  assert.equal(await code("/metrics", bearer), 200);
  world.review = { kind: "failed", reason: "Cannot create a TokenReview: HTTP 403" };
  clock.advance(LIMITS.allowedMs);
  assert.equal(await code("/metrics", bearer), 200);
  assert.equal(await code("/metrics", "Bearer another"), 503);
  world.review = new Error(`lost on the way: ${TOKEN}`);
  clock.advance(LIMITS.lastGoodMs);
  assert.equal(await code("/metrics", bearer), 503);
  assert.equal(log.messages("warn").length, 2, "once a minute");
  assert.ok(!JSON.stringify(log.lines).includes(TOKEN));
  const metrics = await registry.metrics();
  assert.match(metrics, /^herald_http_review_errors_total 2$/m);
  assert.match(metrics, /^herald_http_accesses_total\{verdict="unknown"\} 2$/m);
  assert.ok(!metrics.includes(TOKEN));
  world.review = { kind: "allowed" };
  clock.advance(LIMITS.restMs);
  assert.equal(await code("/metrics", bearer), 200);
});

Deno.test("a token that ends by its own words is not remembered beyond its end", async () => {
  const { clock, code, world } = guarded();
  const exp = 1_800_000_000 - 50;
  const bearer = `Bearer a.${btoa(JSON.stringify({ exp }))}.b`;
  assert.equal(await code("/metrics", bearer), 200);
  world.review = { kind: "failed", reason: "away" };
  clock.advance(9_000);
  assert.equal(await code("/metrics", bearer), 200);
  clock.advance(1_000);
  assert.equal(await code("/metrics", bearer), 503);
});

Deno.test("whatever a request shows, it gets in only by what the API server allows", async () => {
  await fc.assert(fc.asyncProperty(
    fc.constantFrom("/metrics", "/status", "/", "/x"),
    fc.oneof(
      fc.string({ unit: "binary-ascii" }),
      fc.constantFrom("Bearer ", "Basic ").chain((scheme) =>
        fc.string().map((one) => scheme + one)
      ),
      fc.constantFrom("good", "bad").map((one) => `Bearer ${one}`),
      fc.constantFrom("good", "bad").map((one) => `Basic ${btoa(`:${one}`)}`),
    ),
    async (path, header) => {
      const { asked, code, world } = guarded();
      const isGood = /^Bearer good$|^Basic Omdvb2Q=$/.test(header);
      world.review = { kind: isGood ? "allowed" : "unauthenticated" };
      assert.equal(await code(path, header) === 200, isGood);
      assert.ok(asked.length <= 1);
    },
  ));
});
