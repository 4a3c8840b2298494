import assert from "node:assert/strict";
import { createJudging } from "../../../lib/host/speaker/judging.ts";
import { metallbOn } from "../../support/facts.ts";
import { speakerContext } from "./parts.ts";

Deno.test("createJudging() judges as --compat or the gossip says while MetalLB is beside", () => {
  const { log, options } = speakerContext();
  const beside = { nodes: [] as string[], compat: undefined as "v0.10" | undefined };
  const judging = createJudging({
    log,
    options: {
      ...options,
      get compat() {
        return beside.compat;
      },
    },
    fellows: { beside: () => metallbOn(beside.nodes, 16) },
  });
  const look = () => [judging.choose(), judging.current()];
  assert.deepEqual(look(), [false, "Herald"]);
  beside.nodes = ["node3"];
  assert.deepEqual(look(), [true, "v0.12"]);
  beside.compat = "v0.10";
  assert.deepEqual([look(), look()], [[true, "v0.10"], [false, "v0.10"]]);
  beside.nodes = [];
  assert.deepEqual(look(), [true, "Herald"]);
  assert.equal(log.messages("info").length, 3);
});
