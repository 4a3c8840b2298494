// deno-lint-ignore-file no-console -- a program for people, not part of Herald
// Runs the tests; the last line is `N passed, N failed`. usage: test.ts [NAME…]
// A NAME chooses the test files whose path holds it; none chooses all.
// The files run in lanes side by side. Each lane has a network and run folders of its own, so that
// no port, namespace or process of one is seen in another.
import { stripVTControlCharacters } from "node:util";
import { FAILED_TRIES } from "../tests/support/attempts.ts";
import { installPackages, TEST_PACKAGES } from "../tests/support/packages.ts";
import { ensureHelm, ensureKubeBinaries } from "../tests/support/kube_binaries.ts";
import { must } from "../tests/support/process.ts";
import { ensurePrometheus } from "../tests/support/prometheus.ts";
import { buildMetallb } from "../tests/support/metallb.ts";
import { buildMemberlistPeers } from "../tests/support/memberlist_peer.ts";
import { type Lane, lanesOf, mayBegin } from "./lanes.ts";

/** Files whose tests talk to a real API server. */
const NEEDS_KUBERNETES = /startControlPlane|ensureKubeBinaries|makeStage|testOnNodes|inNodeScene/;
const NEEDS_HELM = /ensureHelm/;
const NEEDS_MEMBERLIST = /startMemberlistPeer/;
const NEEDS_METALLB = /ensureMetallb/;
const NEEDS_PROMETHEUS = /ensurePrometheus/;
/** A lane cannot fetch what an image is made of. */
const NEEDS_IMAGE = /testOnNodes|inNodeScene|install\.sh`, \["image"\]/;
const NEEDS_RELEASE = /install\.sh`, \["release"\]/;
/** Checks the types of all code, so that the lanes need not do it once each. */
const CHECKS_TYPES = "tests/house_test.ts";
/** What a lane has for itself: loopback, the sockets of its processes, the names of its namespaces. */
const APART = `
for folder in /run/herald /run/netns; do
  mkdir -p $folder && mount -t tmpfs lane $folder || exit 1
done
ip link set lo up && exec "$@"`;

interface Result {
  readonly lane: Lane;
  readonly passed: number;
  readonly failed: number;
  readonly seconds: number;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
}

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

/** Prints each line when it is complete, behind the lane's name, and gives all of them. */
async function printLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  name: string,
): Promise<string[]> {
  const lines: string[] = [];
  const print = (line: string) => {
    lines.push(line);
    console.log(`${name.padEnd(8)} | ${line}`);
  };
  let rest = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + part).split("\n");
    rest = parts.pop() ?? "";
    parts.forEach(print);
  }
  if (rest !== "") print(rest);
  return lines;
}

/** Runs a lane's files to their end: with the terminal for itself when it is alone, else apart. */
async function runLane(lane: Lane, alone: boolean, check: boolean): Promise<Result> {
  const report = await Deno.makeTempFile({ prefix: "herald-junit-", suffix: ".xml" });
  const flags = ["-A", `--junit-path=${report}`, ...check ? [] : ["--no-check"]];
  const test = [Deno.execPath(), "test", ...flags, ...lane.files];
  const [command = "", ...args] = alone
    ? test
    : ["unshare", "--mount", "--net", "--propagation=private", "sh", "-c", APART, "sh", ...test];
  const began = performance.now();
  const stdio = alone ? "inherit" : "piped";
  const child = new Deno.Command(command, { args, stdin: "null", stdout: stdio, stderr: stdio })
    .spawn();
  const [stdout = [], stderr = []] = alone
    ? []
    : await Promise.all([child.stdout, child.stderr].map((one) => printLines(one, lane.name)));
  const { code } = await child.status;
  const { passed, failed } = totals(await Deno.readTextFile(report));
  await Deno.remove(report);
  return {
    lane,
    passed,
    // A crash outside of any test still fails the run.
    failed: failed === 0 && code !== 0 ? 1 : failed,
    seconds: Math.round((performance.now() - began) / 1000),
    stdout,
    stderr,
  };
}

