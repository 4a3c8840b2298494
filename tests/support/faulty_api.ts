import { systemClock } from "../../lib/host/process/clock.ts";
import { isObject, type JsonObject, listOr, objectOr, textOf } from "../../lib/model/json.ts";
import { json, startMockApi, status } from "./mock_api.ts";

/** One request as the server saw it. */
export interface ApiRequest {
  /** The bearer token: each client has its own. */
  readonly client: string;
  readonly method: string;
  readonly path: string;
  readonly watch: boolean;
  readonly body: JsonObject | undefined;
  /** The HTTP status of the answer; 0 until there is one. */
  status: number;
}

/** What goes wrong: answers in the server's place where it gives something. */
type Fault = (
  request: ApiRequest,
  next: () => Response,
) => Response | Promise<Response> | undefined;

interface Watcher {
  readonly client: string;
  readonly wants: (object: JsonObject, collection: string) => boolean;
  readonly send: (type: string, object: JsonObject) => void;
}

/**
 * An API server in memory that keeps objects as the real one does, as far as a controller can see:
 * versions, lists, watches with replay, conflicts, merge patches, status subresource, field
 * managers. What goes wrong, and for whom, the test says.
 */
export interface FaultyApi extends AsyncDisposable {
  readonly url: string;
  readonly requests: ApiRequest[];
  /** From now on, newest first; the function given back ends it. */
  fault(fault: Fault): () => void;
  /** A fault's delay; it ends with the server at the latest. */
  delay(ms: number): Promise<void>;
  /** The watches of this client bring nothing any more, old ones and new ones. */
  silence(client: string): () => void;
  /** The watches of this client never bring what this is true for. */
  hide(client: string, hidden: (object: JsonObject) => boolean): () => void;
  get(path: string): JsonObject | undefined;
  list(collection: string): readonly JsonObject[];
  /** Puts an object there as another client would; makes it where there is none. */
  put(path: string, object: JsonObject): void;
  remove(path: string): void;
}

const PATH =
  /^(\/api\/v1|\/apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+))?\/([a-z]+)(?:\/([^/]+))?(?:\/(status))?$/;
const KIND_OF: Readonly<Record<string, string>> = {
  services: "Service",
  configmaps: "ConfigMap",
  namespaces: "Namespace",
  secrets: "Secret",
  leases: "Lease",
  events: "Event",
  deployments: "Deployment",
};

interface Place {
  /** Group, version and plural: one for all namespaces. */
  readonly collection: string;
  readonly plural: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly isStatus: boolean;
}

function placeOf(path: string): Place | undefined {
  const [, root, namespace, plural, name, sub] = PATH.exec(path) ?? [];
  if (root === undefined || plural === undefined) return undefined;
  return { collection: `${root}/${plural}`, plural, namespace, name, isStatus: sub === "status" };
}

interface Stored {
  readonly collection: string;
  readonly object: JsonObject;
}

