import assert from "node:assert/strict";
import { type Clock, systemClock } from "../../../lib/host/process/clock.ts";
import type { Watched } from "../../../lib/host/cluster/cluster.ts";
import type { KubeClient } from "../../../lib/host/kubernetes/client.ts";
import {
  REFLECTOR_TIMING,
  type ReflectorTiming,
  startReflector,
} from "../../../lib/host/kubernetes/reflector.ts";
import { objectOr, textOf } from "../../../lib/model/json.ts";
import { type RecordedLog, recordedLog } from "../../support/log.ts";
import {
  type Answer,
  type FedWatch,
  fedWatch,
  type MockApi,
  mockClient,
  service,
  serviceList,
  startMockApi,
  status,
  until,
} from "../../support/mock_api.ts";
import { pause } from "../../support/wait.ts";
import { HURRIED_CLOCK } from "../../support/clock.ts";

const TIMING: ReflectorTiming = {
  watchMs: 290_000,
  silentMs: 80_000,
  relistMs: 20,
  pollMs: 20,
  healthyMs: 5,
};

interface Setup {
  /** Answers to the lists in order; the last one is given again and again. */
  readonly lists: readonly ((url: URL) => Response)[];
  /** Answers to the watches in order; after the last one a watch stays silent. */
  readonly watches?: readonly ((url: URL) => Response)[];
  readonly timing?: Partial<ReflectorTiming>;
  readonly clock?: Clock;
}

interface Running {
  readonly api: MockApi;
  readonly watched: Watched<string>;
  /** `apply KEY=VERSION`, `delete KEY`, `synced`. */
  readonly changes: string[];
  readonly counts: Map<string, number>;
  readonly log: RecordedLog;
  lists(): string[];
  watches(): URLSearchParams[];
}

async function withReflector(
  setup: Setup,
  use: (running: Running) => Promise<void>,
): Promise<void> {
  let lists = 0;
  let watches = 0;
  const answer: Answer = (url) => {
    if (!url.searchParams.has("watch")) {
      const at = Math.min(lists++, setup.lists.length - 1);
      return setup.lists[at]?.(url) ?? status(500, "the test has no list");
    }
    return setup.watches?.[watches++]?.(url) ?? fedWatch().response;
  };
  const api = startMockApi(answer);
  const stop = new AbortController();
  const changes: string[] = [];
  const counts = new Map<string, number>();
  const log = recordedLog();
  const client = await mockClient(api.url, stop.signal, undefined, setup.clock ?? HURRIED_CLOCK);
  const watched = startReflector<string>(
    {
      client,
      clock: setup.clock ?? HURRIED_CLOCK,
      log,
      timing: { ...TIMING, ...setup.timing },
      count: (what) => counts.set(what, (counts.get(what) ?? 0) + 1),
    },
    {
      kind: "Service",
      read: (object) => textOf(objectOr(objectOr(object).metadata).resourceVersion),
      onChange: (change) =>
        changes.push(
          change.kind === "synced"
            ? "synced"
            : change.kind === "apply"
            ? `apply ${change.key}=${change.value}`
            : `delete ${change.key}`,
        ),
    },
    stop.signal,
  );
  try {
    await use({
      api,
      watched,
      changes,
      counts,
      log,
      lists: () => api.requests.filter((request) => !request.includes("watch=")),
      watches: () =>
        api.requests.filter((request) => request.includes("watch=")).map((request) =>
          new URL(request.slice("GET ".length), api.url).searchParams
        ),
    });
  } finally {
    stop.abort();
    await watched.done;
    await api.close();
  }
}

function list(version: string, ...objects: unknown[]): () => Response {
  return () => serviceList(objects, version);
}

/** A watch that sends these lines and then ends, or goes on when `open`. */
function sends(events: readonly [string, unknown][], open = false): () => Response {
  return () => {
    const watch = fedWatch();
    for (const [type, object] of events) watch.send(type, object);
    if (!open) watch.end();
    return watch.response;
  };
}

function bookmark(resourceVersion: string): [string, unknown] {
  return ["BOOKMARK", { kind: "Service", metadata: { resourceVersion } }];
}

const A1 = service("a", "1");

