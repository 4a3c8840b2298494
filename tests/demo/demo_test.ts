import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { must } from "../support/process.ts";

const DEMO = fileURLToPath(new URL("./demo.ts", import.meta.url));

Deno.test("the demo shows what README promises, of one node from the answer to its death, and leaves nothing", async () => {
  const namespaces = () => must("ip", ["netns", "list"]);
  const before = await namespaces();
  const told = await must(Deno.execPath(), ["run", "--quiet", "-A", DEMO]);
  for (
    const shown of [
      /^ {4}nginx +LoadBalancer +\S+ +10\.77\.1\.220 /m,
      /Request who-has 10\.77\.1\.220 tell 10\.77\.1\.63/,
      /^== Nobody answered for \d+ ms; two answered at once for 0 ms$/m,
      /^== It works: /m,
    ]
  ) assert.match(told, shown);
  assert.equal(told.match(/<h1>Welcome to nginx!<\/h1>/g)?.length, 2);
  const [, answers] = /^== The network finds it: (node\d) /m.exec(told) ?? [];
  const [, killed] = /^== kill -9 of (node\d)'s speaker/m.exec(told) ?? [];
  assert.ok(
    answers !== undefined && answers === killed,
    `${answers} answered, ${killed} was killed`,
  );
  assert.equal(await namespaces(), before);
});
