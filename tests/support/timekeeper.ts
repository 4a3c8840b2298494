import { createPartWorker, type PartWorker } from "../../lib/host/linux/worker/link.ts";

const TIMEKEEPER = new URL("../../lib/host/linux/timekeeper.ts", import.meta.url);

/** A Worker as a speaker has it, or one that runs another file; nothing runs yet. */
export function timekeeper(url = TIMEKEEPER): PartWorker {
  return createPartWorker(url, "herald-test");
}

/** For what shall not start a Worker. */
export const NO_WORKER = timekeeper(new URL("file:///nowhere.js"));
