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
/** Tells its pod's name. It keeps up with a machine under load: a server that forks drops connections. */
const WEB = `
#define _GNU_SOURCE
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
int main() {
  static char answer[512], ask[4096];
  int size = snprintf(answer, sizeof answer, "HTTP/1.0 200 OK\\r\\nContent-Type: text/plain\\r\\n"
    "Connection: close\\r\\n\\r\\nHello from %s\\n", getenv("POD_NAME") ?: "nobody");
  struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
  int one = 1, server = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
  setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(server, (void *)&any, sizeof any) < 0 || listen(server, 1024) < 0) return 1;
  int poll = epoll_create1(0);
  struct epoll_event want = {.events = EPOLLIN, .data.fd = server}, events[64];
  epoll_ctl(poll, EPOLL_CTL_ADD, server, &want);
  for (;;) {
    int ready = epoll_wait(poll, events, 64, -1);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      if (fd != server) {
        if (read(fd, ask, sizeof ask) > 0 && write(fd, answer, size) < 0) perror("write");
        shutdown(fd, SHUT_WR);
        close(fd);
        continue;
      }
      while ((fd = accept4(server, 0, 0, SOCK_NONBLOCK)) >= 0) {
        want.data.fd = fd;
        epoll_ctl(poll, EPOLL_CTL_ADD, fd, &want);
      }
    }
  }
}
`;

/** Full names that the node test's manifests use. */
export const IMAGES = { pause: "herald.test/pause:1", web: "herald.test/web:1" } as const;

/** Makes the tests' own two images; gives their tars, which containerd imports. */
export async function makeTestImages(folder: string): Promise<readonly string[]> {
  for (const [name, source] of [["pause", PAUSE], ["web", WEB]] as const) {
    await Deno.mkdir(`${folder}/${name}`, { recursive: true });
    await Deno.writeTextFile(`${folder}/${name}.c`, source);
    await must("gcc", ["-static", "-Os", "-o", `${folder}/${name}/entry`, `${folder}/${name}.c`]);
  }
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
  const facts = { reference, version: "1", revision: "none", epoch: 0, entrypoint: "/entry" };
  await writeIndex(layout, await writeManifest(layout, platform, [layer], facts), facts);
  const tar = `${folder}/${name}.tar`;
  await tarOf(layout, tar, 0);
  return tar;
}
