import assert from "node:assert/strict";
import { restarts, tellFigure } from "./health.ts";
import { FIRST_ADDRESS, installHerald, makeNodeScene } from "./scene.ts";

Deno.test("on real kubelets the shipped manifest, unchanged, gives a Service an address that answers", async () => {
  await using scene = await makeNodeScene();
  const { address, readyMs } = await installHerald(scene);
  tellFigure("manifest", `pods Ready ${readyMs} ms after apply`);
  assert.equal(address, FIRST_ADDRESS);
  const page = await scene.client.must("curl", "-sS", "--max-time", "2", `http://${address}/`);
  assert.match(page, /^Hello from web-/);
  assert.deepEqual(await restarts(scene), []);
});