Deno.test("reflector lists in pages, says synced once, and watches from the list's version", async () => {
  await withReflector({
    lists: [
      () => serviceList([A1], "100", "token+/="),
      () => serviceList([service("b", "2")], "100"),
    ],
  }, async ({ changes, watched, api, lists, watches }) => {
    await until("the watch", () => watches().length === 1);
    assert.deepEqual(changes, ["apply default/a=1", "apply default/b=2", "synced"]);
    assert.equal(watched.synced, true);
    assert.deepEqual([...watched.items.keys()], ["default/a", "default/b"]);
    assert.equal(lists()[0], "GET /api/v1/services?limit=500");
    assert.equal(
      new URL(lists()[1]?.slice(4) ?? "", api.url).searchParams.get("continue"),
      "token+/=",
    );
    const [watch] = watches();
    assert.equal(watch?.get("resourceVersion"), "100");
    assert.equal(watch?.get("allowWatchBookmarks"), "true");
    const seconds = Number(watch?.get("timeoutSeconds"));
    assert.ok(seconds >= 290 && seconds <= 348);
  });
});

Deno.test("C4: reflector begins its list again when the continue token expires", async () => {
  await withReflector({
    lists: [
      () => serviceList([service("old", "1")], "100", "token"),
      () => status(410, "expired"),
      () => serviceList([A1], "200", "token2"),
      list("200", service("b", "2")),
    ],
  }, async ({ changes, watches }) => {
    await until("the watch", () => watches().length === 1);
    assert.deepEqual(changes, ["apply default/a=1", "apply default/b=2", "synced"]);
    assert.equal(watches()[0]?.get("resourceVersion"), "200");
  });
});

Deno.test("controller 17, suspected: a list whose every continue token is expired comes to an end all the same", async () => {
  const answer = ({ searchParams }: URL) =>
    searchParams.has("continue")
      ? status(410, "expired")
      : searchParams.has("limit")
      ? serviceList([A1], "100", "token")
      : serviceList([A1, service("b", "2")], "200");
  await withReflector({ lists: [answer] }, async ({ changes, lists, watches }) => {
    await until("the watch", () => watches().length === 1);
    assert.deepEqual(changes, ["apply default/a=1", "apply default/b=2", "synced"]);
    assert.equal(lists().length, 3, "two pages, then the whole");
  });
});

Deno.test("reflector applies events, ignores unknown ones, and skips what is no object", async () => {
  await withReflector({
    lists: [list("100", A1)],
    watches: [
      sends([
        ["ADDED", service("b", "101")],
        ["RENAMED", service("x", "102")],
        ["DELETED", service("never", "103")],
        ["MODIFIED", { metadata: { namespace: "default" } }],
        ["MODIFIED", { metadata: { name: "n", annotations: { port: 80 } } }],
        ["MODIFIED", service("a", "104")],
        ["DELETED", service("b", "105")],
      ]),
    ],
    timing: { healthyMs: 0 },
  }, async ({ changes, counts, watches }) => {
    await until("the second watch", () => watches().length === 2);
    assert.equal(watches()[1]?.get("resourceVersion"), "105");
    assert.deepEqual(changes.slice(2), [
      "apply default/b=101",
      "apply default/a=104",
      "delete default/b",
    ]);
    assert.equal(counts.get("unknown_events"), 1);
    assert.equal(counts.get("skipped_objects"), 2);
  });
});

Deno.test("C6: reflector goes on from the last bookmark, kept byte for byte, with nothing replayed", async () => {
  const versions = ["9007199254740993123", "opaque:Ä-1"];
  await withReflector({
    lists: [list("100", A1)],
    watches: versions.map((version) => sends([bookmark(version)])),
    timing: { healthyMs: 0 },
  }, async ({ changes, lists, watches }) => {
    await until("the third watch", () => watches().length === 3);
    assert.deepEqual(watches().map((query) => query.get("resourceVersion")), ["100", ...versions]);
    assert.deepEqual(changes, ["apply default/a=1", "synced"]);
    assert.equal(lists().length, 1);
  });
});

