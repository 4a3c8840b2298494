import { PLATFORMS } from "../../.ci/image/base.ts";
import { tarOf, writeIndex, writeLayer, writeManifest } from "../../.ci/image/layout.ts";
import { must } from "../support/process.ts";

/** The pause of every pod: it does nothing, and takes in orphans. */
const PAUSE = `
#include <signal.h>
#include <unistd.h>
#include <sys/wait.h>
static void end(int s) { _exit(0); }
static void reap(int s) { while (waitpid(-1, 0, WNOHANG) > 0); }
int main() { signal(SIGINT, end); signal(SIGTERM, end); signal(SIGCHLD, reap); for (;;) pause(); }
`;
const WEB = `#!/bin/sh
mkdir -p /tmp/www && echo "Hello from $POD_NAME" > /tmp/www/index.html
exec busybox httpd -f -p 80 -h /tmp/www
`;

/** Full names that the node test's manifests use. */
export const IMAGES = { pause: "herald.test/pause:1", web: "herald.test/web:1" } as const;

/** Makes the tests' own two images; gives their tars, which containerd imports. */
export async function makeTestImages(folder: string): Promise<readonly string[]> {
  await Deno.mkdir(`${folder}/pause`, { recursive: true });
  await Deno.writeTextFile(`${folder}/pause.c`, PAUSE);
  await must("gcc", ["-static", "-Os", "-o", `${folder}/pause/entry`, `${folder}/pause.c`]);
  await Deno.mkdir(`${folder}/web/bin`, { recursive: true });
  await Deno.copyFile("/bin/busybox", `${folder}/web/bin/busybox`);
  await Deno.symlink("busybox", `${folder}/web/bin/sh`);
  await Deno.symlink("busybox", `${folder}/web/bin/mkdir`);
  await Deno.writeTextFile(`${folder}/web/entry`, WEB, { mode: 0o755 });
  await Deno.mkdir(`${folder}/web/tmp`);
  return [
    await imageOf(folder, "pause", IMAGES.pause),
    await imageOf(folder, "web", IMAGES.web),
  ];
}

async function imageOf(folder: string, name: string, reference: string): Promise<string> {
  const platform = PLATFORMS.find(({ machine }) => machine === Deno.build.arch);
  if (platform === undefined) throw new Error(`no image for ${Deno.build.arch}`);
  const layout = `${folder}/${name}.layout`;
  await Deno.mkdir(layout);
  const layer = await writeLayer(layout, `${folder}/${name}`, 0, name);
  const facts = { reference, version: "1", commit: "none", epoch: 0, entrypoint: "/entry" };
  await writeIndex(layout, [await writeManifest(layout, platform, [layer], facts)]);
  const tar = `${folder}/${name}.tar`;
  await tarOf(layout, tar, 0);
  return tar;
}
