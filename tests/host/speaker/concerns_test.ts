import assert from "node:assert/strict";
import { createSpeakerConcerns } from "../../../lib/host/speaker/concerns.ts";
import { ALONE } from "../../../lib/host/speaker/fellows.ts";
import { speakerContext } from "./parts.ts";

Deno.test("F8: what is wrong among the speakers is one line, one event and a metric, until it is well again", async () => {
  const { clock, log, metrics, options } = speakerContext();
  const events: string[] = [];
  const rules: string[] = [];
  let nodes: readonly string[] = [];
  const concerns = createSpeakerConcerns({
    clock,
    log,
    metrics,
    options,
    events: { disagreement: (message) => void events.push(message) },
    facts: { readyPods: () => undefined },
    fellows: {
      ...ALONE,
      describeSelf: (told) => void rules.push(told.rules ?? ""),
      unreached: () => ({ nodes, failures: new Set(["no answer"]), keyBytes: 32 }),
    },
    handover: { nextUnclaimed: () => undefined, unclaimed: () => new Map() },
  });
  const look = (...unreached: string[]) => {
    nodes = unreached;
    return concerns.look("v0.12");
  };
  const shown = async () => {
    const line = /herald_speakers_disagree\{kind="gossip-unreached"\} (\d)/;
    return line.exec(await metrics.registry.metrics())?.[1];
  };
  assert.equal(await shown(), "0");
  const due = look("n2");
  assert.equal(due, clock.now() + 15_000);
  assert.deepEqual(rules, ["election of v0.11, nodes by MetalLB v0.12's rules"]);
  assert.deepEqual([log.lines, concerns.standing()], [[], []]);
  clock.advance(15_000);
  look("n2");
  look("n2", "n3");
  assert.deepEqual([log.messages("warn").length, events.length, await shown()], [1, 1, "1"]);
  assert.match(events[0] ?? "", /the speakers on n2, whose Pods are Ready/);
  assert.match(concerns.standing().join(), /on n2, n3/, "status tells the newest");
  clock.advance(30 * 60_000);
  look("n2", "n3");
  assert.deepEqual([log.messages("warn").length, events.length], [1, 2], "the event is renewed");
  assert.match(events[1] ?? "", /the speakers on n2, n3, whose Pods are Ready/);
  look();
  assert.deepEqual([concerns.standing(), await shown()], [[], "0"]);
  assert.deepEqual(log.messages("info"), ["what was wrong among the speakers is well again"]);
});
