import assert from "node:assert/strict";
import type { Review } from "../../../lib/host/cluster/cluster.ts";
import { createReviewer } from "../../../lib/host/kubernetes/reviews.ts";
import { type Answer, json, mockClient, startMockApi, status } from "../../support/mock_api.ts";

const TOKEN = "the-token-of-a-prometheus";
const USER = { username: "prom", uid: "1", groups: ["a"], extra: { k: ["v"] } };

/** Asks an API server that answers so; gives the outcome and the bodies of the questions. */
async function reviewed(answer: Answer): Promise<{ review: Review; bodies: unknown[] }> {
  const bodies: unknown[] = [];
  const api = startMockApi(async (url, request) => {
    bodies.push(await request.clone().json());
    return await answer(url, request);
  });
  const stop = new AbortController();
  try {
    const client = await mockClient(api.url, stop.signal);
    const review = await createReviewer(client)(TOKEN, "/metrics", stop.signal);
    return { review, bodies };
  } finally {
    stop.abort();
    await api.close();
  }
}

/** An API server that knows the token, and then says this of the right. */
function knowing(access: (request: Request) => Response): Answer {
  return ({ pathname }, request) =>
    pathname.endsWith("/tokenreviews")
      ? json({ status: { authenticated: true, user: USER } }, 201)
      : access(request);
}

Deno.test("a review asks who has the token, and whether he may get the page", async () => {
  const { bodies, review } = await reviewed(
    knowing(() => json({ status: { allowed: true } }, 201)),
  );
  assert.deepEqual(review, { kind: "allowed" });
  assert.deepEqual(bodies, [{
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenReview",
    spec: { token: TOKEN },
  }, {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SubjectAccessReview",
    spec: {
      user: "prom",
      uid: "1",
      groups: ["a"],
      extra: { k: ["v"] },
      nonResourceAttributes: { path: "/metrics", verb: "get" },
    },
  }]);
});

Deno.test("a review lets in nobody by an answer that does not say so", async () => {
  for (
    const [answer, kind] of [
      [() => json({ status: { authenticated: false } }, 201), "unauthenticated"],
      [() => json({ status: { authenticated: "true", user: USER } }, 201), "unauthenticated"],
      [() => json({ status: { error: "expired" } }, 201), "unauthenticated"],
      [() => json({}, 201), "failed"],
      [() => json({ status: { authenticated: true, user: {} } }, 201), "failed"],
      [() => new Response("<html>", { status: 200 }), "failed"],
      [knowing(() => json({ status: { allowed: false, denied: true } }, 201)), "forbidden"],
      [knowing(() => json({ status: { allowed: "true" } }, 201)), "failed"],
      [knowing(() => json({}, 201)), "failed"],
      [knowing(() => status(500, "etcd is away")), "failed"],
      [knowing(() => status(403, "cannot create resource")), "failed"],
    ] as const
  ) assert.equal((await reviewed(answer)).review.kind, kind, String(answer));
});

Deno.test("a refusal of the question is told with its reason and without the token", async () => {
  const { review } = await reviewed(() => status(403, `no ${TOKEN}: cannot create tokenreviews`));
  assert.equal(review.kind, "failed");
  const reason = review.kind === "failed" ? review.reason : "";
  assert.match(reason, /create a TokenReview .*403.*cannot create tokenreviews/);
  assert.ok(!reason.includes(TOKEN));
});

Deno.test("an API server that is away or silent is told within two seconds or so", async () => {
  const stop = new AbortController();
  const held = Promise.withResolvers<void>();
  const api = startMockApi(async () => {
    await held.promise;
    return json({});
  });
  try {
    const review = createReviewer(await mockClient(api.url, stop.signal));
    const all = await Promise.all(
      Array.from({ length: 4 }, () => review(TOKEN, "/metrics", stop.signal)),
    );
    for (const one of all) assert.equal(one.kind, "failed");
  } finally {
    held.resolve();
    stop.abort();
    await api.close();
  }
});
