import assert from "node:assert/strict";
import { objectOr } from "../../lib/model/json.ts";
import { type ControlPlane, startControlPlane } from "../support/control_plane.ts";
import type { RunningProcess } from "../support/process.ts";
import { waitFor } from "../support/wait.ts";
import {
  controllerReady,
  freePort,
  prepareController,
  startController,
} from "./controller_process.ts";

const SERVICES = "/api/v1/namespaces/default/services";
const CONFIGMAP = "/api/v1/namespaces/metallb-system/configmaps/config";
/** A pool of its own, for Services that show that all before them was looked at. */
const PROBES =
  "- { name: probes, protocol: layer2, addresses: [10.99.0.0/24], auto-assign: false }";

export const NEWER = "metallb.io";
export const OLDER = "metallb.universe.tf";
export const POOL_ANNOTATION = `${NEWER}/ip-allocated-from-pool`;

/** A Service object as the API server gives it, as far as the tests look into it. */
export interface ServiceObject {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: Readonly<Record<string, unknown>> & { readonly clusterIPs?: readonly string[] };
  readonly status: {
    readonly loadBalancer: {
      readonly ingress?: readonly { readonly ip: string; readonly ipMode?: string }[];
    };
  };
}

/** What a test says of a Service that it creates. */
export interface ServicePart {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** A controller beside a real API server, and how the tests of the rules speak with both. */
export interface Conformance extends AsyncDisposable {
  readonly kube: ControlPlane;
  /** Puts pools in force, one line of `address-pools` each. */
  configure(...pools: string[]): Promise<void>;
  /** Puts any text under `config` of the ConfigMap. */
  offer(config: string): Promise<void>;
  create(name: string, part?: ServicePart): Promise<ServiceObject>;
  /** A merge patch. */
  patch(name: string, body: unknown): Promise<ServiceObject>;
  /** A merge patch of the status, by somebody else. */
  patchStatus(name: string, body: unknown): Promise<ServiceObject>;
  get(name: string): Promise<ServiceObject>;
  remove(...names: string[]): Promise<void>;
  addresses(name: string): Promise<string>;
  /** Waits until the status holds exactly these addresses. */
  gets(name: string, ...ips: string[]): Promise<void>;
  /** Waits until the controller has looked at all that was done before, and has answered it. */
  rest(): Promise<void>;
  /** Waits for an event `Type Reason message` about a Service that matches, and gives it. */
  told(name: string, what: RegExp): Promise<string>;
  events(name: string, kind?: string): Promise<string[]>;
  /** Status writes that the API server has taken from this controller. */
  writes(): Promise<number>;
  stop(): Promise<void>;
  /** Starts the controller, after a stop of the one that runs, and waits until it is ready. */
  start(...flags: string[]): Promise<void>;
  /** The same without waiting. */
  launch(...flags: string[]): Promise<void>;
  /** What the controller answers under a path. */
  ask(path: string): Promise<string>;
  log(): string;
}

interface EventList {
  readonly items: readonly {
    readonly involvedObject: {
      readonly kind: string;
      readonly name: string;
      readonly uid?: string;
    };
    readonly type: string;
    readonly reason: string;
    readonly message: string;
  }[];
}

/** The object without what Herald may write, and without what every write changes. */
export function withoutOurs(service: ServiceObject): unknown {
  const { annotations, managedFields: _, resourceVersion: __, ...metadata } = objectOr(
    service.metadata,
  );
  const others = Object.entries(objectOr(annotations)).filter(([name]) => name !== POOL_ANNOTATION);
  const { loadBalancer, ...status } = objectOr(service.status);
  const { ingress: ___, ...rest } = objectOr(loadBalancer);
  return {
    spec: service.spec,
    metadata: { ...metadata, annotations: Object.fromEntries(others) },
    status: { ...status, loadBalancer: rest },
  };
}

/** The manifest of a Service with port 80/TCP and a selector of its own. */
export function manifest(name: string, part: ServicePart = {}): Record<string, unknown> {
  const { annotations, labels, spec } = part;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default", annotations, labels },
    spec: {
      type: "LoadBalancer",
      selector: { app: name },
      ports: [{ port: 80, protocol: "TCP" }],
      ...spec,
    },
  };
}