const FORGOTTEN: readonly [string, () => Response][] = [
  ["HTTP 410", () => status(410, "too old resource version")],
  ["an ERROR event 410", sends([["ERROR", { kind: "Status", code: 410, message: "too old" }]])],
  ["HTTP 400", () => status(400, "invalid resource version")],
  [
    "a version from the future",
    sends([["ERROR", {
      code: 504,
      message: "Timeout: Too large resource version: 9, current: 2",
    }]]),
  ],
];

for (const [what, watch] of FORGOTTEN) {
  Deno.test(`C4: reflector lists again after ${what} and gives the difference only`, async () => {
    await withReflector({
      lists: [
        list("100", A1, service("b", "2"), service("c", "3")),
        list("200", A1, service("c", "150"), service("d", "160")),
      ],
      watches: [watch],
    }, async ({ changes, watches, counts }) => {
      await until("the second watch", () => watches().length === 2);
      assert.deepEqual(changes.slice(4), [
        "delete default/b",
        "apply default/c=150",
        "apply default/d=160",
        "synced",
      ]);
      assert.equal(watches()[1]?.get("resourceVersion"), "200");
      assert.equal(counts.get("relists"), 1);
    });
  });
}

Deno.test("C4: reflector never lists twice within the relist time", async () => {
  const listed: number[] = [];
  await withReflector({
    clock: systemClock,
    lists: [() => {
      listed.push(performance.now());
      return serviceList([A1], "100");
    }],
    watches: Array.from({ length: 4 }, () => () => status(410, "too old")),
    timing: { relistMs: 100 },
  }, async ({ watches }) => {
    await until("the fifth watch", () => watches().length === 5);
    const gaps = listed.slice(1).map((at, i) => at - (listed[i] ?? 0));
    // The times are the server's; a request may take a little longer than the next.
    assert.ok(gaps.every((gap) => gap >= 80), String(gaps));
  });
});

const BROKEN: readonly [string, () => Response][] = [
  ["cut JSON", () => new Response('{"type":"ADDED","object":{"meta\n')],
  ["HTML", () => new Response("<html>\n<body>\n")],
  ["an ERROR 500", sends([["ERROR", { code: 500, message: "etcd" }]])],
  ["HTTP 500", () => status(500, "no")],
  ["HTTP 429", () => status(429, "slow", { "retry-after": "1" })],
  ["an end at once", sends([])],
];

for (const [what, watch] of BROKEN) {
  Deno.test(`reflector watches again from the last good version after ${what}`, async () => {
    await withReflector({
      lists: [list("100", A1)],
      watches: [sends([bookmark("101")]), watch, sends([["MODIFIED", service("a", "102")]], true)],
      timing: { healthyMs: 1_000_000 },
    }, async ({ changes, lists, watches, log }) => {
      await until("the change", () => changes.includes("apply default/a=102"));
      assert.deepEqual(watches().map((query) => query.get("resourceVersion")), [
        "100",
        "101",
        "101",
      ]);
      assert.equal(lists().length, 1);
      // Told once, not with each try, and told when it is over.
      assert.deepEqual(log.lines.map(({ msg }) => msg), [
        "cannot read, trying again",
        "reading from the API server again",
      ]);
    });
  });
}

Deno.test("reflector opens a watch again at once that brought something, but not for ever", async () => {
  const watches = Array.from({ length: 7 }, (_, i) => sends([bookmark(String(101 + i))]));
  await withReflector({
    lists: [list("100", A1)],
    watches,
    timing: { healthyMs: 1_000_000 },
  }, async ({ watches, log }) => {
    await until("the eighth watch", () => watches().length === 8);
    assert.equal(watches()[7]?.get("resourceVersion"), "107");
    assert.equal(log.lines[0]?.fields.error?.toString().includes("ended at once"), true);
    assert.equal(log.lines[0]?.fields.attempt, 0);
  });
});

Deno.test("reflector gives up a line of more than 16 MiB and goes on", async () => {
  await withReflector({
    lists: [list("100", A1)],
    watches: [
      () => new Response(new Uint8Array(17 * 1024 * 1024)),
      sends([["MODIFIED", service("a", "102")]], true),
    ],
  }, async ({ changes }) => {
    await until("the change", () => changes.includes("apply default/a=102"));
  });
});

