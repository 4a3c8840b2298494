// deno-lint-ignore-file no-console -- prints how long each took
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { KINDS } from "../../lib/host/cluster/kinds.ts";
import { objectOr } from "../../lib/model/json.ts";
import { freePort } from "../cluster/controller_process.ts";
import { configMap } from "../support/folder.ts";
import { type Answer, fedWatch, json, startMockApi, status } from "../support/mock_api.ts";
import { writeKubeconfig } from "../support/kubeconfig.ts";
import { start } from "../support/process.ts";
import { waitFor } from "../support/wait.ts";

const HERALD = fileURLToPath(new URL("../../dist/herald", import.meta.url));
/**
 * A speaker gives its addresses over, and a leader its lease, in less than a second; one that starts
 * finishes that first, on a busy machine in two. What hangs is left after four.
 */
const WITHIN_MS = 3_500;
const NEVER = () => new Promise<Response>(() => {});
const ADDRESS = "10.99.0.1";
const LAYER2 = `address-pools: [{name: a, protocol: layer2, addresses: [${ADDRESS}/32]}]`;
// Nobody answers at an address of the documentation, where it can be reached at all.
const BGP = `address-pools: [{name: a, protocol: bgp, addresses: [${ADDRESS}/32]}]
peers: [{my-asn: 64500, peer-asn: 64501, peer-address: 192.0.2.1, bfd-profile: b}]
bfd-profiles: [{name: b}]`;
const SERVICE = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace: "default" },
  spec: { type: "LoadBalancer", ipFamilies: ["IPv4"], ports: [{ port: 80 }] },
};
const GOSSIP = ["--ml-bindaddr=127.0.0.1", "--ml-bindport=0"];
const LISTENS = /listening for HTTP/;

/** What a role is run with: its own folder, and what ends with the test. */
interface Bench {
  readonly folder: string;
  readonly open: AsyncDisposableStack;
  readonly port: number;
}

interface Case {
  readonly roles: readonly ("controller" | "speaker" | "all")[];
  readonly flags: (bench: Bench) => Promise<readonly string[]> | readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** In the log, once it is in that state. */
  readonly until: RegExp;
  readonly then?: (bench: Bench) => Promise<void> | void;
}

async function store({ folder }: Bench, config?: string): Promise<string> {
  const objects = config === undefined ? [SERVICE] : [SERVICE, configMap(config)];
  await Deno.mkdir(`${folder}/store`);
  for (const [at, object] of objects.entries()) {
    await Deno.writeTextFile(`${folder}/store/${at}.json`, JSON.stringify(object));
  }
  return `--store=${folder}/store`;
}

async function server({ folder }: Bench, url: string): Promise<string> {
  await writeKubeconfig(`${folder}/kubeconfig`, url);
  return `--kubeconfig=${folder}/kubeconfig`;
}

/** An API server that holds nothing and takes everything; `ahead` answers in its place. */
function api(
  bench: Bench,
  ahead: (...request: Parameters<Answer>) => ReturnType<Answer> | undefined = () => undefined,
): Promise<string> {
  const mock = startMockApi(async (url, request) => {
    const given = ahead(url, request);
    if (given !== undefined) return given;
    if (url.searchParams.has("watch")) return fedWatch().response;
    if (request.method === "GET") {
      const [resource = ""] = url.pathname.split("/").slice(-1);
      const kind = Object.entries(KINDS).find(([, { plural }]) => plural === resource)?.[0];
      return kind === undefined
        ? status(404, "not found")
        : json({ kind: `${kind}List`, metadata: { resourceVersion: "1" }, items: [] });
    }
    const body = objectOr(await request.json());
    return json({ ...body, metadata: { ...objectOr(body.metadata), resourceVersion: "2" } });
  });
  bench.open.defer(() => void mock.close());
  return server(bench, mock.url);
}

