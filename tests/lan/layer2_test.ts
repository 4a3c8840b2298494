import assert from "node:assert/strict";
import type { Host } from "../support/lan.ts";
import type { RunningProcess } from "../support/process.ts";
import { servePage } from "../support/pod.ts";
import { waitFor } from "../support/wait.ts";
import {
  CONFIG_MANIFEST,
  HERALD,
  makeScene,
  nodeManifest,
  type Scene,
  SERVICE_IP,
  serviceManifest,
  sliceManifest,
} from "./scene.ts";
import { run } from "../support/process.ts";
import { layCable } from "../support/lan.ts";
import { withOutput } from "../support/roles.ts";

/** A scene in which controller and speakers run; the first node also has the controller. */
async function runningScene(
  use: (scene: Scene, roles: readonly RunningProcess[]) => Promise<void>,
  ...flags: string[]
): Promise<void> {
  await using scene = await makeScene();
  const [node1] = scene.nodes;
  assert.ok(node1);
  await using controller = scene.herald(node1, "--role=controller", "--port=7473");
  await using speakers = new AsyncDisposableStack();
  const roles = [controller];
  for (const node of scene.nodes) {
    roles.push(
      speakers.use(scene.herald(node, "--role=speaker", `--node-name=${node.name}`, ...flags)),
    );
  }
  await withOutput(roles, () => use(scene, roles));
}

/** Who answers for the address now: the names of all hosts that do. */
async function answering(scene: Scene, ip: string): Promise<string[]> {
  const macs = new Set(await scene.client.arping(ip, 2));
  return [...macs].map((mac) => scene.nodes.find((node) => node.mac === mac)?.name ?? mac).sort();
}

async function waitForOwner(scene: Scene, ip: string, name: string): Promise<void> {
  await waitFor(`${name} to answer alone for ${ip}`, async () => {
    const names = await answering(scene, ip);
    return names.length === 1 && names[0] === name;
  });
}

async function waitForSilence(scene: Scene, ip: string): Promise<void> {
  await waitFor(
    `nobody to answer for ${ip}`,
    async () => (await answering(scene, ip)).length === 0,
  );
}

async function page(host: Host, url: string): Promise<string> {
  const { stdout } = await host.run("curl", "-s", "--max-time", "3", url);
  return stdout;
}

async function metric(host: Host, name: string, port = 7472): Promise<number | undefined> {
  const text = await page(host, `http://127.0.0.1:${port}/metrics`);
  const line = text.split("\n").find((one) => one.startsWith(name) && !one.startsWith("#"));
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(" ") + 1));
}

