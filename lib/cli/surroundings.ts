import type { Surroundings } from "./flag_values.ts";

const POD_NAMESPACE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/** The real environment, host name and terminal. */
export function surroundings(): Surroundings {
  return {
    env: (name) => Deno.env.get(name),
    hostname: () => Deno.hostname(),
    podNamespace: () => {
      try {
        return Deno.readTextFileSync(POD_NAMESPACE).trim() || undefined;
      } catch {
        return undefined; // Not in a pod.
      }
    },
    readSecret: (path, nameInFolder) => {
      try {
        const file = Deno.statSync(path).isDirectory ? `${path}/${nameInFolder}` : path;
        return Deno.readTextFileSync(file);
      } catch {
        return undefined;
      }
    },
    isTerminal: Deno.stdout.isTerminal(),
  };
}
