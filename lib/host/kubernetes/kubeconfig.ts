import { newClusters, newContexts, newUsers } from "@kubernetes/client-node/dist/config_types.js";
import type { Cluster, Context, User } from "@kubernetes/client-node";
import { dirname, resolve } from "node:path";
import { errorText } from "../../base/errors.ts";
import { placeText } from "../../config/report.ts";
import { readYamlValue } from "../../config/yaml_value.ts";
import { formatHost, isLoopback, parseIp } from "../../net/ip.ts";
import { isObject, type JsonObject, objectOr, textOf } from "../../model/json.ts";

/** Something secret or trusted in the configuration itself or in a file of its own. */
export type Material =
  | { readonly kind: "text"; readonly text: string; readonly origin: string }
  /** Read again when it may have changed; `otherwise` serves while the file cannot be read. */
  | { readonly kind: "file"; readonly path: string; readonly otherwise?: string };

/** Where the API server is and how Herald proves itself to it. */
export interface KubeSettings {
  /** `https://HOST:PORT` with an optional path, no slash at the end. */
  readonly server: string;
  /** For people: which file and context, or the pod's service account. */
  readonly origin: string;
  /** Undefined only for http on this machine. */
  readonly authority: Material | undefined;
  readonly clientPair: { readonly certificate: Material; readonly key: Material } | undefined;
  readonly token: Material | undefined;
}

/** Where credentials may be. */
interface KubeConfigPlaces {
  /** `--kubeconfig`. */
  readonly kubeconfig: string | undefined;
  readonly environment: (name: string) => string | undefined;
  readonly serviceAccountFolder?: string;
}

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * Finds the API server: `--kubeconfig`, else the pod's service account, else `$KUBECONFIG`, else
 * `~/.kube/config`.
 * @throws Error whose message names the place and what to do
 */
export async function findKubeSettings(places: KubeConfigPlaces): Promise<KubeSettings> {
  if (places.kubeconfig !== undefined) return await readKubeconfig([places.kubeconfig]);
  const inCluster = await serviceAccountSettings(places);
  if (inCluster !== undefined) return inCluster;
  const listed = (places.environment("KUBECONFIG") ?? "").split(":").filter((path) => path !== "");
  if (listed.length > 0) return await readKubeconfig(listed);
  const home = places.environment("HOME");
  const usual = home === undefined ? undefined : `${home}/.kube/config`;
  if (usual !== undefined && await isThere(usual)) return await readKubeconfig([usual]);
  throw new Error(
    "Found no way to a Kubernetes API server: this is no pod with a service account, " +
      `$KUBECONFIG is not set, and ${usual ?? "~/.kube/config"} does not exist. ` +
      "Give --kubeconfig=FILE, or a folder of manifests: --store=DIR (validate: --against=DIR)",
  );
}

async function serviceAccountSettings(places: KubeConfigPlaces): Promise<KubeSettings | undefined> {
  const host = places.environment("KUBERNETES_SERVICE_HOST");
  const port = places.environment("KUBERNETES_SERVICE_PORT") ?? "443";
  const folder = places.serviceAccountFolder ?? SERVICE_ACCOUNT;
  if (!host || !await isThere(`${folder}/token`)) return undefined;
  const origin = `the service account in ${folder}`;
  return {
    server: checkServer(`https://${formatHost(host)}:${port}`, origin),
    origin,
    authority: { kind: "file", path: `${folder}/ca.crt` },
    clientPair: undefined,
    token: { kind: "file", path: `${folder}/token` },
  };
}

/** A kubeconfig's tables; the first of several files that names something wins, as in kubectl. */
interface Kubeconfig {
  clusters: { entry: Cluster; raw: JsonObject; path: string }[];
  users: { entry: User; raw: JsonObject; path: string }[];
  contexts: Context[];
  currentContext: string | undefined;
}

/** Reads kubeconfig files and takes their current context. @throws Error naming file and field */
export async function readKubeconfig(paths: readonly string[]): Promise<KubeSettings> {
  const merged: Kubeconfig = { clusters: [], users: [], contexts: [], currentContext: undefined };
  for (const path of paths) await addKubeconfig(merged, path);
  const where = `kubeconfig ${paths.join(":")}`;
  const current = merged.currentContext;
  if (current === undefined) {
    throw new Error(`${where} has no current-context: choose one with kubectl config use-context`);
  }
  const context = merged.contexts.find(({ name }) => name === current);
  if (context === undefined) {
    const known = merged.contexts.map(({ name }) => `"${name}"`).join(", ") || "none";
    throw new Error(`${where}: current-context "${current}" is not among its contexts (${known})`);
  }
  const cluster = merged.clusters.find(({ entry }) => entry.name === context.cluster);
  if (cluster === undefined) {
    throw new Error(`${where}: context "${current}" names cluster "${context.cluster}", not there`);
  }
  const user = merged.users.find(({ entry }) => entry.name === context.user);
  if (user === undefined) {
    throw new Error(`${where}: context "${current}" names user "${context.user}", not there`);
  }
  const origin = `${where} context "${current}"`;
  const server = clusterServer(cluster.entry, `${where} cluster "${cluster.entry.name}"`);
  return {
    server,
    origin,
    authority: clusterAuthority(server, cluster, where),
    ...userCredentials(user, `${where} user "${user.entry.name}"`),
  };
}