Deno.test("the article's story: a Service gets 10.77.1.220, one node answers, the client gets the page", async () => {
  await runningScene(async (scene, [, speaker1]) => {
    await using _page = await servePage(scene.pod, "welcome");
    await scene.forward(SERVICE_IP, 80);
    const { client } = scene;
    const [node1, node2] = scene.nodes;
    assert.ok(node1 && node2 && speaker1);
    await using frames = client.start("tcpdump", ["-l", "-n", "-e", "-i", "eth0", "arp"]);
    await waitFor("tcpdump", () => frames.output().includes("listening on"));
    assert.deepEqual(await answering(scene, SERVICE_IP), [], "nobody owns it yet");
    await scene.write("nginx.yaml", serviceManifest("nginx"));
    await scene.write("slice.yaml", sliceManifest("nginx", ["node1"]));
    await waitFor("the status", async () => (await scene.statusIps("nginx"))[0] === SERVICE_IP);
    // sha256("node1#10.77.1.220") = 12e4… is below sha256("node2#10.77.1.220") = 2a62…
    await waitForOwner(scene, SERVICE_IP, "node1");
    assert.deepEqual(await answering(scene, "10.77.1.221"), [], "a free address of the pool");
    assert.equal(await page(client, `http://${SERVICE_IP}/`), "welcome");
    assert.equal(await client.neighbour(SERVICE_IP), node1.mac);
    const gratuitous = await waitFor("gratuitous frames in both forms", () => {
      const lines = frames.output().split("\n").filter((line) =>
        line.includes(`${node1.mac} > ff:ff:ff:ff:ff:ff`)
      );
      const kinds = lines.map((line) =>
        /Request who-has 10\.77\.1\.220 .*tell 10\.77\.1\.220/.test(line)
          ? "request"
          : /Reply 10\.77\.1\.220 is-at/.test(line)
          ? "reply"
          : "other"
      );
      return kinds.filter((kind) => kind !== "other").length >= 4 && kinds;
    });
    assert.deepEqual(gratuitous.filter((kind) => kind !== "other").slice(0, 4), [
      "request",
      "reply",
      "request",
      "reply",
    ]);
    assert.ok(
      !frames.output().includes(
        `${node2.mac} > ff:ff:ff:ff:ff:ff, ethertype ARP (0x0806), length 42: Reply ${SERVICE_IP}`,
      ),
    );
    assert.equal(
      await metric(
        node1,
        'metallb_speaker_announced{service="default/nginx",protocol="layer2",node="node1",ip="10.77.1.220"}',
      ),
      1,
    );
    assert.ok((await metric(node1, 'metallb_layer2_responses_sent{ip="10.77.1.220"}') ?? 0) > 0);
    assert.ok((await metric(node1, 'metallb_layer2_gratuitous_sent{ip="10.77.1.220"}') ?? 0) >= 4);
    assert.equal(
      await metric(node1, 'metallb_allocator_addresses_in_use_total{pool="default"}', 7473),
      1,
    );
    assert.equal(
      await metric(node1, 'metallb_allocator_addresses_total{pool="default"}', 7473),
      54,
    );
  });
});

Deno.test("an address moves when its node is not ready or excluded, and the neighbours follow", async () => {
  await runningScene(async (scene) => {
    const [node1, node2] = scene.nodes;
    assert.ok(node1 && node2);
    await scene.write("nginx.yaml", serviceManifest("nginx"));
    await scene.write("slice.yaml", sliceManifest("nginx", ["node1"]));
    await waitForOwner(scene, SERVICE_IP, "node1");
    // Any traffic makes the client ask; that nothing forwards it does not matter here.
    await page(scene.client, `http://${SERVICE_IP}/`);
    assert.equal(await scene.client.neighbour(SERVICE_IP), node1.mac);
    await scene.write("node1.yaml", nodeManifest("node1", false));
    await waitFor(
      "the neighbour table to follow the gratuitous frames",
      async () => await scene.client.neighbour(SERVICE_IP) === node2.mac,
    );
    await waitForOwner(scene, SERVICE_IP, "node2");
    await scene.write("node1.yaml", nodeManifest("node1"));
    await waitForOwner(scene, SERVICE_IP, "node1");
    await scene.write(
      "node1.yaml",
      nodeManifest(
        "node1",
        true,
        '{ node.kubernetes.io/exclude-from-external-load-balancers: "" }',
      ),
    );
    await waitForOwner(scene, SERVICE_IP, "node2");
  });
});

Deno.test("externalTrafficPolicy Local: only a node with a ready endpoint answers, without one nobody", async () => {
  await runningScene(async (scene) => {
    await scene.write(
      "nginx.yaml",
      serviceManifest("nginx", 80, "  externalTrafficPolicy: Local\n"),
    );
    await scene.write("slice.yaml", sliceManifest("nginx", ["node2"]));
    await waitForOwner(scene, SERVICE_IP, "node2");
    await scene.write("slice.yaml", sliceManifest("nginx", ["node1", "node2"]));
    await waitForOwner(scene, SERVICE_IP, "node1");
    await scene.write("slice.yaml", sliceManifest("nginx", ["node1", "node2"], false));
    await waitForSilence(scene, SERVICE_IP);
    await scene.write("slice.yaml", sliceManifest("nginx", ["node2"]));
    await waitForOwner(scene, SERVICE_IP, "node2");
  });
});

