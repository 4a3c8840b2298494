import assert from "node:assert/strict";
import { instant } from "../../../lib/base/time.ts";
import { createAges } from "../../../lib/host/speaker/age.ts";
import { OLD_MS } from "../../../lib/speaker/view_age.ts";
import { speakerContext } from "./parts.ts";

Deno.test("createAges() tells the others at each look, and people when it changes", () => {
  const { clock, log } = speakerContext();
  const told: string[] = [];
  let heardAt = clock.now();
  const ages = createAges({
    nodeName: "node1",
    clock,
    log,
    facts: { heardAt: () => heardAt },
    fellows: {
      othersCurrent: () => true,
      setView: (view) => void told.push(view),
      stale: () => new Set(["node2"]),
    },
  });
  const { next } = ages.look();
  assert.equal(next, instant(heardAt + OLD_MS));
  clock.advance(OLD_MS);
  ages.look();
  clock.advance(OLD_MS);
  const { givingWay, stale } = ages.look();
  assert.deepEqual([[...givingWay], [...stale]], [["node2", "node1"], ["node2"]]);
  heardAt = clock.now();
  ages.look();
  assert.deepEqual(told, ["current", "old", "stale", "current"]);
  assert.equal(log.messages("warn").length, 2);
});