/** One that takes connections and says nothing. */
function silentServer(bench: Bench): string {
  const listener = bench.open.use(Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  void (async () => {
    for await (const connection of listener) bench.open.use(connection);
  })().catch(() => undefined);
  return `http://127.0.0.1:${listener.addr.port}`;
}

const ALL = ["controller", "speaker", "all"] as const;
const BOTH = ["controller", "speaker"] as const;
const CASES: Readonly<Record<string, Case>> = {
  "it has just begun": { roles: ALL, flags: async (b) => [await store(b)], until: /herald starts/ },
  "it opens its store": {
    roles: ALL,
    flags: async (b) => [await store(b, LAYER2)],
    until: /using a folder/,
  },
  "it opens its sockets": {
    roles: ["speaker", "all"],
    flags: async (b) => [await store(b, LAYER2), ...GOSSIP],
    until: /responder ready/,
  },
  "there is no configuration": {
    roles: BOTH,
    flags: async (b) => [await store(b)],
    until: LISTENS,
  },
  "it works": {
    roles: ["all"],
    flags: async (b) => [await store(b, LAYER2), ...GOSSIP],
    until: /address assigned/,
  },
  "its store is gone": {
    roles: BOTH,
    flags: async (b) => [await store(b, LAYER2)],
    until: LISTENS,
    then: ({ folder }) => Deno.remove(`${folder}/store`, { recursive: true }),
  },
  "another controller leads": {
    roles: ["controller"],
    async flags(bench) {
      const flag = await store(bench, LAYER2);
      const other = start(HERALD, ["run", "--role=controller", flag, "--port=0"]);
      bench.open.use(other);
      await waitFor("the leader", () => other.output().includes("leading"));
      return [flag];
    },
    until: LISTENS,
  },
  "a BGP peer is never reached": {
    roles: ["speaker"],
    flags: async (b) => [await store(b, BGP)],
    until: LISTENS,
  },
  "the other speakers are never reached": {
    roles: ["speaker"],
    flags: async (b) => [await store(b, LAYER2), ...GOSSIP, "--ml-join=192.0.2.7"],
    until: /gossip ready/,
  },
  "nobody listens where the API server should be": {
    roles: BOTH,
    flags: async (b) => [await server(b, `http://127.0.0.1:${freePort()}`)],
    until: /cannot read, trying again/,
  },
  "the API server says nothing": {
    roles: BOTH,
    flags: async (b) => [await server(b, silentServer(b))],
    until: LISTENS,
  },
  "the API server refuses everything": {
    roles: BOTH,
    flags: async (b) => [await api(b, () => status(403, "forbidden"))],
    until: /cannot read, trying again/,
  },
  "the gossip key is not there": {
    roles: ["speaker"],
    flags: async (b) => [await api(b), ...GOSSIP, "--ml-secret-name=memberlist"],
    until: /waiting for the gossip key/,
  },
  "the Lease is refused": {
    roles: ["controller"],
    async flags(b) {
      const refuse = ({ pathname }: URL) =>
        pathname.includes("/leases") ? status(403, "cannot get resource") : undefined;
      return [await api(b, refuse), "--leader-elect-profile=fast"];
    },
    until: /no leader election/,
  },
  "the API server falls silent under a leader": {
    roles: ["controller"],
    flags: async (b) => [
      await api(
        b,
        (url, request) =>
          request.method === "PUT" && url.pathname.includes("/leases/") ? NEVER() : undefined,
      ),
    ],
    until: /leading, this controller/,
  },
  "somebody holds its pages open": {
    roles: ["controller"],
    flags: async (b) => [await store(b, LAYER2)],
    until: LISTENS,
    async then({ open, port }) {
      for (
        const text of ["", "GET /status HTTP/1.1\r\n", "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"]
      ) {
        const reader = open.use(await Deno.connect({ hostname: "127.0.0.1", port }));
        await reader.write(new TextEncoder().encode(text));
      }
    },
  },
  "its service manager is gone": {
    roles: ["controller"],
    flags: async (b) => [await store(b, LAYER2)],
    env: { NOTIFY_SOCKET: "/nowhere/notify", WATCHDOG_USEC: "30000000" },
    until: LISTENS,
  },
};

async function msToEnd(what: string, role: string, { env, flags, then, until }: Case) {
  await using open = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "herald-stop-" });
  open.defer(() => Deno.remove(folder, { recursive: true }));
  const bench = { folder, open, port: freePort() };
  // No interface of this machine is touched.
  const own = role === "controller" ? [] : ["--node-name=n1", "--interface=lo"];
  const args = [`--role=${role}`, `--port=${bench.port}`, ...own, ...await flags(bench)];
  const herald = open.use(start(HERALD, ["run", ...args], env));
  await waitFor(`${what}: ${until}`, () => until.test(herald.output()), { everyMs: 2 })
    .catch((cause) => {
      throw new Error(herald.output(), { cause });
    });
  await then?.(bench);
  const asked = performance.now();
  const code = await herald.end();
  const tookMs = performance.now() - asked;
  assert.equal(code, 0, `${what}: ${role} ended with ${code}:\n${herald.output()}`);
  assert.ok(tookMs < WITHIN_MS, `${what}: ${role} took ${tookMs} ms:\n${herald.output()}`);
  assert.doesNotMatch(herald.output(), /not ended in time|unexpected error/, what);
  return Math.round(tookMs);
}

for (const [what, one] of Object.entries(CASES)) {
  Deno.test(`a role ends at once on SIGTERM where ${what}`, async () => {
    // One after the other: beside each other their starts would take as long as a hang.
    const took: string[] = [];
    for (const role of one.roles) took.push(`${role} ${await msToEnd(what, role, one)} ms`);
    console.log(took.join(", "));
  });
}
