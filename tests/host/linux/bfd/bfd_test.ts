import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { makeLan } from "../../../support/lan.ts";
import { waitFor } from "../../../support/wait.ts";

const SIDE = fileURLToPath(new URL("../../../support/bfd_side.ts", import.meta.url));

Deno.test("B19: half-second stalls of the main thread, 256 MiB and much JSON bring no transition; the end is AdminDown", async () => {
  await using lan = await makeLan();
  const one = await lan.addHost("one", { addresses: ["10.77.1.1/24", "fd77::1/64"] });
  const two = await lan.addHost("two", { addresses: ["10.77.1.2/24", "fd77::2/64"] });
  await using busy = one.start(Deno.execPath(), [
    "run",
    "-A",
    "--no-check",
    SIDE,
    "fd77::2",
    "block",
  ]);
  await using calm = two.start(Deno.execPath(), ["run", "-A", "--no-check", SIDE, "fd77::1"]);
  const said = await waitFor(
    "the busy side's end",
    () => busy.output().split("\n").find((line) => line.includes('"status"')),
  ).catch((error) => {
    throw new Error(`${busy.output()}\n${calm.output()}`, { cause: error });
  });
  const [session] = JSON.parse(said).status;
  assert.deepEqual([session.state, session.upEvents, session.downEvents], ["Up", 1, 0]);
  assert.ok(session.controlPacketsOutput >= 30, `${session.controlPacketsOutput} packets in 2 s`);
  assert.doesNotMatch(calm.output(), /"previous":"Up"/);
  assert.equal(await busy.end("SIGTERM"), 0);
  await waitFor("the farewell", () => /"peerAdminDown":true/.test(calm.output()));
});