Deno.test("C5: reflector replaces a watch that is silent and takes another connection", async () => {
  const cancelled: number[] = [];
  const silent: FedWatch[] = [];
  await withReflector({
    lists: [list("100", A1)],
    watches: [
      () => {
        const watch = fedWatch(() => cancelled.push(1));
        silent.push(watch);
        watch.send(...bookmark("101"));
        return watch.response;
      },
      sends([["MODIFIED", service("a", "102")]], true),
    ],
    timing: { silentMs: 500 },
  }, async ({ changes, watches, counts, watched }) => {
    const before = watched.lastHeardMs;
    await until("the missed change", () => changes.includes("apply default/a=102"));
    assert.equal(watches()[1]?.get("resourceVersion"), "101");
    assert.ok((counts.get("stalls") ?? 0) >= 1);
    await until("the end of the first watch", () => cancelled.length === 1);
    assert.ok(watched.lastHeardMs > before);
  });
});

Deno.test("reflector moves on while the API server is away, though it hears nothing", async () => {
  await withReflector({ lists: [() => status(503, "away")] }, async ({ watched, lists }) => {
    await until("a try", () => lists().length > 2);
    const { lastHeardMs, lastMovedMs } = watched;
    const tries = lists().length;
    await until("more tries", () => lists().length > tries + 1);
    assert.equal(watched.lastHeardMs, lastHeardMs);
    assert.ok(watched.lastMovedMs > lastMovedMs);
  });
});

Deno.test("reflector does not move any more when its stream ends neither by silence nor by being stopped", async () => {
  const stop = new AbortController();
  const stuck = Promise.withResolvers<never>();
  let streams = 0;
  const client: KubeClient = {
    server: "test",
    request: () =>
      Promise.resolve({
        kind: "ok",
        body: { kind: "ServiceList", items: [], metadata: { resourceVersion: "1" } },
      }),
    stream: () => {
      streams++;
      return stuck.promise;
    },
    reconnect() {},
    waitToRetry: () => Promise.resolve(),
  };
  const watched = startReflector<string>(
    {
      client,
      clock: HURRIED_CLOCK,
      log: recordedLog(),
      timing: { ...TIMING, silentMs: 20 },
      count() {},
    },
    { kind: "Service", read: () => undefined, onChange() {} },
    stop.signal,
  );
  await until("the stream", () => streams === 1);
  const { lastMovedMs } = watched;
  // Ten times as long as a silent watch is suffered.
  await pause(200);
  assert.deepEqual([streams, watched.lastMovedMs], [1, lastMovedMs]);
  stop.abort();
  stuck.reject(new Error("the test ends"));
  await watched.done;
});

Deno.test("C5: reflector replaces a watch that the server forgot to end", async () => {
  const feedings: number[] = [];
  await withReflector({
    lists: [list("100", A1)],
    watches: [() => {
      const watch = fedWatch(() => clearInterval(feeding));
      const feeding = setInterval(() => watch.send(...bookmark("101")), 5);
      feedings.push(feeding);
      return watch.response;
    }],
    // Ends watchMs + 25 s after its start at the latest: here after 60 ms.
    timing: { watchMs: -24_960, silentMs: 160 },
    clock: { ...HURRIED_CLOCK, random: () => 0 },
  }, async ({ watches }) => {
    await until("the second watch", () => watches().length >= 2);
    feedings.forEach(clearInterval);
  });
});

Deno.test("C5: reflector looks often enough to replace a silent watch within 90 s", () => {
  const { silentMs } = REFLECTOR_TIMING;
  assert.ok(silentMs + silentMs / 16 <= 90_000);
  assert.ok(silentMs > 60_000, "the server sends a bookmark about once a minute");
});

/** Ways in which a server is not there, for every request of a while. */
const ABSENCES: readonly [string, Answer][] = [
  ["503", () => status(503, "shutting down")],
  ["429 with Retry-After", () => status(429, "too many requests", { "retry-after": "1" })],
  [
    "a cut connection",
    () => new Response(new ReadableStream({ start: (stream) => stream.error(new Error("cut")) })),
  ],
  // Accepts and never says a word.
  ["a black hole", () => new Promise<Response>(() => {})],
];

