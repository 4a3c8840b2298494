import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { renderChart } from "../../.ci/manifests.ts";
import { startControlPlane } from "../support/control_plane.ts";
import { ensureHelm } from "../support/kube_binaries.ts";
import { commandsOf, fencesOf } from "../support/markdown.ts";
import { must } from "../support/process.ts";
import { waitFor } from "../support/wait.ts";
import { COMPONENTS, kustomize, TOGETHER } from "./kustomize.ts";
import { EVERYTHING, optionalPaths } from "./values.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const DEPLOY = fileURLToPath(new URL("../../deploy", import.meta.url));
/** Values by the name of the case. */
const VALUE_SETS = {
  "the defaults": [],
  "MetalLB's names": [`--values=${DEPLOY}/chart/values/metallb-compatible.yaml`],
  "everything": [`--values=${EVERYTHING}`],
  "as little as there can be": [
    "--set=speaker.memberlist.enabled=false,rbac.create=false",
    "--set=controller.replicas=1,controller.strategy.type=Recreate",
    "--set=controller.leaderElection.enabled=false,controller.podDisruptionBudget.enabled=false",
    "--set=controller.livenessProbe.enabled=false,controller.readinessProbe.enabled=false",
    "--set=speaker.livenessProbe.enabled=false,speaker.readinessProbe.enabled=false",
    "--set=controller.priorityClassName=,speaker.priorityClassName=,speaker.tolerateMaster=false",
    "--set=controller.serviceAccount.create=false,speaker.serviceAccount.create=false",
  ],
  "texts that look like something else": [
    "--set-string=fullnameOverride=7e3,nameOverride=123,loadBalancerClass=y",
    "--set-string=controller.serviceAccount.name=1234,speaker.secretName=0x1f",
    "--set-string=controller.priorityClassName=5,existingConfigMap=on,image.tag=1.0",
  ],
  "everything away that null may take away": (await optionalPaths()).inner
    // Kubernetes wants a profile to be there as a whole.
    .filter((path) => !path.endsWith("seccompProfile.type"))
    .map((path) => `--set-json=${path}=null`),
  "the longest names": [`--set=fullnameOverride=${"a".repeat(49)}.${"b".repeat(30)}`],
  "a controller alone": ["--set=speaker.enabled=false"],
  "speakers alone": ["--set=controller.enabled=false"],
} satisfies Record<string, readonly string[]>;

/** The kinds of the Prometheus Operator, without a say on what is in them. */
function operatorKinds(): string {
  return ["PodMonitor", "PrometheusRule", "ServiceMonitor"].map((kind) => {
    const plural = `${kind.toLowerCase()}s`;
    return JSON.stringify({
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: `${plural}.monitoring.coreos.com` },
      spec: {
        group: "monitoring.coreos.com",
        scope: "Namespaced",
        names: { kind, plural, singular: kind.toLowerCase() },
        versions: [{
          name: "v1",
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
          },
        }],
      },
    });
  }).join("\n---\n");
}

Deno.test("an API server takes all that deploy has, strictly validated, by helm too and over what stands there", async (test) => {
  const helm = await ensureHelm();
  await using kube = await startControlPlane();
  await kube.kubectl(["create", "namespace", "metallb-system"]);
  await kube.kubectl(["apply", "-f", "-"], operatorKinds());
  await waitFor("the operator's kinds", async () => {
    const kinds = [
      "crd/podmonitors.monitoring.coreos.com",
      "crd/prometheusrules.monitoring.coreos.com",
      "crd/servicemonitors.monitoring.coreos.com",
    ];
    await kube.kubectl(["wait", "--for=condition=Established", "--timeout=5s", ...kinds]);
    return true;
  });
  const strictly = (objects: string) =>
    kube.kubectl(["apply", "--dry-run=server", "--validate=strict", "-f", "-"], objects);

  await test.step("a field that there is not is refused", async () => {
    const rendered = await renderChart(helm, []);
    await assert.rejects(
      strictly(rendered.replace("hostNetwork: true", "hostNetwerk: true")),
      /unknown field "spec.template.spec.hostNetwerk"/,
    );
  });
  for (const [name, values] of Object.entries(VALUE_SETS)) {
    await test.step(`the chart with ${name}`, async () => {
      await strictly(await renderChart(helm, values));
    });
  }
  for (const chosen of [[], ...COMPONENTS.map((one) => [one]), TOGETHER]) {
    await test.step(`the kustomization with ${chosen.join(", ") || "nothing more"}`, async () => {
      await strictly(await kustomize(kube.binaries.kubectl, chosen));
    });
  }

  const told = (command: string) =>
    must("env", [
      `KUBECONFIG=${kube.kubeconfig}`,
      `PATH=${helm.replace(/\/helm$/, "")}:${Deno.env.get("PATH")}`,
      "sh",
      "-c",
      `cd "$0" && ${command}`,
      ROOT,
    ]);
  const page = await Deno.readTextFile(`${ROOT}docs/upgrade.md`);
  const [taking] = fencesOf(page).flatMap(commandsOf).filter((one) => /take-ownership/.test(one));

  await test.step("helm takes over what the manifest made, and its notes tell what there is", async () => {
    await kube.kubectl(["apply", "-f", `${DEPLOY}/metallb-compatible.yaml`]);
    const before = await kube.kubectl(["get", "all,sa,role", "-n", "metallb-system", "-o", "name"]);
    assert.match(await told(taking ?? "false"), /It has no configuration yet/);
    const after = await kube.kubectl(["get", "all,sa,role", "-n", "metallb-system", "-o", "name"]);
    assert.equal(after, before, "the same objects");
    await kube.kubectl(["apply", "-f", `${DEPLOY}/metallb-configmap.yaml`]);
    const again = await told(
      `helm upgrade herald deploy/chart/herald -n metallb-system --reuse-values`,
    );
    assert.match(again, /Its configuration is the ConfigMap config\./);
  });

  await test.step("two releases stand beside each other, also in one namespace", async () => {
    await kube.kubectl(["create", "namespace", "lb"]);
    await told(
      `helm install internal deploy/chart/herald -n lb --set=loadBalancerClass=example.org/internal`,
    );
    const ports = "prometheus.metricsPort=7480,speaker.memberlist.mlBindPort=7950";
    await told(
      `helm install y deploy/chart/herald -n lb --set=loadBalancerClass=example.org/y,${ports}`,
    );
  });

  await test.step("every change of values is taken by what runs, and every way back", async () => {
    const upgrade = (set: string) => told(`helm upgrade internal deploy/chart/herald -n lb ${set}`);
    for (
      const set of [
        "--set=controller.strategy.type=Recreate,controller.replicas=1",
        "--set-json=controller.strategy.rollingUpdate=null",
        "--set=controller.strategy.type=Recreate",
        "--set=speaker.updateStrategy.type=OnDelete,speaker.memberlist.enabled=false",
        "--set=speaker.enabled=false,rbac.create=false",
        "--set=metallbNames=true",
        "--set=nameOverride=other",
      ]
    ) await upgrade(set);
    await upgrade("");
  });
});
