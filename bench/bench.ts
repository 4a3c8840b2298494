// deno-lint-ignore-file no-console -- a program for people and scripts
// Runs the benchmarks; one JSON line per figure. usage: bench.ts [NAME…], all without a name.
import type { Figure } from "./figure.ts";

/** Each measures one thing against a baseline of the same run. */
const BENCHES: Readonly<Record<string, () => Promise<readonly Figure[]>>> = {
  l2: async () => await (await import("./l2.ts")).benchL2(),
  process: async () => await (await import("./process.ts")).benchProcess(),
  bgp: async () => await (await import("./bgp.ts")).benchBgp(),
  bfd: async () => await (await import("./bfd.ts")).benchBfd(),
  controller: async () => [
    ...(await import("./allocator.ts")).benchAllocator(),
    ...await (await import("./controller.ts")).benchController(),
    ...await (await import("./controller_scale.ts")).benchControllerScale(),
    ...await (await import("./speaker_scale.ts")).benchSpeakerScale(),
  ],
  takeover: async () => await (await import("./takeover.ts")).benchTakeover(),
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
  for (const figure of await BENCHES[name]?.() ?? []) console.log(JSON.stringify(figure));
}
Deno.exit(0);