for (const [what, absent] of ABSENCES) {
  Deno.test(`C3: reflector changes nothing through ${what}, complains once, and catches up`, async () => {
    let away = false;
    const first = fedWatch();
    let watches = 0;
    let refused = 0;
    const api = startMockApi((url, request) => {
      if (away) {
        refused++;
        return absent(url, request);
      }
      if (!url.searchParams.has("watch")) return serviceList([A1], "100");
      return watches++ === 0 ? first.response : sends([["MODIFIED", service("a", "102")]], true)();
    });
    const stop = new AbortController();
    const changes: string[] = [];
    const log = recordedLog();
    // An answer that does not come is given up after 20 s: here after 0.2 s.
    const client = await mockClient(api.url, stop.signal, undefined, HURRIED_CLOCK);
    const impatient = {
      ...client,
      stream: (...[request, signal]: Parameters<typeof client.stream>) =>
        client.stream({ ...request, timeoutMs: 200 }, signal),
    };
    const watched = startReflector<string>(
      { client: impatient, clock: HURRIED_CLOCK, log, timing: TIMING, count: () => {} },
      {
        kind: "Service",
        read: (object) => textOf(objectOr(objectOr(object).metadata).resourceVersion),
        onChange: (change) => changes.push(change.kind),
      },
      stop.signal,
    );
    await until("synced", () => changes.includes("synced") && watches === 1);
    away = true;
    first.end();
    await until("three tries", () => refused >= 3);
    assert.deepEqual(changes, ["apply", "synced"]);
    assert.equal(watched.items.size, 1);
    away = false;
    await until("the missed change", () => changes.length === 3);
    assert.deepEqual(changes, ["apply", "synced", "apply"]);
    assert.equal(log.lines.filter(({ level }) => level === "warn").length, 1);
    stop.abort();
    await watched.done;
    await api.close();
  });
}

const NO_LISTS: readonly [string, () => Response][] = [
  ["HTML", () => new Response("<html>", { headers: { "content-type": "text/html" } })],
  [
    "another kind",
    () => Response.json({ kind: "Status", metadata: { resourceVersion: "1" }, items: [] }),
  ],
  ["no version", () => Response.json({ kind: "ServiceList", metadata: {}, items: null })],
  [
    "items that are no list",
    () => Response.json({ kind: "ServiceList", metadata: { resourceVersion: "1" }, items: {} }),
  ],
  ["HTTP 403", () => status(403, "services is forbidden")],
];

for (const [what, answer] of NO_LISTS) {
  Deno.test(`reflector never takes ${what} for an empty list`, async () => {
    await withReflector({
      lists: [list("100", A1), answer, answer, answer, list("200", A1)],
      watches: [() => status(410, "too old")],
    }, async ({ changes, watches }) => {
      await until("the second watch", () => watches().length === 2);
      assert.deepEqual(changes, ["apply default/a=1", "synced", "synced"]);
    });
  });
}

Deno.test("reflector takes items null for an empty list where kind and version are there", async () => {
  await withReflector({ lists: [() => serviceList(null, "100")] }, async ({ changes }) => {
    await until("synced", () => changes.length > 0);
    assert.deepEqual(changes, ["synced"]);
  });
});

Deno.test("reflector asks a second time before it believes that everything is gone", async () => {
  const known = Array.from({ length: 1_000 }, (_, i) => service(`s${i}`, "1"));
  const second = fedWatch();
  await withReflector({
    lists: [list("100", ...known), list("200"), list("201", ...known), list("300"), list("301")],
    watches: [() => status(410, "too old"), () => second.response],
  }, async ({ changes, watches, lists }) => {
    const deletions = () => changes.filter((change) => change.startsWith("delete")).length;
    await until("the second watch", () => watches().length === 2);
    assert.deepEqual([deletions(), lists().length], [0, 3]);
    second.send("ERROR", { code: 410, message: "too old" });
    await until("the third watch", () => watches().length === 3);
    assert.deepEqual([deletions(), lists().length], [1_000, 5]);
    assert.ok(lists().every((request) => !request.includes("resourceVersion")));
  });
});

