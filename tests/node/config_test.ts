import assert from "node:assert/strict";
import { trafficDuring } from "../support/traffic.ts";
import { pause, waitFor } from "../support/wait.ts";
import { tellFigure, tellTraffic } from "./health.ts";
import {
  addressOf,
  CONFIG,
  FIRST_ADDRESS,
  installHerald,
  NAMESPACE,
  type NodeScene,
  serviceManifest,
  testOnNodes,
} from "./scene.ts";

/** Three mistakes, each in a line of its own. */
const WRONG = CONFIG
  .replace("address-pools:", "address-pools:\n      - { name: more, protocol: layer3 }")
  .replace("protocol: layer2", "protocol: layer2\n        adresses: []");
const MISTAKES = ['"layer3"', '"addresses"', '"adresses"'];
/** The pool without the address that the Service `web` has. */
const TAKING = CONFIG.replace(`${FIRST_ADDRESS}-`, "10.77.1.225-");
const WIDER = `${CONFIG}      - { name: more, protocol: layer2, addresses: [10.77.1.241/32] }\n`;

interface HeraldPod {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly status: {
    readonly podIP: string;
    readonly conditions: readonly {
      readonly type: string;
      readonly status: string;
      readonly lastTransitionTime: string;
    }[];
    readonly containerStatuses: readonly { readonly restartCount: number }[];
  };
}

interface Told {
  readonly count: number;
  readonly message: string;
  readonly type: string;
}

async function podsOf({ kube }: NodeScene): Promise<readonly HeraldPod[]> {
  return JSON.parse(await kube.kubectl(["get", "pods", "-n", NAMESPACE, "-o", "json"])).items;
}

/** Which pods run, and since when each is Ready: the same again where nothing happened to one. */
async function readiness(scene: NodeScene): Promise<readonly string[]> {
  return (await podsOf(scene)).map(({ metadata, status: { conditions, containerStatuses } }) => {
    const ready = conditions.find(({ type }) => type === "Ready");
    const restarts = containerStatuses.map(({ restartCount }) => restartCount).join();
    return `${metadata.uid}, Ready ${ready?.status} since ${ready?.lastTransitionTime}, ${restarts}`;
  });
}

/** Waits until every controller and speaker says so of its configuration. */
async function allSay(scene: NodeScene, stale: 0 | 1): Promise<void> {
  const pods = await podsOf(scene);
  for (const { metadata: { name }, status: { podIP } } of pods) {
    await waitFor(
      `${name} to have a configuration that is ${stale ? "stale" : "in force"}`,
      async () => {
        const url = `http://${podIP}:7472/metrics`;
        const { stdout } = await scene.nodes[0]?.host.run("curl", "-s", "--max-time", "2", url) ??
          {};
        return stdout?.includes(`\nmetallb_k8s_client_config_stale_bool ${stale}\n`) &&
          stdout.includes("\nmetallb_k8s_client_config_loaded_bool 1\n");
      },
    );
  }
}

/** What `kubectl describe` looks for: the events of just this object. */
async function eventsOfConfig({ kube }: NodeScene): Promise<readonly Told[]> {
  const map = ["get", "configmap", "-n", NAMESPACE, "config", "-o", "jsonpath={.metadata.uid}"];
  const selector = `--field-selector=involvedObject.uid=${await kube.kubectl(map)}`;
  const events = await kube.kubectl(["get", "events", "-n", NAMESPACE, selector, "-o", "json"]);
  return JSON.parse(events).items;
}

testOnNodes(
  "a bad configuration under traffic costs nothing, is told once, and is mended by a good one",
  async (scene, test) => {
    const { client, kube, nodes } = scene;
    const { address } = await installHerald(scene);
    assert.equal(address, FIRST_ADDRESS);
    const pods = await readiness(scene);
    const apply = (manifest: string) => kube.kubectl(["apply", "-f", "-"], manifest);

    /** Puts a configuration there under traffic, waits for what all say of it, and some time more. */
    const offer = async (what: string, manifest: string, stale: 0 | 1) => {
      const began = performance.now();
      let allMs = 0;
      const figures = await trafficDuring(client, address, async () => {
        await apply(manifest);
        await allSay(scene, stale);
        allMs = Math.round(performance.now() - began);
        await pause(1_500);
      });
      tellTraffic(what, figures);
      tellFigure(what, `said by all four pods after ${allMs} ms`);
      assert.equal(figures.lost, 0, JSON.stringify(figures));
      assert.deepEqual(await readiness(scene), pods, "every pod stays as it is");
    };
    /** A failure shows what Herald logged in the meantime. */
    const step = (name: string, act: () => Promise<void>) =>
      test.step(name, async () => {
        const since = Date.now();
        await act().catch(async (error) => {
          throw new Error(await scene.logs(since), { cause: error });
        });
      });

    await step("one with mistakes: what ran runs on, every log names each of them", async () => {
      await scene.disrupt(() => offer("bad configuration", WRONG, 1));
      const [told, ...more] = await eventsOfConfig(scene);
      assert.deepEqual([told?.type, told?.count, more], ["Warning", 1, []]);
      assert.match(
        told?.message ?? "",
        /^the configuration has 3 mistakes, .* stays in force: \(1\)/,
      );
      for (const mistake of MISTAKES) assert.ok(told?.message.includes(mistake), told?.message);
      const logs = (await Promise.all(nodes.map((node) => node.podLogs(NAMESPACE)))).flat();
      assert.equal(logs.length, 4);
      for (const { lines, pod } of logs) {
        const named = lines.filter(({ text }) => text.includes('"configuration mistake"'));
        const texts = named.map(({ text }) => text.replaceAll('\\"', '"')).join("\n");
        assert.equal(named.length, 3, `${pod}: ${texts}`);
        for (const mistake of MISTAKES) assert.ok(texts.includes(mistake), `${pod}: ${texts}`);
      }
      await apply(serviceManifest("meanwhile"));
      assert.equal(await addressOf(kube, "meanwhile"), "10.77.1.221");
    });

    await step("the mended one is in force at once", async () => {
      await offer("mended configuration", WIDER, 0);
      await apply(
        serviceManifest("more").replace(
          "{ name: more }",
          "{ name: more, annotations: { metallb.io/address-pool: more } }",
        ),
      );
      assert.equal(await addressOf(kube, "more"), "10.77.1.241");
      await kube.kubectl(["delete", "service", "more"]);
    });

    await step(
      "one that would take a live address is refused, and the Service is named",
      async () => {
        await scene.disrupt(() => offer("configuration that takes an address", TAKING, 1));
        const [told, ...more] = await eventsOfConfig(scene);
        assert.deepEqual(
          [told?.type, told?.count, more],
          ["Warning", 2, []],
          "the same event, told anew",
        );
        assert.match(
          told?.message ?? "",
          /would take the address of 2 Services: default\/(web|meanwhile) .*the configuration before it stays in force$/,
        );
        assert.equal(await addressOf(kube, "web"), FIRST_ADDRESS);
      },
    );

    await step(
      "the one before it, put back, ends the alarm",
      () => offer("configuration put back", CONFIG, 0),
    );
  },
);
