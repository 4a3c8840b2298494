import { parseArguments } from "./lib/cli/arguments.ts";
import { COMMIT, IS_BUNDLED, VERSION } from "./lib/base/version.ts";
import { unreachable } from "./lib/base/errors.ts";
import { writeText } from "./lib/cli/output.ts";
import { surroundings } from "./lib/cli/surroundings.ts";
import { trustOnlyNamed } from "./lib/host/process/trust.ts";

/** A Worker is its own file, in the bundle as in the sources; only from here is its place known. */
const WORKERS = {
  timekeeper: new URL(`./lib/host/linux/timekeeper.${IS_BUNDLED ? "js" : "ts"}`, import.meta.url),
  watchdog: new URL(
    `./lib/host/process/watchdog_worker.${IS_BUNDLED ? "js" : "ts"}`,
    import.meta.url,
  ),
};

/** Runs one command line and gives the exit code: 0 done, 1 failed or bad input, 2 wrong usage. */
async function main(argv: readonly string[]): Promise<number> {
  trustOnlyNamed();
  const request = parseArguments(argv, surroundings());
  // Each command's code is loaded only when it runs: the controller must never load the FFI.
  switch (request.kind) {
    case "print":
      return await print(
        request.code === 0 ? Deno.stdout : Deno.stderr,
        request.text,
        request.code,
      );
    case "version":
      return await print(
        Deno.stdout,
        `herald ${VERSION} (commit ${COMMIT}, deno ${Deno.version.deno}, ${Deno.build.target})\n`,
        0,
      );
    case "validate":
      return await (await import("./lib/cli/validate.ts")).validate(request);
    case "migrate":
      return await (await import("./lib/cli/migrate.ts")).migrate(request);
    case "status":
      return await (await import("./lib/cli/status.ts")).status(request);
    case "explain":
      return await (await import("./lib/cli/explain.ts")).explain(request);
    case "run":
      return await (await import("./lib/host/run.ts")).run(request.options, WORKERS);
    default:
      return unreachable(request);
  }
}

async function print(
  to: { write(bytes: Uint8Array): Promise<number> },
  text: string,
  code: number,
): Promise<number> {
  await writeText(to, text);
  return code;
}

Deno.exit(await main(Deno.args));
