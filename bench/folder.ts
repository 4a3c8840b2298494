import { parseAllDocuments, stringify } from "yaml";
import { openFolderCluster } from "../lib/host/folder/cluster.ts";
import { systemClock } from "../lib/host/process/clock.ts";
import { recordedLog } from "../tests/support/log.ts";
import { type Figure, figure } from "./figure.ts";
import { storedService, storedSlice } from "./store_load.ts";

const SERVICES = 2_000;
const GOAL = { goal: { of: "value", atMost: 600 } } as const;

/** How long a folder of 4,000 objects takes to be read, against the reader that knows every place. */
export async function benchFolder(): Promise<Figure[]> {
  const texts = Array.from({ length: SERVICES }, (_, index) => [
    stringify(storedService(`s${index}`, `10.0.${index >> 8}.${index & 255}`).object),
    stringify(storedSlice(`s${index}`, [`n${index % 3}`, `n${index % 5}`]).object),
  ]).flat();
  const baseline = placesKept(texts);
  const files = texts.map((text, index): [string, string] => [`${index}.yaml`, text]);
  return [
    figure("store-4000-files", await opened(files), "ms", { baseline, ...GOAL }),
    figure("store-one-file-of-4000", await opened([["all.yaml", texts.join("---\n")]]), "ms", {
      baseline,
      ...GOAL,
    }),
  ];
}

function placesKept(texts: readonly string[]): number {
  const began = performance.now();
  for (const document of texts.flatMap((text) => parseAllDocuments(text))) document.toJS();
  return performance.now() - began;
}

async function opened(files: readonly (readonly [string, string])[]): Promise<number> {
  const folder = await Deno.makeTempDir({ prefix: "herald-bench-" });
  const stop = new AbortController();
  try {
    for (const [name, text] of files) await Deno.writeTextFile(`${folder}/${name}`, text);
    const log = recordedLog();
    const began = performance.now();
    await openFolderCluster(folder, true, { clock: systemClock, log }, stop.signal);
    return performance.now() - began;
  } finally {
    stop.abort();
    await Deno.remove(folder, { recursive: true });
  }
}
