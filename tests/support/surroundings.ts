import type { Surroundings } from "../../lib/cli/flag_values.ts";

/** An empty environment, no pod and no terminal. */
export const NOWHERE: Surroundings = {
  env: () => undefined,
  hostname: () => "node-1",
  podNamespace: () => undefined,
  readSecret: () => undefined,
  isTerminal: false,
};
