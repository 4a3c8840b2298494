import type { WorkerUrls } from "../../lib/host/process/role.ts";
import type { RunningProcess } from "./process.ts";

const NOWHERE = new URL("file:///nowhere");

/** For roles whose Workers shall not run. */
export const NO_WORKERS: WorkerUrls = {
  timekeeper: NOWHERE,
  watchdog: NOWHERE,
};

/** Does a test's work; when it fails, its error shows what these roles printed. */
export async function withOutput<T>(
  roles: readonly Pick<RunningProcess, "output">[],
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const printed = roles.map((role) => role.output()).join("---\n");
    throw new Error(`The roles printed:\n${printed}`, { cause: error });
  }
}
