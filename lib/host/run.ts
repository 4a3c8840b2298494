import { COMMIT, VERSION } from "../base/version.ts";
import { errorText } from "../base/errors.ts";
import { searchedNames } from "../http/names.ts";
import type { Cluster } from "./cluster/cluster.ts";
import { openFolderCluster } from "./folder/cluster.ts";
import { systemClock } from "./process/clock.ts";
import { createEnding, type Ending } from "./process/ending.ts";
import { type Health, startHealth } from "./process/health.ts";
import { type Access, openAccess } from "./http/access.ts";
import { serveHttp } from "./http/server.ts";
import { openKubeCluster } from "./kubernetes/cluster.ts";
import { type Log, openLog } from "./process/log.ts";
import { createMetrics } from "./metrics/metrics.ts";
import { isConfigFile, type RunOptions } from "./process/options.ts";
import { notReadyOf, type RoleContext, type RunningRole, type WorkerUrls } from "./process/role.ts";
import { readServiceManager, startNotifier } from "./process/service_manager.ts";
import { type ProcessStatus, STATUS_SCHEMA } from "../status/types.ts";
import { showProcess } from "./process/usage.ts";
import { logUncaught } from "./process/uncaught.ts";
import { createFeed, endWhenUnhealthy, startWatchdog, watchdogStart } from "./process/watchdog.ts";

/** Runs the roles until SIGTERM or SIGINT; gives the exit code. */
export async function run(options: RunOptions, workers: WorkerUrls): Promise<number> {
  // Before anything else: from here on no controller can load a library, whatever it reads.
  if (options.role === "controller") Deno.permissions.revokeSync({ name: "ffi" });
  const log = await openLog(options.logLevel, options.logFormat);
  const mistake = configMistake(options);
  if (mistake !== undefined) {
    log.error({ error: mistake }, "cannot start");
    return 2;
  }
  using _uncaught = logUncaught(log);
  const roles: RunningRole[] = [];
  const ending = createEnding(systemClock, log, () => handOver(roles));
  using _signals = onSignals(["SIGTERM", "SIGINT"], (name) => {
    log.info({ reason: name }, "stopping");
    ending.ask();
  });
  log.info({ role: options.role, version: VERSION, commit: COMMIT }, "herald starts");
  for (const flag of options.withoutEffect) {
    log.info({ reason: flag }, "flag accepted for MetalLB's sake, it has no effect");
  }
  try {
    return await Promise.race([
      runRoles(options, workers, log, ending, roles),
      ending.overdue.then(() => 1),
    ]);
  } catch (error) {
    log.error({ error: errorText(error) }, "herald failed");
    return 1;
  }
}

async function runRoles(
  options: RunOptions,
  workers: WorkerUrls,
  log: Log,
  ending: Ending,
  roles: RunningRole[],
): Promise<number> {
  const { leaving, stop } = ending;
  const metrics = createMetrics();
  const startedAt = new Date().toISOString();
  const manager = readServiceManager((name) => Deno.env.get(name), Deno.pid);
  // A kubelet probes /healthz and systemd misses the signs of life: they end what hangs. Elsewhere
  // nobody does; a Worker is 13 MB, and a speaker has one anyway.
  const guarded = Deno.env.get("KUBERNETES_SERVICE_HOST") ?? manager?.watchdogMs;
  const feed = guarded ? undefined : createFeed();
  using _watchdog = feed && options.role === "controller"
    ? startWatchdog(workers.watchdog, watchdogStart(feed), log)
    : undefined;
  const health = startHealth(
    { clock: systemClock, log, metrics: metrics.health, onTick: feed?.feed },
    stop,
  );
  const cluster = health.observe(await openCluster(options, log, stop));
  metrics.health.incidents = () => cluster.counters ?? new Map();
  const context: RoleContext = {
    clock: systemClock,
    options,
    cluster,
    log,
    metrics,
    signal: stop,
    workers,
    feed,
  };
  const access = await openAccess(
    options,
    { cluster, clock: systemClock, log, metrics: metrics.http },
    stop,
  );
  const status = () => processStatus(options, cluster, roles, health, startedAt, access);
  metrics.process.buildInfo.set({ version: VERSION, commit: COMMIT, role: options.role }, 1);
  metrics.process.onScrape = () => showProcess(metrics.process, status().ready);
  // Before the roles: where the port is taken, nothing begins that would have to be handed over.
  const served = serveHttp({
    host: options.host,
    port: options.port,
    names: ownNames(options),
    status,
    unhealthy: () => [...roles.flatMap((role) => role.unhealthy()), ...health.answer()],
    registry: metrics.registry,
    guard: access.guard,
    certificate: access.certificate,
    log,
  }, stop);
  await startRoles(context, roles);
  using _hangup = onSignals(["SIGHUP"], () => roles.forEach((role) => role.config.reload()));
  const unhealthy = () => [...roles.flatMap((role) => role.unhealthy()), ...health.lasting()];
  const state = () => ({ notReady: status().notReady, unhealthy: unhealthy() });
  using _notifier = manager &&
    startNotifier({ manager, state, clock: systemClock, log }, leaving);
  // A store's status files are written all along, and to tell systemd is to write as well, within
  // its unit's ProtectSystem=strict; against an API server nothing is.
  if (options.store === undefined && manager === undefined) {
    Deno.permissions.revokeSync({ name: "write" });
  }
  const parts = [
    ...roles.map((role) => ending.part(role.speaker ? "the speaker" : "the controller", role.done)),
    ending.part("the pages", served),
    ...feed ? [endWhenUnhealthy(systemClock, unhealthy, stop)] : [],
  ];
  ending.started();
  const broken = await firstFailure(parts, log);
  ending.end();
  await Promise.allSettled(parts);
  log.info({}, "herald stopped");
  return broken ? 1 : 0;
}

