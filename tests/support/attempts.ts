// deno-lint-ignore-file no-console -- a try that fails is told, though its test need not fail
const ATTEMPTS = 3;
/** The file to which the test runner has each failed try written, a line each. */
export const FAILED_TRIES = "HERALD_FAILED_TRIES";

/**
 * A scene whose answers are counted to the millisecond, tried anew where it fails. A machine that gives
 * a thread no processor for two beats, whose reply lease then ends, shows as a gap in one of three;
 * what is wrong with Herald shows in all. Each failed try is told, and counted in the run's summary.
 */
export function inOneOfThree(
  scene: () => Promise<void>,
  tell = tellFailedTry,
): (test: Pick<Deno.TestContext, "name">) => Promise<void> {
  return async ({ name }) => {
    for (let attempt = 1; attempt < ATTEMPTS; attempt++) {
      try {
        return await scene();
      } catch (error) {
        const [why = ""] = String(error).split("\n");
        tell(`try ${attempt} of ${ATTEMPTS} failed: ${name}: ${why}`);
      }
    }
    await scene();
  };
}

function tellFailedTry(line: string): void {
  console.log(line);
  const file = Deno.env.get(FAILED_TRIES);
  if (file !== undefined) Deno.writeTextFileSync(file, `${line}\n`, { append: true });
}
