import assert from "node:assert/strict";
import { gapAndOverlap, startProbe } from "../support/probe.ts";
import { run } from "../support/process.ts";
import { trafficDuring, type TrafficFigures } from "../support/traffic.ts";
import { pause, waitFor } from "../support/wait.ts";
import { tellFigure, tellTraffic } from "./health.ts";
import { newSpeaker, ownerOf, speakerPid, speakerPod } from "./owner.ts";
import { addressOf, installHerald, NAMESPACE, serviceManifest, testOnNodes } from "./scene.ts";

/** Hosts remember who answered them: traffic alone does not show that nobody answers any more. */
interface Cost {
  readonly figures: TrafficFigures;
  /** How long nobody answered for the address. */
  readonly gapMs: number;
}

/** Less than what it takes to miss a speaker: who waits for that has handed nothing over. */
const HANDOVER_MS = 40;

/**
 * What a change may cost that is meant: nothing that began after it. A request that is underway in
 * the moment in which the address moves is cut, because the connection is known only to the node
 * that it began on: no load balancer of layer 2 can carry it over.
 */
function assertNothingLost({ figures, gapMs }: Cost, moves: number): void {
  const { broken, refused, silent } = figures;
  const told = JSON.stringify(figures);
  assert.deepEqual({ refused, silent }, { refused: 0, silent: 0 }, told);
  assert.ok(broken <= 5 * moves, `cut by ${moves} moves of the address: ${told}`);
  assert.ok(gapMs < HANDOVER_MS, `nobody answered for ${gapMs} ms`);
}

/** What a failure may cost. */
function assertShort({ figures, gapMs }: Cost): void {
  assert.ok(gapMs < 2_000, `nobody answered for ${gapMs} ms`);
  assert.ok(figures.longestGapMs < 2_000, JSON.stringify(figures));
}

testOnNodes(
  "changes and failures of Herald's pods on real kubelets cost traffic nothing, or next to nothing",
  async (scene, test) => {
    const { client, kube } = scene;
    const herald = (...args: string[]) => kube.kubectl(["-n", NAMESPACE, ...args]);
    const { address } = await installHerald(scene);
    /** A failure shows what Herald logged in the meantime. */
    const step = (name: string, act: () => Promise<void>) =>
      test.step(name, async () => {
        const since = Date.now();
        await act().catch(async (error) => {
          throw new Error(await scene.logs(since), { cause: error });
        });
      });
    const change = (name: string, act: () => Promise<void>) =>
      step(name, async () => {
        await act();
        await scene.assertGoodRun();
      });
    const disruption = (name: string, act: () => Promise<void>) =>
      step(name, () => scene.disrupt(act));
    /** What a change costs: to traffic, and to a host that has yet to learn where the address is. */
    const costOf = async (what: string, act: () => Promise<unknown>) => {
      await using probe = await startProbe(client, address);
      const figures = await trafficDuring(client, address, act);
      const watched = await probe.stop();
      const { gapMs, overlapMs } = gapAndOverlap(watched);
      tellTraffic(what, figures);
      tellFigure(what, `no answer for ${gapMs} ms, two for ${overlapMs} ms`);
      return { figures, gapMs, overlapMs, watched };
    };
    const rollOut = async (name: string) => {
      await herald("rollout", "restart", name);
      await herald("rollout", "status", name, "--timeout=60s");
    };

    await change("a rollout of the speakers loses no request", async () => {
      const cost = await costOf("rollout of speakers", async () => {
        await rollOut("daemonset/speaker");
        await pause(1_000);
      });
      assertNothingLost(cost, 4);
    });

    await change(
      "a Service that is made during a rollout of the controllers gets its address",
      async () => {
        const transitions = async () =>
          Number(
            await herald(
              "get",
              "lease/herald-controller",
              "-o",
              "jsonpath={.spec.leaseTransitions}",
            ),
          );
        const before = await transitions();
        let givenMs = 0;
        const cost = await costOf("rollout of controllers", async () => {
          await herald("rollout", "restart", "deployment/controller");
          const began = performance.now();
          await kube.kubectl(["apply", "-f", "-"], serviceManifest("during"));
          await addressOf(kube, "during");
          givenMs = Math.round(performance.now() - began);
          await herald("rollout", "status", "deployment/controller", "--timeout=60s");
        });
        const changes = await transitions() - before;
        tellFigure(
          "rollout of controllers",
          `address after ${givenMs} ms, ${changes} changes of leader`,
        );
        assertNothingLost(cost, 0);
      },
    );

    await change("a node that is drained keeps the addresses, as with MetalLB", async () => {
      const owner = await ownerOf(scene, address);
      const cost = await costOf("drain and cordon", async () => {
        await kube.kubectl(["drain", owner.name, "--ignore-daemonsets", "--timeout=60s"]);
        await herald("rollout", "status", "deployment/controller", "--timeout=60s");
        await pause(500);
      });
      assert.equal((await ownerOf(scene, address)).name, owner.name);
      assertNothingLost(cost, 0);
      await kube.kubectl(["uncordon", owner.name]);
    });

    await disruption("the owner's pod is deleted by force", async () => {
      const owner = await ownerOf(scene, address);
      const before = await speakerPid(owner) ?? "";
      const pod = await speakerPod(scene, owner);
      const cost = await costOf("pod deleted by force", async () => {
        await herald("delete", "pod", pod, "--force", "--grace-period=0");
        await newSpeaker(owner, before);
        await pause(1_000);
      });
      assertShort(cost);
    });

    await disruption("the owner's process is killed", async () => {
      const owner = await ownerOf(scene, address);
      const before = await speakerPid(owner) ?? "";
      const cost = await costOf("kill -9 in the pod", async () => {
        await run("kill", ["-9", before]);
        await newSpeaker(owner, before);
        await pause(1_000);
      });
      assertShort(cost);
    });

    await disruption(
      "a speaker that stands still and wakes answers nothing that it no longer owns",
      async () => {
        const owner = await ownerOf(scene, address);
        const pid = await speakerPid(owner) ?? "";
        let otherMac = "";
        const cost = await costOf("SIGSTOP, awake after seconds", async () => {
          await run("kill", ["-STOP", pid]);
          const other = await ownerOf(scene, address);
          assert.notEqual(other.name, owner.name);
          otherMac = other.host.mac;
          await pause(1_000);
          await run("kill", ["-CONT", pid]);
          await pause(2_000);
        });
        const { overlapMs, watched } = cost;
        // It takes the address back in an orderly way: both answer for a moment, then only the one.
        const who = watched.runs.map((one) => one.who);
        const firstBoth = who.findIndex((one) => one.includes("+"));
        const stale = firstBoth < 0 ? [] : who.slice(firstBoth).filter((one) => one === otherMac);
        assert.deepEqual(stale, [], JSON.stringify(watched.runs));
        assert.ok(overlapMs < 200, JSON.stringify(watched.runs));
        assertShort(cost);
      },
    );

    await disruption("the kubelet restarts a speaker that stands still", async () => {
      const owner = await ownerOf(scene, address);
      const pid = await speakerPid(owner) ?? "";
      const began = performance.now();
      const cost = await costOf("SIGSTOP until the kubelet restarts it", async () => {
        await run("kill", ["-STOP", pid]);
        await newSpeaker(owner, pid, 90_000);
      });
      const seconds = Math.round((performance.now() - began) / 1_000);
      tellFigure("SIGSTOP until the kubelet restarts it", `Ready again after ${seconds} s`);
      assertShort(cost);
      await waitFor("an owner", () => ownerOf(scene, address));
    });
  },
);