/** Runs all lanes, as many at once as the cores bear. */
async function runLanes(lanes: readonly Lane[], check: boolean): Promise<Result[]> {
  const waiting = [...lanes];
  const running = new Map<Lane, Promise<Result>>();
  const results: Result[] = [];
  while (waiting.length > 0 || running.size > 0) {
    for (const lane of [...waiting]) {
      if (!mayBegin(lane, [...running.keys()], navigator.hardwareConcurrency)) continue;
      waiting.splice(waiting.indexOf(lane), 1);
      if (lanes.length > 1) console.log(`${lane.name}: ${lane.files.length} files begin`);
      running.set(lane, runLane(lane, lanes.length === 1, check));
    }
    const result = await Promise.race(running.values());
    running.delete(result.lane);
    results.push(result);
    if (lanes.length === 1) continue;
    const { lane, passed, failed, seconds } = result;
    console.log(`${lane.name}: ${passed} passed, ${failed} failed in ${seconds} s`);
  }
  return results;
}

/** Prints what a failed lane said of its failures once more, at the end and in one piece. */
function repeatFailures({ lane, failed, stdout, stderr }: Result): void {
  if (failed === 0 || stdout.length + stderr.length === 0) return;
  const title = stdout.findIndex((line) => stripVTControlCharacters(line).trim() === "ERRORS");
  console.log(`\n${lane.name}: ${failed} failed`);
  // A lane that crashed has no such part.
  const told = title < 0 ? [...stdout.slice(-20), ...stderr.slice(-50)] : stdout.slice(title);
  for (const line of told) console.log(line);
}

/** What some tests needed more than one try for: they passed, and yet it is news. */
async function repeatFailedTries(file: string): Promise<void> {
  const lines = (await Deno.readTextFile(file)).split("\n").filter((line) => line !== "");
  await Deno.remove(file);
  if (lines.length === 0) return;
  console.log(`\ntries that failed before another did not: ${lines.length}`);
  for (const line of lines) console.log(line);
}

const names = Deno.args;
// By name the fuzz tests run long; among all the others they run as briefly as they can tell something.
if (names.includes("fuzz")) Deno.env.set("HERALD_FUZZ_RUNS", "1000000");
const files = [
  ...new Set(
    (await Promise.all((names.length ? names : [""]).map((name) => testFiles("tests", [name]))))
      .flat(),
  ),
];
if (files.length === 0) {
  console.error(`herald: no test file matches ${names.join(", ")}`);
  console.log("0 passed, 1 failed");
  Deno.exit(1);
}
await installPackages(TEST_PACKAGES);
const texts = await Promise.all(files.map((file) => Deno.readTextFile(file)));
if (texts.some((text) => NEEDS_KUBERNETES.test(text))) await ensureKubeBinaries();
if (texts.some((text) => NEEDS_HELM.test(text))) await ensureHelm();
if (texts.some((text) => NEEDS_MEMBERLIST.test(text))) await buildMemberlistPeers();
if (texts.some((text) => NEEDS_METALLB.test(text))) await buildMetallb();
if (texts.some((text) => NEEDS_PROMETHEUS.test(text))) await ensurePrometheus();
// The release makes the image first.
if (texts.some((text) => NEEDS_RELEASE.test(text))) await must("./install.sh", ["release"]);
else if (texts.some((text) => NEEDS_IMAGE.test(text))) await must("./install.sh", ["image"]);

const tries = await Deno.makeTempFile({ prefix: "herald-tries-" });
Deno.env.set(FAILED_TRIES, tries);
const results = await runLanes(lanesOf(files), !files.includes(CHECKS_TYPES));
results.forEach(repeatFailures);
await repeatFailedTries(tries);
const passed = results.reduce((sum, one) => sum + one.passed, 0);
const failed = results.reduce((sum, one) => sum + one.failed, 0);
console.log(`${passed} passed, ${failed} failed`);
Deno.exit(failed === 0 ? 0 : 1);
