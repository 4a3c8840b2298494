import { parseConfig } from "../../config/parse.ts";
import type { Config } from "../../config/types.ts";
import type { ConfigStatus } from "../../status/types.ts";
import type { Snapshot } from "./snapshot.ts";

/** A snapshot with the configuration that the running roles work by. */
export interface KnownSnapshot extends Snapshot {
  /** Why what stands in the cluster is not what is in force; undefined where it is. */
  readonly refused?: string;
}

/**
 * Where what stands in a cluster is refused, or cannot be read, the running roles go on with the one
 * before it, and only they know which one that is.
 */
export function withInForce(snapshot: Snapshot, told: ConfigStatus["inForce"]): KnownSnapshot {
  const config = snapshot.config === undefined && told !== undefined ? readTold(told) : undefined;
  return config === undefined ? snapshot : { ...snapshot, config, refused: snapshot.configReason };
}

function readTold(told: unknown): Config | undefined {
  return parseConfig(JSON.stringify(told), "the configuration in force").config;
}
