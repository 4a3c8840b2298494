import assert from "node:assert/strict";
import {
  hasCapability,
  MissingCapability,
  requireCapability,
} from "../../../lib/host/linux/capabilities.ts";
import { run } from "../../support/process.ts";

const MODULE = new URL("../../../lib/host/linux/capabilities.ts", import.meta.url).href;

async function withoutRaw(program: string): Promise<string> {
  const { stdout, stderr } = await run("setpriv", [
    "--bounding-set=-net_raw",
    Deno.execPath(),
    "eval",
    "--quiet",
    "--no-config",
    program,
  ]);
  assert.equal(stderr, "");
  return stdout.trim();
}

Deno.test("hasCapability() sees CAP_NET_RAW of a root that has it", () => {
  assert.equal(hasCapability("CAP_NET_RAW"), true);
  requireCapability("CAP_NET_RAW", "to test");
});

Deno.test("hasCapability() sees that a root without CAP_NET_RAW lacks it", async () => {
  const program = `import { hasCapability } from "${MODULE}";
    console.log(hasCapability("CAP_NET_RAW"));`;
  assert.equal(await withoutRaw(program), "false");
});

Deno.test("requireCapability() names the capability, what for, and what to do", async () => {
  const program = `import { requireCapability } from "${MODULE}";
    try { requireCapability("CAP_NET_RAW", "to answer ARP requests"); }
    catch (error) { console.log(error.name + ": " + error.message); }`;
  assert.equal(
    await withoutRaw(program),
    "MissingCapability: Missing capability CAP_NET_RAW to answer ARP requests: add NET_RAW under " +
      "securityContext.capabilities.add of the speaker's container, or run it as root",
  );
});

Deno.test("MissingCapability carries the capability", () => {
  assert.equal(new MissingCapability("CAP_NET_RAW", "to test").capability, "CAP_NET_RAW");
});