Deno.test("reflector lists from time to time where watching is forbidden, and says so once", async () => {
  await withReflector({
    lists: [list("1", A1), list("2", A1), list("3", service("a", "3"))],
    watches: Array.from({ length: 8 }, () => () => status(403, "cannot watch resource pods")),
  }, async ({ changes, watches, lists, log }) => {
    await until("the third watch", () => watches().length >= 3);
    assert.ok(lists().length <= watches().length + 1, "the first refusals may pass");
    await until("the eighth watch", () => watches().length >= 8);
    assert.ok(lists().length > 10, "those that last are asked about ever more seldom");
    assert.ok(changes.includes("apply default/a=3"));
    assert.equal(changes.filter((change) => change.startsWith("apply")).length, 2);
    assert.equal(log.lines.filter(({ msg }) => msg.startsWith("watching is forbidden")).length, 1);
  });
});

Deno.test("reflector waits for a server that is away at the start", async () => {
  await withReflector({
    lists: [() => status(503, "starting"), () => status(503, "starting"), list("100", A1)],
  }, async ({ changes, log }) => {
    await until("synced", () => changes.includes("synced"));
    assert.equal(log.lines.filter(({ level }) => level === "warn").length, 1);
  });
});

Deno.test("reflector selects by namespace, name and label", async () => {
  const api = startMockApi((url) =>
    url.searchParams.has("watch") ? fedWatch().response : Response.json({
      kind: "PodList",
      metadata: { resourceVersion: "1" },
      items: [],
    })
  );
  const stop = new AbortController();
  const watched = startReflector<string>(
    {
      client: await mockClient(api.url, stop.signal),
      clock: HURRIED_CLOCK,
      log: recordedLog(),
      timing: TIMING,
      count: () => {},
    },
    {
      kind: "Pod",
      namespace: "metallb-system",
      name: "a",
      labelSelector: "app=metallb,component=speaker",
      read: () => undefined,
      onChange: () => {},
    },
    stop.signal,
  );
  await until("the watch", () => api.requests.length === 2);
  for (const request of api.requests) {
    const url = new URL(request.slice(4), api.url);
    assert.equal(url.pathname, "/api/v1/namespaces/metallb-system/pods");
    assert.equal(url.searchParams.get("fieldSelector"), "metadata.name=a");
    assert.equal(url.searchParams.get("labelSelector"), "app=metallb,component=speaker");
  }
  stop.abort();
  await watched.done;
  await api.close();
});

Deno.test("refresh() ends the watch for a list that begins after the question, and goes on from there", async () => {
  const lists = [list("10", service("a", "1")), list("20", service("a", "1"), service("b", "15"))];
  await withReflector(
    { lists, clock: systemClock },
    async ({ changes, lists, watched, watches }) => {
      await until("the watch", () => watches().length === 1);
      const before = performance.now();
      await watched.refresh();
      assert.deepEqual([...watched.items], [["default/a", "1"], ["default/b", "15"]]);
      assert.deepEqual(changes.slice(-2), ["apply default/b=15", "synced"]);
      assert.equal(lists().length, 2);
      await until("the watch from there", () => watches()[1]?.get("resourceVersion") === "20");
      // Not the second that lists are apart otherwise; generous, for it is a matter of a request.
      assert.ok(performance.now() - before < TIMING.relistMs);
    },
  );
});

Deno.test("refresh() is answered by no list that fails, and by none that began before", async () => {
  const answers = [
    list("10", service("a", "1")),
    () => status(503, "away"),
    list("30", service("a", "25")),
  ];
  await withReflector({ lists: answers }, async ({ lists, watched, watches }) => {
    await until("the watch", () => watches().length === 1);
    const both = [watched.refresh(), watched.refresh()];
    await Promise.all(both);
    assert.equal(lists().length, 3, "one good list for two questions");
    assert.deepEqual([...watched.items], [["default/a", "25"]]);
  });
});

Deno.test("refresh() leaves nobody waiting after the end", async () => {
  let watched: Watched<string> | undefined;
  await withReflector({ lists: [() => status(503, "away")] }, async (running) => {
    watched = running.watched;
    await until("a try", () => running.lists().length > 0);
    void watched.refresh();
  });
  await watched?.refresh();
});
