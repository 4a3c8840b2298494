import type { RunOptions } from "../../lib/host/process/options.ts";

/** What `herald run --role=controller` works with when nothing else is said. */
export const RUN_OPTIONS: RunOptions = {
  store: undefined,
  kubeconfig: undefined,
  namespace: "metallb-system",
  config: "config",
  lbClass: undefined,
  role: "controller",
  nodeName: "node1",
  host: "127.0.0.1",
  port: 0,
  httpNames: [],
  mlLabels: undefined,
  gossip: undefined,
  gossipSecret: undefined,
  leaderElection: undefined,
  mlNamespace: "metallb-system",
  election: "v0.11",
  compat: undefined,
  arpBackend: "auto",
  interfaces: [],
  arpProbe: false,
  ignoreExcludeLabel: false,
  logLevel: "info",
  logFormat: "json",
  withoutEffect: [],
};
