import { chunksOf } from "../../lib/host/kubernetes/response_body.ts";
import { ensureKubeBinaries, type KubeBinaries } from "./kube_binaries.ts";
import { type Certificates, makeClusterCertificates } from "./cluster_certificates.ts";
import { openJanitor } from "./janitor.ts";
import type { Host } from "./lan.ts";
import { must, type RunningProcess, start } from "./process.ts";
import { waitFor } from "./wait.ts";

/** A real Kubernetes API with its etcd; disposing of it ends both and removes their files. */
export interface ControlPlane extends AsyncDisposable {
  /** `https://ADDRESS:PORT`. */
  readonly server: string;
  /** The store behind the API server, `http://127.0.0.1:PORT`. */
  readonly etcd: string;
  /** For the administrator, by token. */
  readonly kubeconfig: string;
  readonly folder: string;
  readonly binaries: KubeBinaries;
  readonly certificates: Certificates;
  /** Gives standard output. @throws Error with kubectl's message */
  kubectl(args: readonly string[], stdin?: string): Promise<string>;
  /**
   * One request as the administrator; gives the object. Like `watch` for a server on loopback only.
   * @throws Error unless it succeeds
   */
  request(method: string, path: string, body?: unknown): Promise<unknown>;
  /** Watch events as they come, until the signal fires. */
  watch(path: string, signal: AbortSignal): Promise<AsyncIterable<WatchEvent>>;
  kubeconfigForToken(token: string): Promise<string>;
  /** For a user of the group system:masters who shows a client certificate. */
  kubeconfigForCertificate(): Promise<string>;
  serviceAccountToken(namespace: string, name: string): Promise<string>;
  stopApiServer(): Promise<void>;
  startApiServer(): Promise<void>;
}

export interface WatchEvent {
  readonly type: string;
  readonly object: {
    readonly metadata: { readonly name: string; readonly resourceVersion: string };
    readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { ip: string }[] } };
  };
}

const ADMIN_TOKEN = "administrator-of-the-test";
/** The article's cluster IPs lie in it. */
const SERVICE_RANGE = "172.17.0.0/16,fd00:17::/112";

export interface ControlPlaneOptions {
  /** Runs inside this host of a LAN, on its address; else on loopback. */
  readonly host?: Host;
  /** Names of nodes whose kubelets are real: pods run, with tokens of their accounts. */
  readonly kubelets?: readonly string[];
  /** Whether `audit.log` in its folder has every request of ServiceAccounts, a line of JSON each. */
  readonly audit?: boolean;
}

const AUDIT_POLICY = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived"],
  rules: [{ level: "Metadata", userGroups: ["system:serviceaccounts"] }, { level: "None" }],
};

