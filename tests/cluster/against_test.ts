import assert from "node:assert/strict";
import { rankCandidates } from "../../lib/speaker/election.ts";
import { type ControlPlane, startControlPlane } from "../support/control_plane.ts";
import { type Outcome, run } from "../support/process.ts";
import { waitFor } from "../support/wait.ts";
import { poolsYaml, poolYaml } from "../support/pools.ts";
import {
  controllerReady,
  freePort,
  prepareController,
  startController,
} from "./controller_process.ts";
import { HERALD } from "./stage.ts";

const pools = (addresses: string, name = "small") => poolsYaml(poolYaml(name, addresses));

async function addresses(kube: ControlPlane): Promise<Record<string, string>> {
  const { items } = JSON.parse(await kube.kubectl(["get", "services", "-o", "json"]));
  return Object.fromEntries(
    items.filter(({ spec }: { spec: { type: string } }) => spec.type === "LoadBalancer").map(
      (
        { metadata, status }: {
          metadata: { name: string };
          status: { loadBalancer: { ingress?: { ip: string }[] } };
        },
      ) => [metadata.name, status.loadBalancer.ingress?.[0]?.ip ?? ""],
    ),
  );
}

async function expose(kube: ControlPlane, name: string): Promise<void> {
  const object = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name },
    spec: { type: "LoadBalancer", ports: [{ port: 80 }], selector: { app: name } },
  };
  await kube.kubectl(["apply", "-f", "-"], JSON.stringify(object));
}

async function configure(kube: ControlPlane, config: string): Promise<void> {
  const patch = JSON.stringify({ data: { config } });
  await kube.kubectl(["patch", "cm", "-n", "metallb-system", "config", "-p", patch]);
}

Deno.test("validate --against=cluster foretells on a real API server what the controller then does", async () => {
  await using kube = await startControlPlane();
  const kit = await prepareController(kube, pools("10.78.0.1-10.78.0.2"));
  const port = freePort();
  await using controller = startController(kit, port);
  const file = await Deno.makeTempFile({ dir: kube.folder, suffix: ".yaml" });
  const validate = async (config: string, ...flags: string[]): Promise<Outcome> => {
    await Deno.writeTextFile(file, config);
    const against = ["--against=cluster", `--kubeconfig=${kube.kubeconfig}`];
    return await run(HERALD, ["validate", file, ...against, ...flags]);
  };
  try {
    await controllerReady(port);
    for (const name of ["a", "b", "c"]) await expose(kube, name);
    const present = await waitFor("two addresses", async () => {
      const found = await addresses(kube);
      return Object.values(found).filter((ip) => ip !== "").length === 2 && found;
    });
    const waiting = Object.keys(present).find((name) => present[name] === "") ?? assert.fail();

    const losing = pools("10.78.0.2-10.78.0.9");
    const loss = await validate(losing);
    const loser = Object.keys(present).find((name) => present[name] === "10.78.0.1");
    assert.equal(loss.code, 1, loss.stdout + loss.stderr);
    assert.match(loss.stdout, /^1 Service would lose an address, so a running controller would/m);
    assert.match(
      loss.stdout,
      new RegExp(`^ {2}default/${loser}: 10\\.78\\.0\\.1 of pool "small"`, "m"),
    );
    await configure(kube, losing);
    await waitFor(
      "the refusal",
      () => controller.output().includes("not compatible with assigned"),
    );
    assert.deepEqual(await addresses(kube), present);
    await configure(kube, pools("10.78.0.1-10.78.0.2"));

    const wider = pools("10.78.0.1-10.78.0.9", "wide");
    const { code, stdout, stderr } = await validate(wider, "--output=json");
    assert.equal(code, 0, stdout + stderr);
    const { impact } = JSON.parse(stdout);
    assert.deepEqual(impact.gained, [
      { service: `default/${waiting}`, after: { ips: ["10.78.0.3"], pool: "wide" } },
    ]);
    assert.equal(impact.moved.length, 2);
    await configure(kube, wider);
    await waitFor(
      "the address foretold",
      async () => (await addresses(kube))[waiting] === "10.78.0.3",
    );
  } catch (error) {
    throw new Error(controller.output().slice(-3000), { cause: error });
  }
});

Deno.test("d04, F2: migrate --check and validate --against tell on a real API server what a swap would move", async () => {
  await using kube = await startControlPlane();
  await prepareController(kube, pools("10.78.0.1-10.78.0.9"));
  const label = "node.kubernetes.io/exclude-from-external-load-balancers";
  const apply = (object: unknown) => kube.kubectl(["apply", "-f", "-"], JSON.stringify(object));
  for (const name of ["n1", "n2"]) {
    const labels = name === "n1" ? { [label]: "" } : {};
    await apply({ apiVersion: "v1", kind: "Node", metadata: { name, labels } });
    const ready = [{ type: "Ready", status: "True" }];
    const patch = JSON.stringify({ status: { conditions: ready } });
    await kube.kubectl(["patch", "node", name, "--subresource=status", "-p", patch]);
  }
  const ips = Array.from({ length: 9 }, (_, at) => `10.78.0.${at + 1}`);
  for (const [at, ip] of ips.entries()) {
    await expose(kube, `s${at}`);
    const status = JSON.stringify({ status: { loadBalancer: { ingress: [{ ip }] } } });
    await kube.kubectl(["patch", "service", `s${at}`, "--subresource=status", "-p", status]);
    await apply({
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: `s${at}-1`, labels: { "kubernetes.io/service-name": `s${at}` } },
      addressType: "IPv4",
      endpoints: [{ addresses: ["10.244.0.7"], nodeName: "n2", conditions: { ready: true } }],
      ports: [{ port: 80 }],
    });
  }
  // Of two nodes MetalLB takes the one whose sha256("NODE#ADDRESS") is the lower; Herald only n2.
  const firsts = ips.filter((ip) => rankCandidates(["n1", "n2"], ip)[0] === "n1");
  assert.ok(firsts.length > 0 && firsts.length < ips.length);
  const at = `--kubeconfig=${kube.kubeconfig}`;
  const check = await run(HERALD, ["migrate", "--check", at]);
  assert.equal(check.code, 1, check.stderr);
  for (const ip of ips) {
    assert.equal(
      check.stdout.includes(`${ip}: n1 -> n2 (the node is labelled ${label}`),
      firsts.includes(ip),
    );
  }
  const file = await Deno.makeTempFile({ dir: kube.folder, suffix: ".yaml" });
  await Deno.writeTextFile(file, pools("10.78.0.1-10.78.0.9"));
  const against = await run(HERALD, ["validate", file, "--against=cluster", at, "--compat=v0.12"]);
  assert.equal(against.code, 0, against.stderr);
  for (const ip of firsts) {
    assert.match(against.stdout, new RegExp(`^ {2}${ip}: n1 -> n2 \\(`, "m"));
  }
  const newest = await run(HERALD, ["migrate", "--check", at, "--compat=v0.16"]);
  assert.equal(newest.code, 0, newest.stdout + newest.stderr);
  assert.match(newest.stdout, /Nothing stands in the way: 9 addresses/);
});