Deno.test("a Service that goes takes its answers, its status and its address with it", async () => {
  await runningScene(async (scene) => {
    await scene.write("a.yaml", serviceManifest("a"));
    await scene.write("a-slice.yaml", sliceManifest("a", ["node1"]));
    await waitFor("a's address", async () => (await scene.statusIps("a"))[0] === SERVICE_IP);
    await scene.write("b.yaml", serviceManifest("b"));
    await scene.write("b-slice.yaml", sliceManifest("b", ["node1"]));
    await waitFor("b's address", async () => (await scene.statusIps("b"))[0] === "10.77.1.221");
    await scene.remove("a.yaml");
    await waitForSilence(scene, SERVICE_IP);
    await waitFor(
      "the status file to go",
      () => Deno.stat(scene.statusFile("a")).then(() => false, () => true),
    );
    await scene.write("c.yaml", serviceManifest("c"));
    await waitFor(
      "c to get the free address",
      async () => (await scene.statusIps("c"))[0] === SERVICE_IP,
    );
    // A Service that stops being a load balancer gives its address back too.
    await scene.write(
      "b.yaml",
      serviceManifest("b").replace("type: LoadBalancer", "type: ClusterIP"),
    );
    await waitForSilence(scene, "10.77.1.221");
    assert.deepEqual(await scene.statusIps("b"), []);
  });
});

Deno.test("Services share an address by the article's three conditions", async () => {
  const key = "metallb.universe.tf/allow-shared-ip: tenant1";
  await runningScene(async (scene) => {
    await scene.write("web.yaml", serviceManifest("web", 80, "", key));
    await waitFor("web's address", async () => (await scene.statusIps("web"))[0] === SERVICE_IP);
    await scene.write(
      "tls.yaml",
      serviceManifest("tls", 443, "", "metallb.io/allow-shared-ip: tenant1"),
    );
    await waitFor("tls to share it", async () => (await scene.statusIps("tls"))[0] === SERVICE_IP);
    await scene.write("same-port.yaml", serviceManifest("same-port", 443, "", key));
    await waitFor(
      "same-port to get another",
      async () => (await scene.statusIps("same-port"))[0] === "10.77.1.221",
    );
    await scene.write(
      "local.yaml",
      serviceManifest("local", 8080, "  externalTrafficPolicy: Local\n", key),
    );
    await waitFor(
      "local to get another",
      async () => (await scene.statusIps("local"))[0] === "10.77.1.222",
    );
    await scene.write("tls-slice.yaml", sliceManifest("tls", ["node2"]));
    await waitForOwner(scene, SERVICE_IP, "node1");
  });
});

Deno.test("an interface that comes later answers, one that goes down and up is announced again", async () => {
  await runningScene(async (scene) => {
    const [node1] = scene.nodes;
    assert.ok(node1);
    await scene.write("nginx.yaml", serviceManifest("nginx"));
    await scene.write("slice.yaml", sliceManifest("nginx", ["node1"]));
    await waitForOwner(scene, SERVICE_IP, "node1");
    const side = await scene.lan.addNamespace("side");
    await layCable(node1, "late0", side);
    await side.must("ip", "addr", "add", "10.77.1.99/24", "dev", "eth0");
    await node1.must("ip", "link", "set", "late0", "address", "02:00:00:00:99:01", "up");
    await waitFor(
      "an answer by the late interface",
      async () => (await side.arping(SERVICE_IP, 1))[0] === "02:00:00:00:99:01",
    );
    await node1.must("ip", "link", "set", "late0", "down");
    await waitFor(
      "the late interface to be dropped",
      async () => await metric(node1, "herald_layer2_interfaces") === 1,
    );
    await node1.must("ip", "link", "set", "late0", "address", "02:00:00:00:99:02");
    await node1.must("ip", "link", "set", "late0", "up");
    await waitFor(
      "the new hardware address",
      async () => (await side.arping(SERVICE_IP, 1))[0] === "02:00:00:00:99:02",
    );
    await waitForOwner(scene, SERVICE_IP, "node1");
  });
});

