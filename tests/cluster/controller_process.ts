import type { ControlPlane } from "../support/control_plane.ts";
import { type RunningProcess, start } from "../support/process.ts";
import { waitFor } from "../support/wait.ts";
import { HERALD, MANIFEST } from "./stage.ts";

/** Herald's controller beside an API server on loopback, with the manifest's rights and no more. */
export interface ControllerKit {
  readonly kube: ControlPlane;
  readonly kubeconfig: string;
}

/** Applies the manifest and a configuration, and gets the controller's own credentials. */
export async function prepareController(
  kube: ControlPlane,
  config: string,
): Promise<ControllerKit> {
  await kube.kubectl(["apply", "-f", MANIFEST]);
  await kube.kubectl([
    "create",
    "configmap",
    "-n",
    "metallb-system",
    "config",
    `--from-literal=config=${config}`,
  ]);
  const token = await kube.serviceAccountToken("metallb-system", "controller");
  return { kube, kubeconfig: await kube.kubeconfigForToken(token) };
}

/** Starts the controller on this port; what it logs comes with `output()`. */
export function startController(
  { kubeconfig }: ControllerKit,
  port: number,
  ...more: string[]
): RunningProcess {
  const flags = ["--role=controller", `--port=${port}`, "--host=127.0.0.1", "--log-format=json"];
  const args = ["run", ...flags, "--namespace=metallb-system", ...more];
  return start(HERALD, args, { KUBECONFIG: kubeconfig });
}

/** Waits until the controller on this port is ready. */
export async function controllerReady(port: number): Promise<void> {
  await waitFor("a ready controller", async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
    return await answer.text() === "ok\n";
  }, { timeoutMs: 30_000, everyMs: 20 });
}

/** A port that nobody listens on. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
