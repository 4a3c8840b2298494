import assert from "node:assert/strict";
import { trafficDuring } from "../support/traffic.ts";
import { pause, waitFor } from "../support/wait.ts";
import { tellFigure, tellTraffic } from "./health.ts";
import { newSpeaker, ownerOf } from "./owner.ts";
import { installHerald, testOnNodes } from "./scene.ts";

testOnNodes(
  "when the owner's power is cut the other node serves, and the node that returns joins in",
  async (scene, test) => {
    const { client, kube } = scene;
    const { address } = await installHerald(scene);
    // Else half of the requests go to pods of the dead node until Kubernetes misses it.
    await kube.kubectl([
      "patch",
      "service",
      "web",
      "-p",
      JSON.stringify({ spec: { externalTrafficPolicy: "Local" } }),
    ]);
    await pause(2_000);
    const owner = await ownerOf(scene, address);

    const step = (name: string, act: () => Promise<void>) =>
      test.step(name, () => scene.disrupt(act));

    await step("the other node takes over", async () => {
      const figures = await trafficDuring(client, address, async () => {
        await owner.cutPower();
        await pause(4_000);
      });
      tellTraffic("power cut of the owner", figures);
      assert.notEqual((await ownerOf(scene, address)).name, owner.name);
      assert.ok(figures.longestGapMs < 3_000);
    });

    await step("the node that returns joins in", async () => {
      const began = performance.now();
      await scene.powerOn(owner);
      await newSpeaker(owner, "none", 90_000);
      tellFigure(
        "power returns",
        `speaker Ready after ${Math.round(performance.now() - began)} ms`,
      );
      const figures = await trafficDuring(client, address, async () => {
        await waitFor("one owner", () => ownerOf(scene, address));
        await pause(2_000);
      });
      tellTraffic("after the return", figures);
      assert.equal(figures.silent + figures.refused, 0);
    });
  },
);