Deno.test("--interface shuts interfaces out, later ones too", async () => {
  await using scene = await makeScene();
  const [node1] = scene.nodes;
  assert.ok(node1);
  await using _controller = scene.herald(scene.pod, "--role=controller");
  const flags = ["--role=speaker", "--node-name=node1", "--interface=*,!eth?"];
  await using speaker = scene.herald(node1, ...flags);
  await scene.write("nginx.yaml", serviceManifest("nginx"));
  await scene.write("slice.yaml", sliceManifest("nginx", ["node1"]));
  const side = await scene.lan.addNamespace("side");
  await layCable(node1, "late0", side);
  await side.must("ip", "addr", "add", "10.77.1.99/24", "dev", "eth0");
  await node1.must("ip", "link", "set", "late0", "address", "02:00:00:00:99:01", "up");
  await waitFor(
    "an answer by the late interface",
    async () => (await side.arping(SERVICE_IP, 1))[0] === "02:00:00:00:99:01",
  );
  assert.deepEqual(await scene.client.arping(SERVICE_IP, 1), [], "eth0 is shut out");
  assert.doesNotMatch(speaker.output(), /"interface":"eth0"/);
});

Deno.test("a bad configuration leaves the running one in force and is seen everywhere", async () => {
  await runningScene(async (scene, [controller]) => {
    const [node1] = scene.nodes;
    assert.ok(node1 && controller);
    await scene.write("nginx.yaml", serviceManifest("nginx"));
    await scene.write("slice.yaml", sliceManifest("nginx", ["node1"]));
    await waitForOwner(scene, SERVICE_IP, "node1");
    await scene.write(
      "config.yaml",
      CONFIG_MANIFEST.replace("protocol: layer2", "protocol: layer3"),
    );
    for (const port of [7472, 7473]) {
      await waitFor(
        `stale = 1 on port ${port}`,
        async () => await metric(node1, "metallb_k8s_client_config_stale_bool", port) === 1,
      );
      assert.equal(await metric(node1, "metallb_k8s_client_config_loaded_bool", port), 1);
    }
    assert.match(
      controller.output(),
      /"reason":"configmap metallb-system\/config key config:3:15"/,
    );
    const status = await run(HERALD, ["status"]);
    assert.match(status.stdout, /config +stale/);
    assert.match(status.stdout, /configmap metallb-system\/config key config:3:15: .*layer3/);
    await waitForOwner(scene, SERVICE_IP, "node1");
    // Taking the address away from a live Service is refused too, and names it.
    await scene.write(
      "config.yaml",
      CONFIG_MANIFEST.replace("10.77.1.220-10.77.1.240", "10.77.1.230-10.77.1.240"),
    );
    await waitFor(
      "the refusal",
      () => controller.output().includes("not compatible with assigned IPs"),
    );
    assert.match(controller.output(), /default\/nginx \(10\.77\.1\.220/);
    assert.deepEqual(await scene.statusIps("nginx"), [SERVICE_IP]);
    // The speakers refuse it too: an address that nobody took must not go dark.
    await waitFor(
      "the speaker's refusal",
      async () => await metric(node1, "metallb_k8s_client_config_stale_bool", 7472) === 1,
    );
    await waitForOwner(scene, SERVICE_IP, "node1");
    await scene.write("config.yaml", CONFIG_MANIFEST);
    await waitFor(
      "a good configuration",
      async () => await metric(node1, "metallb_k8s_client_config_stale_bool", 7473) === 0,
    );
  });
});

Deno.test("SIGTERM ends each role with exit code 0 and silence; a restart changes no address", async () => {
  await using scene = await makeScene();
  const [node1] = scene.nodes;
  assert.ok(node1);
  const flags = ["--role=all", "--node-name=node1", "--port=7472"];
  {
    await using first = scene.herald(node1, ...flags);
    for (const name of ["a", "b", "c"]) {
      await scene.write(`${name}.yaml`, serviceManifest(name));
      await scene.write(`${name}-slice.yaml`, sliceManifest(name, ["node1"]));
      await waitFor(`${name}'s address`, async () => (await scene.statusIps(name)).length === 1);
    }
    await waitForOwner(scene, SERVICE_IP, "node1");
    assert.equal(await first.end("SIGTERM"), 0, first.output());
    await waitForSilence(scene, SERVICE_IP);
    assert.equal(
      (await run(HERALD, ["status"])).code,
      1,
      "a role that ended still shows in status",
    );
  }
  await scene.remove("a.yaml");
  const before = await Promise.all(
    ["b", "c"].map((name) => Deno.readTextFile(scene.statusFile(name))),
  );
  await using second = scene.herald(node1, ...flags);
  await waitFor(
    "readiness",
    async () => (await page(node1, "http://127.0.0.1:7472/readyz")) === "ok\n",
  );
  await scene.write("d.yaml", serviceManifest("d"));
  await waitFor(
    "the address that came free",
    async () => (await scene.statusIps("d"))[0] === SERVICE_IP,
  );
  const after = await Promise.all(
    ["b", "c"].map((name) => Deno.readTextFile(scene.statusFile(name))),
  );
  assert.deepEqual(after, before);
  assert.equal(await second.end("SIGINT"), 0);
});

Deno.test("a speaker without NET_RAW stays up, is not ready, and names the capability", async () => {
  await using scene = await makeScene();
  const [node1] = scene.nodes;
  assert.ok(node1);
  const flags = [
    "run",
    `--store=${scene.store}`,
    "--log-format=json",
    "--role=speaker",
    "--node-name=node1",
  ];
  await using speaker = node1.start("setpriv", [
    "--bounding-set=-net_raw",
    "--inh-caps=-net_raw",
    HERALD,
    ...flags,
  ]);
  const text = await waitFor("the reason", async () => {
    const ready = await page(node1, "http://127.0.0.1:7472/readyz");
    return ready.includes("NET_RAW") && ready;
  });
  assert.match(text, /CAP_NET_RAW/);
  assert.match(speaker.output(), /layer 2 is off/);
  assert.equal(await page(node1, "http://127.0.0.1:7472/healthz"), "ok\n");
  const address = [`status:`, `  loadBalancer: { ingress: [{ ip: ${SERVICE_IP} }] }`, ``];
  await scene.write("nginx.yaml", serviceManifest("nginx") + address.join("\n"));
  await scene.write("slice.yaml", sliceManifest("nginx", ["node1"]));
  await waitFor("the event", () => /"reason":"announceFailed".*NET_RAW/.test(speaker.output()));
  const { speaker: told } = JSON.parse(await page(node1, "http://127.0.0.1:7472/status"));
  assert.equal(told.addresses[0].announcing, false);
  assert.equal(await speaker.end(), 0);
});

Deno.test("a speaker whose API server is away is not ready, names what it lacks, and is healthy", async () => {
  await using scene = await makeScene();
  const [node1] = scene.nodes;
  assert.ok(node1);
  const kubeconfig = `${scene.store}/kubeconfig`;
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "c",
    contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
    // Nobody listens there.
    clusters: [{ name: "c", cluster: { server: "http://127.0.0.1:9" } }],
    users: [{ name: "u", user: { token: "t" } }],
  };
  await Deno.writeTextFile(kubeconfig, JSON.stringify(config));
  await using speaker = node1.start(HERALD, [
    "run",
    "--role=speaker",
    "--node-name=node1",
    `--kubeconfig=${kubeconfig}`,
    "--log-format=json",
  ]);
  const ready = await waitFor("the pages", async () => {
    const text = await page(node1, "http://127.0.0.1:7472/readyz");
    return text.includes("known") && text;
  });
  assert.match(ready, /^the Services, EndpointSlices, Nodes of http:\S+ are not all known yet$/m);
  await waitFor("a try in vain", () => /cannot read, trying again/.test(speaker.output()));
  assert.equal(await page(node1, "http://127.0.0.1:7472/healthz"), "ok\n");
  assert.equal(await speaker.end(), 0, speaker.output());
});