function openCluster(options: RunOptions, log: Log, stop: AbortSignal): Promise<Cluster> {
  const host = { clock: systemClock, log };
  return options.store === undefined
    ? openKubeCluster(options, host, stop)
    : openFolderCluster(options.store, keepsStatuses(options), host, stop);
}

/** Each role's code is loaded only when it runs. */
async function startRoles(context: RoleContext, roles: RunningRole[]): Promise<void> {
  const { role } = context.options;
  if (role !== "speaker") {
    roles.push((await import("./controller/run.ts")).runController(context));
  }
  if (role !== "controller") {
    roles.push(await (await import("./speaker/run.ts")).runSpeaker(context));
  }
}

/** From the start: one that stands for election does so while it leads. */
function keepsStatuses({ leaderElection, role }: RunOptions): boolean {
  return role !== "speaker" && leaderElection === undefined;
}

/** Gives over what others can take. @throws AggregateError when a role could not, after all tried */
async function handOver(roles: readonly RunningRole[]): Promise<void> {
  const done = await Promise.allSettled(roles.map((role) => role.handOver?.()));
  const failures = done.flatMap((one) => one.status === "rejected" ? [one.reason] : []);
  if (failures.length > 0) throw new AggregateError(failures, failures.map(errorText).join("; "));
}

/** Waits until all have ended; at once when one of them fails. */
async function firstFailure(parts: readonly Promise<void>[], log: Log): Promise<boolean> {
  try {
    await Promise.all(parts);
    return false;
  } catch (error) {
    log.error({ error: errorText(error) }, "a part of herald failed");
    return true;
  }
}

function processStatus(
  options: RunOptions,
  cluster: Cluster,
  roles: readonly RunningRole[],
  health: Health,
  startedAt: string,
  access: Access,
): ProcessStatus {
  const hasBegun = roles.length === (options.role === "all" ? 2 : 1);
  const notReady = hasBegun ? notReadyOf(roles) : ["the roles have not begun yet"];
  return {
    schema: STATUS_SCHEMA,
    pid: Deno.pid,
    version: VERSION,
    role: options.role,
    startedAt,
    objects: cluster.description,
    store: options.store,
    kubeconfig: options.kubeconfig,
    namespace: options.namespace,
    configFlag: options.config,
    lbClass: options.lbClass,
    ready: notReady.length === 0,
    notReady,
    unhealthy: [...roles.flatMap((role) => role.unhealthy()), ...health.problems()],
    ...access.status(),
    config: roles[0]?.config.status() ??
      { state: "none", source: "", problems: [], reason: "no role runs" },
    // Only when asked for: probes look at the lines above, ten thousand Services take 40 ms.
    get controller() {
      return roles.find((role) => role.controller)?.controller?.();
    },
    get speaker() {
      return roles.find((role) => role.speaker)?.speaker?.();
    },
  };
}

/** By which names people may ask for the pages. */
function ownNames({ httpNames, nodeName }: RunOptions): readonly string[] {
  return [Deno.hostname(), nodeName, ...searchedNames(readResolver()), ...httpNames];
}

function readResolver(): string {
  try {
    return Deno.readTextFileSync("/etc/resolv.conf");
  } catch {
    return ""; // Then it looks up no names but whole ones.
  }
}

/** A local file that can never hold a configuration; one that is not there yet may come. */
function configMistake({ config, store }: RunOptions): string | undefined {
  if (config !== undefined && isConfigFile(config)) {
    const found = statOf(config);
    if (found !== undefined && !found.isFile) {
      return `--config=${config} is ${
        found.isDirectory ? "a folder" : "no regular file"
      }; name the file`;
    }
  }
  if (store !== undefined && !statOf(store)?.isDirectory) {
    return `--store=${store} is no folder; make it, or name the folder that holds the manifests`;
  }
  return undefined;
}

function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Error(`Cannot look at ${path}`, { cause: error });
  }
}

function onSignals(names: readonly Deno.Signal[], handle: (name: Deno.Signal) => void): Disposable {
  const listeners = names.map((name) => [name, () => handle(name)] as const);
  for (const [name, listener] of listeners) Deno.addSignalListener(name, listener);
  return {
    [Symbol.dispose]() {
      for (const [name, listener] of listeners) Deno.removeSignalListener(name, listener);
    },
  };
}
