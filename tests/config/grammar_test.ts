import assert from "node:assert/strict";
import { parseConfig } from "../../lib/config/parse.ts";
import type { Config } from "../../lib/config/types.ts";
import { seededRandom } from "../support/random.ts";
import { type Field, FIELDS, KINDS, linesIn, MAPS, NOTHING, ruleOf, textWith } from "./grammar.ts";

const MAP_NAMES = Object.keys(MAPS) as (keyof typeof MAPS)[];
const MISTAKES = [...NOTHING, ...Object.values(KINDS).flat()];
const fieldsOf = (map: Field["map"]) => FIELDS.filter((field) => field.map === map);

function read(text: string): { readonly config: Config | undefined; readonly said: string } {
  const { config, problems } = parseConfig(text, "c.yaml");
  const errors = problems.filter(({ severity }) => severity === "error");
  assert.equal(config === undefined, errors.length > 0, text);
  return { config, said: errors.map(({ message }) => message).join("; ") };
}

/** What was meant by an item that stands in the text and is in no configuration would be lost. */
function assertNothingLost(map: Field["map"], config: Config, text: string): void {
  const { bgp, bfdProfiles, peers, pools } = config;
  const selectors = peers.flatMap(({ nodeSelectors }) => nodeSelectors);
  const expressions = selectors.flatMap(({ matchExpressions }) => matchExpressions);
  const held = {
    top: 1,
    peer: peers.length,
    pool: pools.length,
    profile: bfdProfiles.length,
    advertisement: bgp.length,
    selector: selectors.length,
    expression: expressions.length,
    allocation: pools.length,
  };
  assert.equal(held[map], 1, `a ${map} of this text is lost:\n${text}`);
}

Deno.test("each field reads each value by the rule of its type, and a value of nothing as its absence (fault 1)", () => {
  for (const field of FIELDS) {
    const without = read(textWith(field.map, new Map())).config;
    for (const value of [...MISTAKES, field.good]) {
      const text = textWith(field.map, new Map([[field.key, value]]));
      const { config, said } = read(text);
      const rule = ruleOf(field, value);
      if (rule === "refused") {
        assert.equal(config, undefined, `taken:\n${text}`);
        assert.match(said, /./);
      } else if (rule === "absent") {
        assert.deepEqual(config, without, `${said}\n${text}`);
      } else if (value === field.good) {
        assert.ok(config, `${said}\n${text}`);
      }
      if (config !== undefined && field.map !== "top") assertNothingLost(field.map, config, text);
    }
  }
});

Deno.test("a required field that is missing, or there without a value, is named once", () => {
  for (const field of FIELDS.filter(({ required }) => required)) {
    for (const value of [undefined, ...NOTHING, '""']) {
      const others = fieldsOf(field.map).filter(({ key, required }) =>
        required && key !== field.key
      );
      const lines = others.map(({ key, good }) => `${key}: ${good}`);
      if (value !== undefined) lines.push(`${field.key}: ${value}`);
      const { said } = read(linesIn(field.map, lines));
      if (lines.length === 0) continue;
      const wanted = field.key === "values"
        ? /needs "values"|must be a list/
        : new RegExp(`has no "${field.key}"`);
      assert.match(said, wanted, `${field.map}.${field.key}: ${value}`);
      assert.doesNotMatch(said, /;/, `${field.map}.${field.key}: ${value}`);
    }
  }
});

Deno.test("texts of several mistakes are refused as a whole, and none hides another", () => {
  const random = seededRandom(17);
  const one = <T>(list: readonly T[]): T =>
    list[Math.floor(random() * list.length)] ?? assert.fail();
  for (let count = 0; count < 4_000; count++) {
    const map = one(MAP_NAMES);
    const values = new Map<string, string>();
    for (const field of fieldsOf(map)) {
      const chance = random();
      if (chance < 0.3) values.set(field.key, one(MISTAKES));
      else if (chance < 0.6 || field.required) values.set(field.key, field.good);
    }
    if (values.size === 0) continue;
    const rules = fieldsOf(map).map((field) =>
      values.has(field.key) ? ruleOf(field, values.get(field.key) ?? "") : "absent"
    );
    const text = textWith(map, values);
    const { config } = read(text);
    if (rules.includes("refused")) assert.equal(config, undefined, `taken:\n${text}`);
    if (config === undefined) continue;
    if (map !== "top") assertNothingLost(map, config, text);
    // What has no value may as well not stand there.
    const kept = fieldsOf(map).flatMap(({ key }, at) =>
      values.has(key) && rules[at] !== "absent" ? [[key, values.get(key) ?? ""] as const] : []
    );
    assert.deepEqual(config, read(textWith(map, new Map(kept))).config, text);
  }
});

Deno.test("a key that stands twice, or in another map than its own, is refused", () => {
  for (const map of MAP_NAMES) {
    const required = fieldsOf(map).filter((field) => field.required);
    for (const field of FIELDS) {
      const own = fieldsOf(map).some(({ key }) => key === field.key);
      const lines = [
        ...required.filter(({ key }) => key !== field.key),
        field,
        ...own ? [field] : [],
      ]
        .map(({ key, good }) => `${key}: ${good}`);
      const { config, said } = read(linesIn(map, lines));
      assert.equal(config, undefined, `${field.key} in ${map}`);
      assert.match(said, own ? /stands here again/ : /unknown key|must be|no value of/);
    }
  }
});