/** Starts etcd and an API server with RBAC and waits until it is ready. */
export async function startControlPlane(
  { audit = false, host, kubelets = [] }: ControlPlaneOptions = {},
): Promise<ControlPlane> {
  await using unfinished = new AsyncDisposableStack();
  const binaries = await ensureKubeBinaries();
  const folder = await Deno.makeTempDir({ prefix: "herald-kube-" });
  unfinished.use(openJanitor({ folder }));
  unfinished.defer(() => Deno.remove(folder, { recursive: true }));
  const address = host === undefined ? "127.0.0.1" : await addressOf(host);
  const ports = host === undefined ? freePorts(3) : [2379, 2380, 6443];
  const [clientPort = 0, peerPort = 0, apiPort = 0] = ports;
  const certificates = await makeClusterCertificates(folder, address);
  await Deno.writeTextFile(
    `${folder}/tokens.csv`,
    [
      `${ADMIN_TOKEN},admin,admin,"system:masters"\n`,
      ...kubelets.map((name) =>
        `${kubeletToken(name)},system:node:${name},${name},"system:nodes"\n`
      ),
    ].join(""),
  );
  const launch = (command: string, args: string[]): RunningProcess =>
    host === undefined ? start(command, args) : host.start(command, args);
  const etcdUrl = `http://127.0.0.1:${clientPort}`;
  unfinished.use(launch(binaries.etcd, [
    `--data-dir=${folder}/etcd`,
    "--unsafe-no-fsync",
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
    "--log-level=error",
  ]));
  await Deno.writeTextFile(`${folder}/audit.json`, JSON.stringify(AUDIT_POLICY));
  const auditArgs = [
    `--audit-policy-file=${folder}/audit.json`,
    `--audit-log-path=${folder}/audit.log`,
  ];
  const server = `https://${address}:${apiPort}`;
  let api: RunningProcess | undefined;
  const curl = async (...args: string[]) => {
    const all = [
      "-sS",
      "--max-time",
      "5",
      "--cacert",
      certificates.authority,
      "-H",
      `Authorization: Bearer ${ADMIN_TOKEN}`,
      ...args,
    ];
    return host === undefined ? await must("curl", all) : await host.must("curl", ...all);
  };
  const startApiServer = async () => {
    api = launch(
      binaries.kubeApiserver,
      [
        ...apiServerArgs(folder, certificates, etcdUrl, address, apiPort, kubelets.length > 0),
        ...audit ? auditArgs : [],
      ],
    );
    const running = api;
    await waitFor("the API server", async () => await curl(`${server}/readyz`) === "ok", {
      timeoutMs: 60_000,
      everyMs: 200,
    })
      .catch((error) => {
        throw new Error(running.output().slice(-3000), { cause: error });
      });
  };
  const stopApiServer = async () => {
    await api?.end("SIGKILL");
    api = undefined;
  };
  unfinished.defer(stopApiServer);
  await startApiServer();
  const kubeconfig = await writeKubeconfig(`${folder}/admin.kubeconfig`, server, certificates, {
    token: ADMIN_TOKEN,
  });
  const kubectl = async (args: readonly string[], stdin?: string): Promise<string> => {
    const all = [`--kubeconfig=${kubeconfig}`, ...args];
    if (host === undefined) return await must(binaries.kubectl, all, stdin);
    const [command, inside] = host.inside(binaries.kubectl, ...all);
    return await must(command, inside, stdin);
  };
  const rest = await openRest(server, certificates, unfinished);
  let files = 0;
  const finished = unfinished.move();
  return {
    server,
    etcd: etcdUrl,
    kubeconfig,
    folder,
    binaries,
    certificates,
    kubectl,
    ...rest,
    kubeconfigForToken: (token) =>
      writeKubeconfig(`${folder}/user-${++files}.kubeconfig`, server, certificates, { token }),
    kubeconfigForCertificate: () =>
      writeKubeconfig(`${folder}/user-${++files}.kubeconfig`, server, certificates, "certificate"),
    serviceAccountToken: async (namespace, name) =>
      (await kubectl(["create", "token", "-n", namespace, name, "--duration=2h"])).trim(),
    startApiServer,
    stopApiServer,
    [Symbol.asyncDispose]: () => finished.disposeAsync(),
  };
}

/** The token by which a node's kubelet is known. */
export function kubeletToken(node: string): string {
  return `kubelet-of-${node}`;
}

async function addressOf(host: Host): Promise<string> {
  const text = await must("ip", ["-n", host.netns, "-4", "-o", "addr", "show", "dev", "eth0"]);
  const found = /inet ([0-9.]+)\//.exec(text)?.[1];
  if (found === undefined) throw new Error(`${host.name} has no IPv4 address`);
  return found;
}

function freePorts(count: number): number[] {
  const listeners = Array.from(
    { length: count },
    () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  );
  return listeners.map((listener) => {
    listener.close();
    return listener.addr.port;
  });
}

