import assert from "node:assert/strict";
import { logOf } from "../../support/log.ts";
import { logUncaught } from "../../../lib/host/process/uncaught.ts";

Deno.test("logUncaught() logs what nobody caught and keeps it from ending the process", () => {
  const lines: string[] = [];
  const log = logOf({ error: (fields) => void lines.push(String(fields.error)) });
  const fire = () => {
    const event = new ErrorEvent("error", { error: new Error("boom"), cancelable: true });
    globalThis.dispatchEvent(event);
    return event.defaultPrevented;
  };
  {
    using _handlers = logUncaught(log);
    assert.equal(fire(), true);
    const promise = Promise.resolve();
    const event = new PromiseRejectionEvent("unhandledrejection", {
      promise,
      reason: "late",
      cancelable: true,
    });
    globalThis.dispatchEvent(event);
    assert.equal(event.defaultPrevented, true);
    assert.deepEqual(lines, ["boom", "late"]);
  }
  assert.equal(fire(), false, "the handlers are gone");
});

Deno.test("logUncaught() lets a process go on after an error in a timer and a lost rejection", async () => {
  const module = new URL("../../../lib/host/process/uncaught.ts", import.meta.url).href;
  const program = `
    import { logUncaught } from ${JSON.stringify(module)};
    const log = { debug() {}, info() {}, warn() {}, error: (fields) => console.log("logged", fields.error), child: () => log };
    logUncaught(log);
    setTimeout(() => { throw new Error("in a timer"); }, 0);
    Promise.reject(new Error("lost"));
    setTimeout(() => console.log("still here"), 20);
  `;
  const { stdout, code } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", program],
    env: { NO_COLOR: "1" },
  }).output();
  assert.equal(code, 0);
  assert.deepEqual(new TextDecoder().decode(stdout).trim().split("\n").sort(), [
    "logged in a timer",
    "logged lost",
    "still here",
  ]);
});
