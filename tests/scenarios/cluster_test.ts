import {
  controllerReady,
  freePort,
  prepareController,
  startController,
} from "../cluster/controller_process.ts";
import { type ControlPlane, startControlPlane } from "../support/control_plane.ts";
import { waitFor } from "../support/wait.ts";
import { manifestOf, type Place, SCENARIOS } from "./table.ts";

const SERVICES = "/api/v1/namespaces/default/services";
const CONFIGMAP = "/api/v1/namespaces/metallb-system/configmaps/config";

interface Listed {
  readonly items: readonly { readonly metadata: { readonly name: string } }[];
}
interface Status {
  readonly status: {
    readonly loadBalancer: { readonly ingress?: readonly { readonly ip: string }[] };
  };
}

function placeOn(kube: ControlPlane, log: () => string): Place {
  const names = new Set<string>();
  return {
    configure: async (config) => void await kube.request("PATCH", CONFIGMAP, { data: { config } }),
    async apply(service) {
      if (names.has(service.name)) {
        await kube.request("PATCH", `${SERVICES}/${service.name}`, manifestOf(service));
      } else await kube.request("POST", SERVICES, manifestOf(service));
      names.add(service.name);
    },
    async remove(name) {
      await kube.request("DELETE", `${SERVICES}/${name}`);
      names.delete(name);
    },
    async addresses(name) {
      const { status } = await kube.request("GET", `${SERVICES}/${name}`) as Status;
      return (status.loadBalancer.ingress ?? []).map(({ ip }) => ip);
    },
    log,
  };
}

Deno.test("a real API server: the scenarios", async (test) => {
  await using kube = await startControlPlane();
  const kit = await prepareController(kube, "{}");
  const port = freePort();
  for (const { name, config, play } of SCENARIOS) {
    await test.step(name, async () => {
      await kube.request("PATCH", CONFIGMAP, { data: { config } });
      await using controller = startController(kit, port);
      await controllerReady(port);
      await play(placeOn(kube, () => controller.output()));
      await controller.end();
      const { items } = await kube.request("GET", SERVICES) as Listed;
      for (const { metadata } of items) {
        if (metadata.name !== "kubernetes") {
          await kube.request("DELETE", `${SERVICES}/${metadata.name}`);
        }
      }
      await waitFor(
        "the Services to be gone",
        async () => ((await kube.request("GET", SERVICES)) as Listed).items.length <= 1,
      );
    });
  }
});
