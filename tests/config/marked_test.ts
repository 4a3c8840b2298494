import assert from "node:assert/strict";
import { configFromConfigMap, configFromFile, readSource } from "../../lib/config/manifest.ts";
import { problemsInLine, renderProblems, reported } from "../../lib/config/report.ts";
import { broken, MARK, MARKED } from "./marked.ts";

/** All that anybody is told of a text: by validate, in an event, in a status, in the log. */
function told(text: string): string {
  const parts = readSource(text, "f");
  const problems = parts.flatMap((part) =>
    part.kind === "configuration"
      ? part.found.problems
      : part.kind === "unread"
      ? part.problems
      : []
  );
  const inMap = configFromConfigMap({ data: { config: text } }, "configmap a/b key config");
  const all = [...problems, ...inMap.problems, ...configFromFile(text, "f").problems];
  return [
    parts.map(({ what }) => what).join(", "),
    renderProblems(problems, text),
    renderProblems(inMap.problems, text),
    JSON.stringify(all.map(reported)),
    problemsInLine(all, 100_000),
  ].join("\n");
}

Deno.test("no secret of a document is told, whatever form it has and wherever the document is broken (fault 9)", () => {
  let [texts, wrong] = [0, 0];
  // Each form whole, and of the broken ones every 53rd, so that all forms meet all edits in turn.
  let turn = 0;
  for (const document of MARKED) {
    for (const text of [document, ...broken(document)]) {
      if (text !== document && turn++ % 53 !== 0) continue;
      texts++;
      const said = told(text);
      if (said.length > 20) wrong++;
      assert.ok(!said.includes(MARK), `${text}\n=> ${said}`);
    }
  }
  assert.ok(texts > 1_000 && wrong > 700, `${texts} texts, ${wrong} of them wrong`);
});
