const ATTEMPTS = 3;

/**
 * A scene whose answers are counted to the millisecond, tried anew where it fails. A machine that gives
 * a thread no processor for two beats, whose reply lease then ends, shows as a gap in one of three;
 * what is wrong with Herald shows in all.
 */
export function inOneOfThree(scene: () => Promise<void>): () => Promise<void> {
  return async () => {
    for (let attempt = 1; attempt < ATTEMPTS; attempt++) {
      try {
        return await scene();
      } catch {
        // The last one tells what is wrong.
      }
    }
    await scene();
  };
}
