import assert from "node:assert/strict";
import type { Cluster } from "../../lib/host/cluster/cluster.ts";

/** A cluster in which nothing is written and nobody stands for election; a test adds what it is about. */
export const BARE_CLUSTER: Omit<Cluster, "watch"> = {
  description: "test",
  writeStatus: () => Promise.resolve({ kind: "gone" }),
  stand: () => assert.fail("stands for election"),
  statusManager: () => Promise.resolve(undefined),
  ensureGossipSecret: () => Promise.resolve(),
  readNote: () => Promise.resolve(undefined),
  writeNote: () => Promise.resolve(),
  publishEvent: () => Promise.resolve(),
};