async function addKubeconfig(merged: Kubeconfig, path: string): Promise<void> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    throw new Error(`Cannot read kubeconfig ${path}: ${errorText(error)}`);
  }
  const { mistakes: [mistake], value: content } = readYamlValue(text, path);
  if (mistake !== undefined) {
    throw new Error(`Cannot read kubeconfig ${placeText(mistake.place)}: ${mistake.message}`);
  }
  if (!isObject(content)) {
    throw new Error(`Cannot use kubeconfig ${path}: it is empty or no mapping`);
  }
  const clusters = section(content, "clusters", "cluster", path);
  const users = section(content, "users", "user", path);
  const contexts = section(content, "contexts", "context", path);
  try {
    newClusters(clusters).forEach((entry, i) =>
      merged.clusters.push({ entry, raw: objectOr(clusters[i]?.cluster), path })
    );
    newUsers(users).forEach((entry, i) =>
      merged.users.push({ entry, raw: objectOr(users[i]?.user), path })
    );
    merged.contexts.push(...newContexts(contexts));
  } catch (error) {
    throw new Error(`Cannot use kubeconfig ${path}: ${errorText(error)}`);
  }
  merged.currentContext ??= textOf(content["current-context"]) || undefined;
}

/** One list of a kubeconfig; each entry's values must be texts, or the loader would misread them. */
function section(content: JsonObject, list: string, member: string, path: string): JsonObject[] {
  const entries = content[list] ?? [];
  if (!Array.isArray(entries)) throw new Error(`Kubeconfig ${path}: ${list} must be a list`);
  return entries.map((entry: unknown, i) => {
    if (!isObject(entry)) throw new Error(`Kubeconfig ${path}: ${list}[${i}] is no mapping`);
    for (const field of ["server", "token", "tokenFile", "certificate-authority-data"]) {
      const value = objectOr(entry[member])[field];
      if (value !== undefined && value !== null && typeof value !== "string") {
        throw new Error(`Kubeconfig ${path}: ${list}[${i}].${member}.${field} must be text`);
      }
    }
    return entry;
  });
}

function clusterServer(cluster: Cluster, where: string): string {
  if (cluster.skipTLSVerify) {
    throw new Error(
      `${where}: insecure-skip-tls-verify is refused, anyone on the way could take the cluster; ` +
        "set certificate-authority to the cluster's CA file",
    );
  }
  for (
    const [field, value] of [["proxy-url", cluster.proxyUrl], [
      "tls-server-name",
      cluster.tlsServerName,
    ]]
  ) {
    if (value) throw new Error(`${where}: ${field} is not supported; name the server directly`);
  }
  return checkServer(cluster.server, where);
}

function checkServer(server: string, where: string): string {
  let url: URL;
  try {
    url = new URL(server);
  } catch {
    throw new Error(`${where}: server "${server}" is no URL such as https://10.0.0.1:6443`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new Error(`${where}: server must not hold a user name or password`);
  }
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const ip = parseIp(host);
  const local = host === "localhost" || (ip !== undefined && isLoopback(ip));
  if (url.protocol !== "https:" && !(url.protocol === "http:" && local)) {
    throw new Error(`${where}: server "${server}" must be https (http only on this machine)`);
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}

function clusterAuthority(
  server: string,
  { entry, path }: { entry: Cluster; path: string },
  where: string,
): Material | undefined {
  const authority = material(entry.caData, entry.caFile, path, "certificate-authority");
  if (authority === undefined && server.startsWith("https:")) {
    throw new Error(
      `${where} cluster "${entry.name}" has no certificate-authority: Herald trusts only a CA ` +
        "that is named, never the system's list; set it to the cluster's CA file",
    );
  }
  return authority;
}

function userCredentials(
  { entry, raw, path }: { entry: User; raw: JsonObject; path: string },
  where: string,
): Pick<KubeSettings, "clientPair" | "token"> {
  const refused = ([
    ["exec", entry.exec],
    ["auth-provider", entry.authProvider],
    ["username and password", entry.username || entry.password],
    ["as (impersonation)", entry.impersonateUser],
  ] as const).find(([, value]) => value);
  if (refused !== undefined) {
    throw new Error(
      `${where}: ${refused[0]} is not supported, Herald starts no other program; use a ` +
        "ServiceAccount's token (token or tokenFile) or a client certificate",
    );
  }
  const certificate = material(entry.certData, entry.certFile, path, "client-certificate");
  const key = material(entry.keyData, entry.keyFile, path, "client-key");
  if ((certificate === undefined) !== (key === undefined)) {
    throw new Error(`${where}: client-certificate and client-key must be given together`);
  }
  const text = entry.token || undefined;
  const tokenFile = textOf(raw.tokenFile);
  return {
    clientPair: certificate && key && { certificate, key },
    token: tokenFile
      ? { kind: "file", path: besides(path, tokenFile), ...(text && { otherwise: text }) }
      : text === undefined
      ? undefined
      : { kind: "text", text, origin: `token of ${where}` },
  };
}

/** Base64 data wins over a file, as in kubectl; a relative path starts at its kubeconfig. */
function material(
  encoded: string | undefined,
  file: string | undefined,
  kubeconfig: string,
  field: string,
): Material | undefined {
  if (encoded) {
    const origin = `${field}-data of ${kubeconfig}`;
    try {
      return { kind: "text", text: atob(encoded.replace(/\s/g, "")), origin };
    } catch {
      throw new Error(`${origin} is not base64`);
    }
  }
  return file ? { kind: "file", path: besides(kubeconfig, file) } : undefined;
}

function besides(kubeconfig: string, file: string): string {
  return resolve(dirname(kubeconfig), file);
}

async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}
