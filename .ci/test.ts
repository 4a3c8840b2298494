// deno-lint-ignore-file no-console -- a program for people, not part of Herald
// Runs the tests; the last line is `N passed, N failed`. usage: test.ts [NAME…]
// A NAME chooses the test files whose path holds it; none chooses all.
import { installPackages, TEST_PACKAGES } from "../tests/support/packages.ts";
import { ensureKubeBinaries } from "../tests/support/kube_binaries.ts";

/** Files whose tests talk to a real API server. */
const NEEDS_KUBERNETES = /startControlPlane|ensureKubeBinaries/;

async function testFiles(folder: string, names: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) found.push(...await testFiles(path, names));
    else if (path.endsWith("_test.ts") && names.every((name) => path.includes(name))) {
      found.push(path);
    }
  }
  return found.sort();
}

/** Totals of a JUnit report; a file that could not even load counts as one failure. */
function totals(xml: string): { passed: number; failed: number } {
  const suites = [...xml.matchAll(/<testsuite [^>]*>/g)].map(([tag]) => tag);
  const sum = (name: string) =>
    suites.reduce(
      (total, tag) => total + Number(new RegExp(` ${name}="(\\d+)"`).exec(tag)?.[1] ?? 0),
      0,
    );
  const failed = sum("failures") + sum("errors");
  return { passed: sum("tests") - failed - sum("disabled") - sum("skipped"), failed };
}

const names = Deno.args;
// By name the fuzz tests run long; among all the others they run as briefly as they can tell something.
if (names.includes("fuzz")) Deno.env.set("HERALD_FUZZ_RUNS", "1000000");
const files =
  (await Promise.all((names.length ? names : [""]).map((name) => testFiles("tests", [name]))))
    .flat();
if (files.length === 0) {
  console.error(`herald: no test file matches ${names.join(", ")}`);
  console.log("0 passed, 1 failed");
  Deno.exit(1);
}
await installPackages(TEST_PACKAGES);
const texts = await Promise.all(files.map((file) => Deno.readTextFile(file)));
if (texts.some((text) => NEEDS_KUBERNETES.test(text))) await ensureKubeBinaries();

const report = await Deno.makeTempFile({ prefix: "herald-junit-", suffix: ".xml" });
const { code } = await new Deno.Command(Deno.execPath(), {
  args: ["test", "-A", `--junit-path=${report}`, ...new Set(files)],
}).spawn().status;
const { passed, failed } = totals(await Deno.readTextFile(report));
await Deno.remove(report);
// A crash outside of any test still fails the run.
const failures = failed === 0 && code !== 0 ? 1 : failed;
console.log(`${passed} passed, ${failures} failed`);
Deno.exit(failures === 0 ? 0 : 1);
