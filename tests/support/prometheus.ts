import { must, run } from "./process.ts";

/** Prometheus' programs, by path. */
export interface Prometheus {
  readonly prometheus: string;
  readonly promtool: string;
}

/**
 * Finds the programs in the cache, or takes them out of Debian's package: to install that would
 * start a daemon. @throws Error that says what could not be had
 */
export async function ensurePrometheus(): Promise<Prometheus> {
  const cache = Deno.env.get("HERALD_CACHE") || `${Deno.env.get("HOME") ?? "/root"}/.cache/herald`;
  const folder = `${cache}/prometheus`;
  const found = { prometheus: `${folder}/prometheus`, promtool: `${folder}/promtool` };
  if (await Deno.stat(found.promtool).then(() => true, () => false)) return found;
  await Deno.mkdir(folder, { recursive: true });
  const fresh = await Deno.makeTempDir({ dir: folder, prefix: ".new-" });
  try {
    await download(fresh);
    await must("sh", ["-c", 'dpkg-deb -x "$1"/*.deb "$1"', "sh", fresh]);
    // promtool last: it is the sign that both are there.
    await Deno.rename(`${fresh}/usr/bin/prometheus`, found.prometheus);
    await Deno.rename(`${fresh}/usr/bin/promtool`, found.promtool);
    return found;
  } finally {
    await Deno.remove(fresh, { recursive: true });
  }
}

async function download(folder: string): Promise<void> {
  const get = () => run("sh", ["-c", 'cd "$1" && apt-get download -qq prometheus', "sh", folder]);
  if ((await get()).code === 0) return;
  // The lists may be missing or older than the archive.
  await run("apt-get", ["update", "-qq"]);
  const { code, stderr } = await get();
  if (code !== 0) throw new Error(`Debian's package prometheus could not be had: ${stderr}`);
}
