import assert from "node:assert/strict";
import { type ControlPlane, startControlPlane } from "../support/control_plane.ts";
import { start } from "../support/process.ts";
import { waitFor } from "../support/wait.ts";
import {
  type ControllerKit,
  controllerReady,
  freePort,
  prepareController,
} from "./controller_process.ts";
import { HERALD } from "./stage.ts";

const CONFIG = `address-pools:
- name: default
  protocol: layer2
  addresses: [10.78.0.0/24]
  reserved-addresses: [10.78.0.0]
  sticky-time: 1h
- name: red
  protocol: layer2
  addresses: [10.78.1.0/24]
  service-allocation: { namespace-selectors: [{ match-labels: { team: red } }] }
`;

function startController({ kubeconfig }: ControllerKit, port: number) {
  const flags = ["--role=controller", `--port=${port}`, "--host=127.0.0.1", "--log-format=json"];
  return start(HERALD, ["run", ...flags, "--namespace=metallb-system"], {
    KUBECONFIG: kubeconfig,
    METALLB_ML_SECRET_NAME: "memberlist",
    METALLB_DEPLOYMENT: "controller",
  });
}

async function create(kube: ControlPlane, name: string, namespace = "default"): Promise<void> {
  await kube.kubectl(["create", "service", "loadbalancer", name, "-n", namespace, "--tcp=80"]);
}

async function address(kube: ControlPlane, name: string, namespace = "default"): Promise<string> {
  const path = "jsonpath={.status.loadBalancer.ingress[*].ip}";
  return await kube.kubectl(["get", "service", name, "-n", namespace, "-o", path]);
}

async function expectAddress(
  kube: ControlPlane,
  ip: string,
  name: string,
  namespace?: string,
): Promise<void> {
  await waitFor(`${ip} for ${name}`, async () => await address(kube, name, namespace) === ip);
}

Deno.test("pools by namespace labels, reserved and sticky addresses, and the gossip key, with the manifest's rights", async () => {
  await using kube = await startControlPlane();
  const kit = await prepareController(kube, CONFIG);
  await kube.kubectl(["create", "namespace", "shop"]);
  await kube.kubectl(["label", "namespace", "shop", "team=red"]);
  const port = freePort();
  {
    await using first = startController(kit, port);
    await controllerReady(port);
    await create(kube, "web");
    await expectAddress(kube, "10.78.0.1", "web");
    await create(kube, "web", "shop");
    await expectAddress(kube, "10.78.1.0", "web", "shop");
    // A label that comes later opens the pool, and takes nothing from who has an address.
    await kube.kubectl(["label", "namespace", "default", "team=red"]);
    await waitFor("the pool to open", async () => {
      await kube.kubectl(["delete", "service", "late", "--ignore-not-found"]);
      await create(kube, "late");
      await waitFor("an address", async () => await address(kube, "late") !== "");
      return await address(kube, "late") === "10.78.1.1";
    });
    assert.equal(await address(kube, "web"), "10.78.0.1");
    await kube.kubectl(["label", "namespace", "default", "team-"]);

    const secret = JSON.parse(
      await kube.kubectl(["get", "secret", "-n", "metallb-system", "memberlist", "-o", "json"]),
    );
    assert.equal(secret.metadata.ownerReferences[0].name, "controller");
    assert.equal(Uint8Array.fromBase64(atob(secret.data.secretkey)).length, 128);

    await kube.kubectl(["delete", "service", "web"]);
    await waitFor("the note", async () => {
      const note = ["get", "configmap", "-n", "metallb-system", "herald-sticky-addresses"];
      return (await kube.kubectl([...note, "--ignore-not-found", "-o", "yaml"])).includes(
        "10.78.0.1",
      );
    });
    assert.equal(await first.end(), 0, first.output());
  }
  await using second = startController(kit, port);
  await controllerReady(port);
  await create(kube, "other");
  await waitFor("an address", async () => await address(kube, "other") !== "");
  assert.notEqual(await address(kube, "other"), "10.78.0.1", second.output());
  await create(kube, "web");
  await expectAddress(kube, "10.78.0.1", "web");
  const annotation = "jsonpath={.metadata.annotations.metallb\\.io/ip-allocated-from-pool}";
  assert.equal(await kube.kubectl(["get", "service", "web", "-o", annotation]), "default");
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  assert.match(metrics, /^herald_pool_addresses_reserved\{pool="default"\} 1$/m);
});

Deno.test("S11: a configuration that would take live addresses is refused over a restart too, until they are gone", async () => {
  await using kube = await startControlPlane();
  const kit = await prepareController(kube, CONFIG);
  const port = freePort();
  const configure = (config: string) =>
    kube.request("PATCH", "/api/v1/namespaces/metallb-system/configmaps/config", {
      data: { config },
    });
  const version = () =>
    kube.kubectl(["get", "svc", "web", "-o", "jsonpath={.metadata.resourceVersion}"]);
  {
    await using first = startController(kit, port);
    await controllerReady(port);
    await create(kube, "web");
    await expectAddress(kube, "10.78.0.1", "web");
    await configure(CONFIG.replaceAll("10.78.0.", "10.99.0."));
    await waitFor("the refusal", () => first.output().includes("not compatible with assigned IPs"));
    assert.equal(await first.end(), 0);
  }
  const before = await version();
  await using second = startController(kit, port);
  const reason = await waitFor("the refusal after the restart", async () => {
    const text = await (await fetch(`http://127.0.0.1:${port}/readyz`)).text();
    return text.includes("not compatible with assigned IPs") && text;
  });
  assert.match(reason, /default\/web \(10\.78\.0\.1, pool "default"\); all Services keep/);
  await create(kube, "late");
  await kube.kubectl(["annotate", "service", "late", "seen=yes"]);
  assert.equal(await address(kube, "late"), "");
  assert.deepEqual([await address(kube, "web"), await version()], ["10.78.0.1", before]);
  await kube.kubectl(["delete", "service", "web"]);
  await waitFor("an address of the new configuration", async () => {
    return (await address(kube, "late")).startsWith("10.99.0.");
  });
  await controllerReady(port);
  assert.match(second.output(), /configuration in force/);
});