Deno.test("herald explain tells address, pool, owner and the others from the store", async () => {
  await runningScene(async (scene) => {
    await scene.write("nginx.yaml", serviceManifest("nginx"));
    await scene.write("slice.yaml", sliceManifest("nginx", ["node1"]));
    await waitFor("the status", async () => (await scene.statusIps("nginx")).length === 1);
    await waitForOwner(scene, SERVICE_IP, "node1");
    await scene.write("node1.yaml", nodeManifest("node1", false));
    await waitForOwner(scene, SERVICE_IP, "node2");
    const { stdout, code } = await run(HERALD, [
      "explain",
      "service",
      "default/nginx",
      `--store=${scene.store}`,
    ]);
    assert.equal(code, 0);
    assert.match(stdout, /It has 10\.77\.1\.220 of pool "default"/);
    assert.match(stdout, /node2 announces 10\.77\.1\.220 \(seen at node2's speaker\)\./);
    assert.match(stdout, /node1: the node is not ready/);
    assert.match(stdout, /10\.244\.1\.5 on node1, ready/);
    const json = await run(HERALD, ["explain", "service", "default/nginx", "--output=json"]);
    assert.deepEqual(
      JSON.parse(json.stdout).address.ips,
      [SERVICE_IP],
      "the running roles tell where the objects are",
    );
    const absent = await run(HERALD, [
      "explain",
      "service",
      "default/absent",
      `--store=${scene.store}`,
    ]);
    assert.equal(absent.code, 1);
    assert.match(absent.stderr, /No Service default\/absent/);
  });
});

Deno.test("--l2-election=v0.10 takes only nodes with an endpoint, by the Service's name", async () => {
  await runningScene(async (scene) => {
    await scene.write("nginx.yaml", serviceManifest("nginx"));
    await scene.write("slice.yaml", sliceManifest("nginx", ["node2"]));
    await waitForOwner(scene, SERVICE_IP, "node2");
  }, "--l2-election=v0.10");
});

Deno.test("a local --config file is followed through an editor's rename, a symlink swap and SIGHUP", async () => {
  await using scene = await makeScene();
  const [node1] = scene.nodes;
  assert.ok(node1);
  await scene.remove("config.yaml");
  const folder = await Deno.makeTempDir({ prefix: "herald-config-" });
  try {
    const text = (first: number) =>
      `address-pools:\n- name: default\n  protocol: layer2\n  addresses:\n  - 10.77.1.${first}-10.77.1.240\n`;
    await Deno.mkdir(`${folder}/..v1`);
    await Deno.writeTextFile(`${folder}/..v1/pools.yaml`, text(221));
    await Deno.symlink("..v1", `${folder}/..data`);
    await Deno.symlink("..data/pools.yaml", `${folder}/pools.yaml`);
    await using controller = scene.herald(
      node1,
      "--role=controller",
      `--config=${folder}/pools.yaml`,
    );
    const inForce = (times: number) =>
      waitFor(
        `configuration number ${times}`,
        () => controller.output().split("configuration in force").length > times,
      );
    await scene.write("a.yaml", serviceManifest("a"));
    await waitFor("a's address", async () => (await scene.statusIps("a"))[0] === "10.77.1.221");
    await Deno.mkdir(`${folder}/..v2`);
    await Deno.writeTextFile(`${folder}/..v2/pools.yaml`, text(220));
    await Deno.symlink("..v2", `${folder}/..data.new`);
    await Deno.rename(`${folder}/..data.new`, `${folder}/..data`);
    await inForce(2);
    await scene.write("b.yaml", serviceManifest("b"));
    await waitFor("the swapped pool", async () => (await scene.statusIps("b"))[0] === SERVICE_IP);
    await Deno.writeTextFile(`${folder}/edited`, text(215));
    await Deno.rename(`${folder}/edited`, `${folder}/pools.yaml`);
    await inForce(3);
    // `ip netns exec` has become the program: the pid is herald's own.
    Deno.kill(controller.pid, "SIGHUP");
    await scene.write("c.yaml", serviceManifest("c"));
    await waitFor("the edited pool", async () => (await scene.statusIps("c"))[0] === "10.77.1.215");
    assert.equal(await controller.end(), 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
