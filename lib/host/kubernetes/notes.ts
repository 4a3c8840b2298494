import { objectOr, textOf } from "../../model/json.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { KubeClient } from "./client.ts";
import { objectPath } from "./paths.ts";

/** Keeps notes in ConfigMaps of Herald's own namespace, one each: `herald-NAME`, key `note`. */
export function createKubeNotes(
  client: KubeClient,
  namespace: string,
): Pick<Cluster, "readNote" | "writeNote"> {
  const pathOf = (name: string) => objectPath("ConfigMap", namespace, `herald-${name}`);
  const whatOf = (name: string) => `configmap ${namespace}/herald-${name}`;
  return {
    async readNote(name, signal) {
      const operation = `read ${whatOf(name)}`;
      const path = pathOf(name);
      const answer = await client.request({ operation, method: "GET", path }, signal);
      if (answer.kind === "ok") return textOf(objectOr(answer.body.data).note);
      if (answer.status === 404) return undefined;
      throw new Error(answer.message);
    },
    async writeNote(name, text, permit, signal) {
      const data = { note: text };
      const operation = `write ${whatOf(name)}`;
      const path = pathOf(name);
      const patched = await client.request(
        { operation, method: "PATCH", path, body: { data }, permit },
        signal,
      );
      if (patched.kind === "ok") return;
      if (patched.status !== 404) throw new Error(patched.message);
      const made = await client.request({
        operation,
        method: "POST",
        path: objectPath("ConfigMap", namespace),
        permit,
        body: {
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata: { namespace, name: `herald-${name}` },
          data,
        },
      }, signal);
      if (made.kind === "failure") throw new Error(made.message);
    },
  };
}
