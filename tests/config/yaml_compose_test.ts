import assert from "node:assert/strict";
import { Parser } from "@std/yaml";
import { parseConfig } from "../../lib/config/parse.ts";
import { readSource } from "../../lib/config/manifest.ts";
import { composeYaml } from "../../lib/config/yaml_compose.ts";
import { readManifests } from "../../lib/host/folder/manifests.ts";
import { readStatus } from "../../lib/host/folder/statuses.ts";
import { WORST_TEXTS } from "./worst_texts.ts";

const MIB = 1_048_000;

/** What a reading costs, in steps of the reader: that does not depend on the machine. */
function stepsOf(read: () => void): number {
  const { next } = Parser.prototype;
  let steps = 0;
  Parser.prototype.next = function (this: Parser, source: string) {
    steps++;
    return next.call(this, source);
  };
  try {
    read();
  } finally {
    Parser.prototype.next = next;
  }
  return steps;
}

Deno.test("a configuration of a mebibyte costs no more than its bounds, whatever is in it (fault 13)", () => {
  for (const [what, make] of Object.entries(WORST_TEXTS)) {
    const text = make(MIB).slice(0, MIB);
    const steps = stepsOf(() => parseConfig(text, "c"));
    assert.ok(steps <= 80_000, `${what}: ${steps} steps`);
  }
});

Deno.test("every other reader is bounded by the length of the text (fault 13)", () => {
  const size = 12_000;
  for (const [what, make] of Object.entries(WORST_TEXTS)) {
    const text = make(size);
    for (
      const [reader, read] of Object.entries({
        validate: () => readSource(text, "f"),
        folder: () => readManifests(text, "f"),
        status: () => readStatus(text),
      })
    ) {
      const steps = stepsOf(read);
      // A file is read as manifests first, and then as a configuration.
      assert.ok(steps <= 80_000, `${what}, ${reader}: ${steps} steps`);
    }
  }
});

Deno.test("composeYaml() stops at the first mistake, and tells it in words of its own", () => {
  const bounds = { maxText: 1_000_000, maxTokens: 1_000_000 };
  for (
    const [text, offset, message] of [
      ["a: [1\nb: 2\n", 6, /^this is no YAML: the indentation fits nothing/],
      [`[${'a "hunter2" '.repeat(20_000)}]`, 3, /^this is no YAML: .* is missing$/],
      ['a: b "hunter2"\n'.repeat(20_000), undefined, /^this is no YAML: /],
      ['""'.repeat(20_000), 2, /^this is no YAML: /],
      ["a: !e!hunter2 x\n", undefined, /^this is no YAML: .*tag/],
      ["a: *hunter2: x\n", undefined, /./],
    ] as const
  ) {
    const composed = composeYaml(text, bounds);
    if (composed.kind === "documents") continue;
    const { mistake } = composed;
    assert.match(mistake.message, message);
    assert.ok(!JSON.stringify(mistake).includes("hunter2"));
    if (offset !== undefined) assert.equal(mistake.offset, offset, text.slice(0, 40));
  }
});

Deno.test("composeYaml() makes no error for each word after a bracket that is missing", () => {
  const text = `[${'a "b" '.repeat(30_000)}]`;
  const Known = Error;
  const before = Error.stackTraceLimit;
  let made = 0;
  // The stack of each error object asks for this number.
  Object.defineProperty(Error, "stackTraceLimit", {
    configurable: true,
    get: () => {
      made++;
      return before;
    },
  });
  try {
    composeYaml(text, { maxText: 1_000_000, maxTokens: 1_000_000 });
  } finally {
    Object.defineProperty(Known, "stackTraceLimit", {
      configurable: true,
      writable: true,
      value: before,
    });
  }
  assert.ok(made < 100, `${made}`);
});