/** Starts it on loopback, without objects and without faults. */
export function startFaultyApi(): FaultyApi {
  const objects = new Map<string, Stored>();
  const history: { readonly version: number; readonly type: string; readonly stored: Stored }[] =
    [];
  const requests: ApiRequest[] = [];
  const faults = new Set<Fault>();
  const silent = new Set<string>();
  const blinds = new Set<{ client: string; hidden: (object: JsonObject) => boolean }>();
  const watchers = new Set<Watcher>();
  const over = new AbortController();
  let version = 100;

  function tell(type: string, stored: Stored): void {
    history.push({ version, type, stored });
    for (const watcher of watchers) bring(watcher, type, stored);
  }

  function bring({ client, send, wants }: Watcher, type: string, stored: Stored): void {
    if (silent.has(client) || !wants(stored.object, stored.collection)) return;
    const blind = [...blinds].some((one) => one.client === client && one.hidden(stored.object));
    if (!blind) send(type, stored.object);
  }

  function store(path: string, given: JsonObject): JsonObject {
    const place = placeOf(path);
    if (place === undefined) throw new Error(`${path} is no object's path`);
    const before = objects.get(path)?.object;
    const metadata = objectOr(given.metadata);
    version++;
    const object: JsonObject = {
      ...given,
      kind: KIND_OF[place.plural] ?? "",
      metadata: {
        creationTimestamp: "2026-01-01T00:00:00Z",
        uid: `uid-${version}`,
        ...place.namespace && { namespace: place.namespace },
        name: place.name,
        ...metadata,
        ...before && { uid: objectOr(before.metadata).uid },
        resourceVersion: String(version),
      },
    };
    const stored = { collection: place.collection, object };
    objects.set(path, stored);
    tell(before === undefined ? "ADDED" : "MODIFIED", stored);
    return object;
  }

  function remove(path: string): void {
    const stored = objects.get(path);
    if (stored === undefined) return;
    objects.delete(path);
    version++;
    const metadata = { ...objectOr(stored.object.metadata), resourceVersion: String(version) };
    tell("DELETED", { ...stored, object: { ...stored.object, metadata } });
  }

  function wantsOf(place: Place, query: URLSearchParams): Watcher["wants"] {
    const name = query.get("fieldSelector")?.replace("metadata.name=", "");
    return (object, collection) => {
      const metadata = objectOr(object.metadata);
      return collection === place.collection &&
        (place.namespace === undefined || metadata.namespace === place.namespace) &&
        (name === undefined || metadata.name === name);
    };
  }

  function watch(client: string, place: Place, query: URLSearchParams): Response {
    const encoder = new TextEncoder();
    const from = Number(query.get("resourceVersion") ?? 0);
    let watcher: Watcher | undefined;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        const one: Watcher = {
          client,
          wants: wantsOf(place, query),
          send: (type, object) =>
            controller.enqueue(encoder.encode(`${JSON.stringify({ type, object })}\n`)),
        };
        watcher = one;
        for (const { version: at, type, stored } of history) {
          if (at > from) bring(one, type, stored);
        }
        watchers.add(one);
      },
      cancel: () => void (watcher && watchers.delete(watcher)),
    });
    return new Response(body, { headers: { "content-type": "application/json" } });
  }

  function answer(request: ApiRequest, place: Place, query: URLSearchParams): Response {
    const { body, method } = request;
    if (request.watch) return watch(request.client, place, query);
    if (place.name === undefined) {
      return method === "POST" ? create(request, body ?? {}) : listOf(place, query);
    }
    const path = place.isStatus ? request.path.replace(/\/status$/, "") : request.path;
    const present = objects.get(path)?.object;
    if (present === undefined) return status(404, `${place.plural} "${place.name}" not found`);
    if (method === "GET") return json(present);
    const given = textOf(objectOr(body?.metadata).resourceVersion);
    if (given !== undefined && given !== objectOr(present.metadata).resourceVersion) {
      return status(409, "the object has been modified");
    }
    const manager = query.get("fieldManager") ?? "herald";
    const next = method === "PATCH" ? merged(present, body ?? {}) : body ?? {};
    return json(store(path, place.isStatus ? signed(next, manager) : next));
  }

  function create({ path }: ApiRequest, body: JsonObject): Response {
    const name = textOf(objectOr(body.metadata).name) ?? `generated-${version + 1}`;
    const whole = `${path}/${name}`;
    if (objects.has(whole)) return status(409, `"${name}" already exists`);
    const { stringData, ...rest } = body;
    const data = Object.fromEntries(
      Object.entries(objectOr(stringData)).map(([key, value]) => [key, btoa(String(value))]),
    );
    return json(store(whole, stringData === undefined ? body : { ...rest, data }), 201);
  }

  function listOf(place: Place, query: URLSearchParams): Response {
    const wants = wantsOf(place, query);
    const items = [...objects.values()].filter(({ collection, object }) =>
      wants(object, collection)
    ).map(({ object }) => object);
    const metadata = { resourceVersion: String(version) };
    return json({ kind: `${KIND_OF[place.plural]}List`, metadata, items });
  }

  async function take(url: URL, request: Request): Promise<Response> {
    const place = placeOf(url.pathname);
    if (url.pathname === "/readyz") return new Response("ok");
    const text = await request.text();
    const body: unknown = text === "" ? undefined : JSON.parse(text);
    const one: ApiRequest = {
      client: request.headers.get("authorization")?.replace("Bearer ", "") ?? "",
      method: request.method,
      path: url.pathname,
      watch: url.searchParams.has("watch"),
      body: isObject(body) ? body : undefined,
      status: 0,
    };
    requests.push(one);
    const next = () =>
      place === undefined ? status(404, "no such path") : answer(one, place, url.searchParams);
    let response: Response | undefined;
    for (const fault of [...faults].reverse()) response ??= await fault(one, next);
    response ??= next();
    one.status = response.status;
    return response;
  }

  const server = startMockApi(take);
  const during = <T>(set: Set<T>, one: T) => {
    set.add(one);
    return () => void set.delete(one);
  };
  return {
    url: server.url,
    requests,
    fault: (fault) => during(faults, fault),
    delay: (ms) => systemClock.sleep(ms, over.signal),
    silence: (client) => during(silent, client),
    hide: (client, hidden) => during(blinds, { client, hidden }),
    get: (path) => objects.get(path)?.object,
    list: (collection) =>
      [...objects.values()].filter((one) => one.collection === collection).map((one) => one.object),
    put: (path, object) => void store(path, object),
    remove,
    [Symbol.asyncDispose]() {
      over.abort();
      return server.close();
    },
  };
}

/** RFC 7386. */
function merged(before: JsonObject, patch: JsonObject): JsonObject {
  const result: Record<string, unknown> = { ...before };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = isObject(value) ? merged(objectOr(result[key]), value) : value;
  }
  return result;
}

/**
 * Who wrote the status and the annotations last, as the API server notes it: who clears a status is
 * not noted, and nobody has written it any more.
 */
function signed(object: JsonObject, manager: string): JsonObject {
  const metadata = objectOr(object.metadata);
  const names = Object.keys(objectOr(metadata.annotations)).map((name) => [`f:${name}`, {}]);
  const { ingress } = objectOr(objectOr(object.status).loadBalancer);
  const isShown = listOr(ingress).length > 0;
  const before = listOr(metadata.managedFields).map(objectOr)
    .filter((entry) => entry.manager !== manager && !isShown)
    .map(({ fieldsV1, ...entry }) => (
      { ...entry, fieldsV1: { "f:metadata": objectOr(objectOr(fieldsV1)["f:metadata"]) } }
    ));
  const entry = {
    manager,
    operation: "Update",
    subresource: "status",
    time: new Date().toISOString().replace(/\.\d+/, ""),
    fieldsV1: isShown || before.length === 0
      ? {
        "f:metadata": { "f:annotations": Object.fromEntries(names) },
        ...isShown && { "f:status": { "f:loadBalancer": { "f:ingress": {} } } },
      }
      : {},
  };
  return { ...object, metadata: { ...metadata, managedFields: [...before, entry] } };
}
