import assert from "node:assert/strict";
import { tellFigure } from "./health.ts";
import { FIRST_ADDRESS, installHerald, testOnNodes } from "./scene.ts";

testOnNodes(
  "on real kubelets the shipped manifest, unchanged, gives a Service an address that answers",
  async (scene) => {
    const { address, readyMs } = await installHerald(scene);
    tellFigure("manifest", `pods Ready ${readyMs} ms after apply`);
    assert.equal(address, FIRST_ADDRESS);
    const page = await scene.client.must("curl", "-sS", "--max-time", "2", `http://${address}/`);
    assert.match(page, /^Hello from web-/);
  },
);
