import assert from "node:assert/strict";
import { createAges } from "../../../lib/host/speaker/age.ts";
import type { Judge } from "../../../lib/speaker/judgement.ts";
import { OLD_MS } from "../../../lib/speaker/view_age.ts";
import { ip } from "../../controller/fixture.ts";
import { speakerContext } from "./parts.ts";

const VIP = ip("10.77.1.1");

Deno.test("createAges() tells the others at each look, and people when it changes", () => {
  const { clock, log } = speakerContext();
  const told: string[] = [];
  let heardAt = clock.now();
  let stale = "";
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
    handover: {
      nobodys: (isStale) => new Map(isStale ? [[VIP, "kept"]] : []),
      setStale: (names) => void (stale = [...names].join()),
    },
  });
  const look = (judge: Judge = "Herald") => {
    const { isNew, next } = ages.look(judge);
    const { staleSpeakers, unclaimed } = ages.seeing();
    assert.equal([...staleSpeakers].join(), stale);
    return [isNew, next, stale, unclaimed.size];
  };
  assert.deepEqual(look(), [true, heardAt + OLD_MS, "node2", 0]);
  assert.deepEqual(look(), [false, heardAt + OLD_MS, "node2", 0]);
  clock.advance(OLD_MS);
  look();
  clock.advance(OLD_MS);
  assert.deepEqual(look(), [true, clock.now() + 1_000, "node2,node1", 1]);
  assert.deepEqual(look("v0.16"), [true, clock.now() + 1_000, "", 0], "MetalLB's still elect it");
  heardAt = clock.now();
  look();
  assert.deepEqual(told, ["current", "current", "old", "stale", "stale", "current"]);
  assert.equal(log.messages("warn").length, 2);
});
