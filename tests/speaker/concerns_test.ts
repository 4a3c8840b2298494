import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import {
  type ConcernKind,
  concernsOf,
  createConcerns,
  nextDeadline,
  type Picture,
  step,
  toldOf,
  type Unreached,
} from "../../lib/speaker/concerns.ts";
import { ips } from "../controller/fixture.ts";
import { metallbOn } from "../support/facts.ts";

const OURS = "election of v0.11, nodes by Herald's own rules";
const THEIRS = "election of v0.10, nodes by Herald's own rules";
const ALL_REACHED: Unreached = { nodes: [], failures: new Set(), keyBytes: 32 };

/** All is well, unless told otherwise. */
function picture(part: Partial<Picture> = {}): Picture {
  return {
    unreached: ALL_REACHED,
    rules: OURS,
    fellowRules: new Map([["n2", OURS]]),
    unclaimed: new Map(),
    beside: metallbOn([], 32),
    compat: undefined,
    ...part,
  };
}
const message = (kind: ConcernKind, part: Partial<Picture>) =>
  concernsOf(picture(part)).find((one) => one.kind === kind)?.message ?? "";
const unreached = (part: Partial<Unreached>) =>
  message("gossip-unreached", { unreached: { ...ALL_REACHED, nodes: ["n2", "n3"], ...part } });

Deno.test("concernsOf() finds nothing where all is well, beside MetalLB too", () => {
  assert.deepEqual(concernsOf(picture()), []);
  for (const [keyBytes, compat] of [[16, "v0.12"], [32, "v0.16"], [16, "v0.10"]] as const) {
    const seen = compat === "v0.16" ? "newer" : "older";
    const beside = metallbOn(["n3"], keyBytes, { [seen]: new Set(["n3"]) });
    assert.deepEqual(concernsOf(picture({ beside, compat })), [], compat);
  }
});

Deno.test("F8: gossip that reaches nobody names the nodes and the likely cause: key, key length, port", () => {
  const who = /^gossip never reached the speakers on n2, n3, whose Pods are Ready/;
  const [key, length, port] = [/same gossip key/, /--ml-key-bytes/, /port filtered.*--ml-bindport/];
  const unknown = unreached({});
  for (const one of [who, key, length, port]) assert.match(unknown, one);
  const filtered = unreached({ failures: new Set(["no stream"]) });
  assert.match(filtered, port);
  assert.doesNotMatch(filtered, key);
  const refused = unreached({ failures: new Set(["no answer"]) });
  assert.match(refused, /up to v0\.13 16 of them/);
  assert.doesNotMatch(refused, port);
  const short = unreached({ failures: new Set(["no answer"]), keyBytes: 16 });
  assert.match(short, /from v0\.14 on 32 of them/);
  assert.match(
    unreached({ failures: new Set(["no answer"]), keyBytes: undefined }),
    /have they a gossip key, where this one has none/,
  );
});

Deno.test("an address that two election rules give to nobody is told with both nodes and their rules", () => {
  const fellowRules = new Map([["n2", THEIRS], ["n3", OURS]]);
  const unclaimed = new Map([["n2", ips("10.0.0.1", "10.0.0.2")]]);
  const same = "start all speakers with the same --compat, --l2-election and --ignore-exclude-lb";
  assert.equal(
    message("address-unclaimed", { fellowRules, unclaimed }),
    `nobody claims 10.0.0.1, 10.0.0.2, which by the rules of this node (${OURS}) are for ` +
      `n2 (${THEIRS}): ${same}`,
  );
  assert.equal(
    message("rules-differ", { fellowRules }),
    `addresses may have no owner, or two: this node decides by ${OURS}, and n2 by ${THEIRS}; ${same}`,
  );
  assert.equal(message("rules-differ", { unclaimed }), "");
  const alike = message("address-unclaimed", { unclaimed });
  assert.match(alike, /for n2, which say that theirs are the same: do all see the same Services/);
});

Deno.test("a --compat that the MetalLB beside contradicts is told with the nodes that do", () => {
  const [older, newer] = [new Set(["n2"]), new Set(["n3"])];
  const told = (compat: Picture["compat"], part: Partial<Picture["beside"]>, keyBytes = 16) =>
    message("compat-differs", { compat, beside: metallbOn(["n2", "n3"], keyBytes, part) });
  assert.match(told("v0.16", { older }), /--compat=v0\.16, and the MetalLB on n2 .* up to v0\.12/);
  assert.match(told("v0.10", { newer }), /--compat=v0\.10, and the MetalLB on n3 .* v0\.13 on/);
  assert.equal(told("v0.12", { newer }), "", "v0.13 has the key of v0.12 and judges as it does");
  assert.match(told("v0.12", { newer }, 32), /n3/);
});

Deno.test("a concern is told once, when it stood for its time, and once more when it is over", () => {
  const state = createConcerns();
  const part = { unreached: { ...ALL_REACHED, nodes: ["n2"] } };
  let reminded = 0;
  const look = (ms: number, seen = concernsOf(picture(part))) => {
    const { over, remind, tell } = step(state, seen, instant(ms));
    reminded += remind.length;
    return [tell.map(({ kind }) => kind).join(), over.join(), toldOf(state, seen).length];
  };
  assert.deepEqual(look(0), ["", "", 0]);
  assert.equal(nextDeadline(state), 15_000);
  assert.deepEqual(look(14_999), ["", "", 0]);
  assert.deepEqual(look(15_000), ["gossip-unreached", "", 1]);
  const again = 15_000 + 30 * 60_000;
  assert.equal(nextDeadline(state), again);
  assert.deepEqual(look(100_000), ["", "", 1]);
  assert.equal(reminded, 0);
  assert.deepEqual([look(again), reminded], [["", "", 1], 1]);
  assert.equal(nextDeadline(state), again + 30 * 60_000);
  assert.deepEqual(look(again + 1, []), ["", "gossip-unreached", 0]);
  assert.equal(nextDeadline(state), undefined);
  assert.deepEqual(look(again + 2), ["", "", 0]);
  assert.deepEqual(look(again + 3, []), ["", "", 0], "what was never told is never over");
});
