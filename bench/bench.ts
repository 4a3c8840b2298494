// deno-lint-ignore-file no-console -- a program for people and scripts
// Runs the benchmarks; one JSON line per figure. usage: bench.ts [NAME…], all without a name.
import type { Figure } from "./figure.ts";

/** A part is measured by itself, and its figures stand before the next part begins. */
type Part = () => readonly Figure[] | Promise<readonly Figure[]>;

/** Each measures one thing against a baseline of the same run. */
const BENCHES: Readonly<Record<string, () => Promise<readonly Part[]>>> = {
  l2: async () => (await import("./l2.ts")).L2_PARTS,
  process: async () => [(await import("./process.ts")).benchProcess],
  bgp: async () => [(await import("./bgp.ts")).benchBgp],
  bfd: async () => [(await import("./bfd.ts")).benchBfd],
  controller: async () => [
    (await import("./allocator.ts")).benchAllocator,
    (await import("./controller.ts")).benchController,
    (await import("./speaker_scale.ts")).benchSpeakerScale,
    (await import("./controller_scale.ts")).benchInStore,
    (await import("./controller_scale.ts")).benchCreated,
  ],
  store: async () => [(await import("./folder.ts")).benchFolder],
  scale: async () => (await import("./scale.ts")).SCALE_PARTS,
  takeover: async () => [(await import("./takeover.ts")).benchTakeover],
};

const names = Deno.args.length > 0 ? Deno.args : Object.keys(BENCHES);
const unknown = names.filter((name) => BENCHES[name] === undefined);
if (unknown.length > 0) {
  console.error(
    `herald: no benchmark ${unknown.join(", ")}; there are ${Object.keys(BENCHES).join(", ")}`,
  );
  Deno.exit(2);
}
for (const name of names) {
  console.error(`herald: measuring ${name}`);
  for (const part of await BENCHES[name]?.() ?? []) {
    for (const figure of await part()) console.log(JSON.stringify(figure));
  }
}
Deno.exit(0);