/** Starts an API server and a controller with the manifest's rights. */
export async function startConformance(): Promise<Conformance> {
  await using unfinished = new AsyncDisposableStack();
  const kube = unfinished.use(await startControlPlane());
  let config = `address-pools:\n${PROBES}\n`;
  const kit = await prepareController(kube, config);
  const port = freePort();
  let controller: RunningProcess | undefined;
  let probes = 0;
  const request = async (method: string, path: string, body?: unknown) =>
    await kube.request(method, path, body) as ServiceObject;
  const log = () => controller?.output() ?? "";
  const offer = async (text: string) => {
    config = text;
    await kube.request("PATCH", CONFIGMAP, { data: { config: text } });
  };
  const addresses = async (name: string) => {
    const { status } = await request("GET", `${SERVICES}/${name}`);
    return (status.loadBalancer.ingress ?? []).map(({ ip }) => ip).join(" ");
  };
  const gets = async (name: string, ...ips: string[]) => {
    await waitFor(
      `${name} to have ${ips.join(" ") || "no address"}`,
      async () => await addresses(name) === ips.join(" "),
    ).catch(async (error) => {
      const has = `${name} has ${await addresses(name) || "no address"}`;
      throw new Error(`${has}; ${log().slice(-2000)}`, { cause: error });
    });
  };
  const rest = async () => {
    // The second one comes when the writes that were sent before the first are long answered.
    for (let round = 0; round < 2; round++) {
      const name = `probe${++probes}`;
      const annotations = { [`${NEWER}/address-pool`]: "probes" };
      await request("POST", SERVICES, manifest(name, { annotations }));
      await waitFor("the probe", async () => await addresses(name) !== "");
      await request("DELETE", `${SERVICES}/${name}`);
    }
  };
  const events = async (name: string, kind = "Service") => {
    const path = kind === "Service"
      ? "/api/v1/namespaces/default/events"
      : "/api/v1/namespaces/metallb-system/events";
    const { items } = await kube.request("GET", path) as EventList;
    // Others of that name may have lived before.
    const uid = kind === "Service"
      ? (await request("GET", `${SERVICES}/${name}`)).metadata.uid
      : undefined;
    return items.filter(({ involvedObject: of }) =>
      of.kind === kind && of.name === name && (uid === undefined || of.uid === uid)
    ).map(({ type, reason, message }) => `${type} ${reason} ${message}`);
  };
  const stop = async () => {
    assert.equal(await controller?.end() ?? 0, 0);
    controller = undefined;
  };
  const launch = async (...flags: string[]) => {
    await stop();
    controller = startController(kit, port, ...flags);
  };
  const start = async (...flags: string[]) => {
    await launch(...flags);
    await controllerReady(port);
  };
  const ask = async (path: string) => await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
  unfinished.defer(async () => void await controller?.end("SIGKILL"));
  await start();
  const finished = unfinished.move();
  return {
    kube,
    offer,
    addresses,
    gets,
    rest,
    events,
    stop,
    start,
    launch,
    ask,
    log,
    async configure(...pools) {
      const text = `address-pools:\n${[...pools.map((pool) => `- ${pool}`), PROBES].join("\n")}\n`;
      if (text === config) return;
      await rest();
      const count = () => log().split('"configuration in force"').length;
      const before = count();
      await offer(text);
      await waitFor("the configuration to be in force", () => count() > before)
        .catch((error) => {
          throw new Error(log().slice(-2000), { cause: error });
        });
    },
    create: (name, part) => request("POST", SERVICES, manifest(name, part)),
    patch: (name, body) => request("PATCH", `${SERVICES}/${name}`, body),
    patchStatus: (name, body) => request("PATCH", `${SERVICES}/${name}/status`, body),
    get: (name) => request("GET", `${SERVICES}/${name}`),
    async remove(...names) {
      for (const name of names) await request("DELETE", `${SERVICES}/${name}`);
    },
    told: (name, what) =>
      waitFor(
        `an event ${what} about ${name}`,
        async () => (await events(name)).find((text) => what.test(text)),
      ).catch(async (error) => {
        throw new Error((await events(name)).join("\n"), { cause: error });
      }),
    async writes() {
      const found = /herald_status_writes_total\{outcome="written"\} (\d+)/.exec(
        await ask("/metrics"),
      );
      return Number(found?.[1] ?? 0);
    },
    [Symbol.asyncDispose]: () => finished.disposeAsync(),
  };
}

/** The rule, named first, and how it is played. */
export interface Rule {
  readonly name: string;
  readonly play: (at: Conformance) => Promise<void>;
}

/** Plays rules after another on one control plane; what one created is gone before the next. */
export async function playRules(test: Deno.TestContext, rules: readonly Rule[]): Promise<void> {
  await using at = await startConformance();
  for (const { name, play } of rules) {
    await test.step(name, async () => {
      await play(at).finally(() => clear(at));
    });
  }
}

/** Takes every Service away. */
async function clear(at: Conformance): Promise<void> {
  const list = await at.kube.request("GET", SERVICES) as { items: ServiceObject[] };
  const names = list.items.map(({ metadata }) => metadata.name);
  await at.remove(...names.filter((one) => one !== "kubernetes"));
}