function apiServerArgs(
  folder: string,
  certificates: Certificates,
  etcdUrl: string,
  address: string,
  port: number,
  hasKubelets: boolean,
): string[] {
  return [
    `--etcd-servers=${etcdUrl}`,
    `--bind-address=${address}`,
    `--advertise-address=${address}`,
    `--secure-port=${port}`,
    `--tls-cert-file=${certificates.serving}`,
    `--tls-private-key-file=${certificates.servingKey}`,
    `--client-ca-file=${certificates.authority}`,
    `--token-auth-file=${folder}/tokens.csv`,
    `--service-cluster-ip-range=${SERVICE_RANGE}`,
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-key-file=${certificates.accountKey}`,
    `--service-account-signing-key-file=${certificates.accountKey}`,
    ...hasKubelets
      ? [
        "--authorization-mode=Node,RBAC",
        "--allow-privileged=true",
        "--kubelet-preferred-address-types=InternalIP",
      ]
      : [
        "--authorization-mode=RBAC",
        "--disable-admission-plugins=ServiceAccount",
        "--endpoint-reconciler-type=none",
      ],
    "--enable-aggregator-routing=false",
    "--v=0",
  ];
}

async function writeKubeconfig(
  path: string,
  server: string,
  certificates: Certificates,
  user: { readonly token: string } | "certificate",
): Promise<string> {
  const credentials = user === "certificate"
    ? { "client-certificate": certificates.client, "client-key": certificates.clientKey }
    : user;
  await Deno.writeTextFile(
    path,
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      clusters: [{
        name: "test",
        cluster: { server, "certificate-authority": certificates.authority },
      }],
      users: [{ name: "test", user: credentials }],
      contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
      "current-context": "test",
    }),
  );
  return path;
}

/** Requests from this process, which is outside of any namespace: only a server on loopback hears them. */
async function openRest(
  server: string,
  certificates: Certificates,
  stack: AsyncDisposableStack,
): Promise<Pick<ControlPlane, "request" | "watch">> {
  const client = Deno.createHttpClient({
    caCerts: [await Deno.readTextFile(certificates.authority)],
  });
  stack.defer(() => client.close());
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  return {
    async request(method, path, body) {
      const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
      const answer = await fetch(`${server}${path}`, {
        method,
        client,
        headers: { ...headers, "content-type": type },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      const text = await answer.text();
      if (!answer.ok) {
        throw new Error(`${method} ${path} gave ${answer.status}: ${text.slice(0, 500)}`);
      }
      return JSON.parse(text);
    },
    async watch(path, signal) {
      const answer = await fetch(`${server}${path}`, { client, headers, signal });
      if (answer.body === null) throw new Error(`The watch of ${path} has no body`);
      return eventsOf(chunksOf(answer.body, signal));
    },
  };
}

async function* eventsOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<WatchEvent> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") yield JSON.parse(line);
  }
}

const NEEDED_CONTROLLERS =
  "endpoints-controller,endpointslice-controller,daemonset-controller,serviceaccount-controller,namespace-controller,garbage-collector-controller";

/** Starts the controllers that the tests need: endpoints of pods, DaemonSets, accounts. */
export async function startControllerManager(
  kube: ControlPlane,
  host?: Host,
  controllers = NEEDED_CONTROLLERS,
): Promise<RunningProcess> {
  const args = [
    `--kubeconfig=${kube.kubeconfig}`,
    `--controllers=${controllers}`,
    `--root-ca-file=${kube.certificates.authority}`,
    `--service-account-private-key-file=${kube.certificates.accountKey}`,
    "--use-service-account-credentials=false",
    "--leader-elect=false",
    "--secure-port=0",
  ];
  const running = host === undefined
    ? start(kube.binaries.kubeControllerManager, args)
    : host.start(kube.binaries.kubeControllerManager, args);
  await waitFor(
    "the default service account",
    async () =>
      (await kube.kubectl(["get", "serviceaccount", "default", "-o", "name"])).includes("default"),
    { timeoutMs: 60_000 },
  );
  return running;
}

/** Starts kube-proxy for a node, in that node's namespace. */
export async function startKubeProxy(
  { host, kube, node, mode = "iptables" }: {
    host: Host;
    kube: ControlPlane;
    node: string;
    mode?: "iptables" | "nftables";
  },
): Promise<RunningProcess> {
  await host.must("sysctl", "-qw", "net.ipv4.ip_forward=1");
  return host.start(kube.binaries.kubeProxy, [
    `--kubeconfig=${kube.kubeconfig}`,
    `--proxy-mode=${mode}`,
    `--hostname-override=${node}`,
    "--cluster-cidr=10.244.0.0/16",
    "--conntrack-max-per-core=0",
    "--healthz-bind-address=127.0.0.1:10256",
    "--metrics-bind-address=127.0.0.1:10249",
  ]);
}
