// Asks an HTTP server at a steady pace, each time over a connection of its own.
// usage: requests IPV4 PORT PER_SECOND TIMEOUT_MS; ends with SIGTERM or SIGINT, then prints JSON:
// {"sent": n, "lost": n, "late": n, "longestGapMs": n, "gapAtMs": n, "refused": n, "broken": n,
//  "silent": n, "errno": n, "lostAtMs": [n, …]}
// A request is lost that has no whole answer in time, and late when TCP had to ask again for it; the gap is the time between two answers.
// Times are milliseconds since the start; of what was lost the first 64 are told.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 4096
#define TOLD 64
#define LATE_MS 900
static volatile sig_atomic_t ended;
static struct { int fd; double at; int length; char head[16]; } open_[MOST];
static int openCount;
static long sent, lost, late, refused, broken, silent;
static int lastError; // why the last one broke; 0: its answer was cut short
static double lastAnswer, gap, gapAt, lostAt[TOLD], began;

static void end(int signal) { (void)signal; ended = 1; }

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void count(long *reason, double at) {
  if (lost < TOLD) lostAt[lost] = at - began;
  lost++;
  (*reason)++;
}

static void answered(double asked) {
  double at = now();
  if (at - asked >= LATE_MS) late++;
  if (at - lastAnswer > gap) { gap = at - lastAnswer; gapAt = lastAnswer - began; }
  lastAnswer = at;
}

static int find(int fd) {
  for (int i = 0; i < openCount; i++) if (open_[i].fd == fd) return i;
  return -1;
}

static void drop(int i) {
  close(open_[i].fd);
  open_[i] = open_[--openCount];
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
  if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) return 2;
  double every = 1e3 / atof(argv[3]), timeout = atof(argv[4]);
  signal(SIGTERM, end);
  signal(SIGINT, end);
  signal(SIGPIPE, SIG_IGN);
  int poll = epoll_create1(0);
  began = lastAnswer = now();
  double last = 0;
  while (1) {
    double at = now();
    if (ended && last == 0) last = at;
    if (ended && openCount == 0) break;
    if (!ended && at >= began + sent * every && openCount < MOST) {
      int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
      if (fd < 0) return 1;
      sent++;
      if (connect(fd, (void *)&to, sizeof to) < 0 && errno != EINPROGRESS) {
        count(&refused, at);
        close(fd);
      } else {
        struct epoll_event want = {.events = EPOLLOUT | EPOLLIN, .data.fd = fd};
        epoll_ctl(poll, EPOLL_CTL_ADD, fd, &want);
        open_[openCount].fd = fd;
        open_[openCount].at = at;
        open_[openCount++].length = 0;
      }
      continue;
    }
    for (int i = openCount - 1; i >= 0; i--) {
      if (at - open_[i].at < timeout) continue;
      count(&silent, open_[i].at);
      drop(i);
    }
    double next = began + sent * every - at;
    struct epoll_event events[64];
    int ready = epoll_wait(poll, events, 64, ended || next > 10 ? 10 : next < 1 ? 1 : next);
    for (int e = 0; e < ready; e++) {
      int i = find(events[e].data.fd);
      if (i < 0) continue;
      int fd = open_[i].fd, error = 0;
      socklen_t size = sizeof error;
      getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
      if (error != 0) {
        lastError = error;
        count(error == ECONNREFUSED ? &refused : &broken, open_[i].at);
        drop(i);
        continue;
      }
      if (events[e].events & EPOLLOUT) {
        static const char ask[] = "GET / HTTP/1.0\r\n\r\n";
        if (write(fd, ask, sizeof ask - 1) < 0) {
          count(&broken, open_[i].at);
          drop(i);
          continue;
        }
        struct epoll_event want = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(poll, EPOLL_CTL_MOD, fd, &want);
      }
      if (!(events[e].events & (EPOLLIN | EPOLLHUP))) continue;
      char text[2048];
      ssize_t got;
      while ((got = read(fd, text, sizeof text)) > 0) {
        int room = sizeof open_[i].head - open_[i].length;
        int taken = got < room ? got : room;
        memcpy(open_[i].head + open_[i].length, text, taken);
        open_[i].length += taken;
      }
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      int good = got == 0 && open_[i].length >= 12 && !memcmp(open_[i].head + 8, " 200", 4);
      if (good) answered(open_[i].at); else count(&broken, open_[i].at);
      drop(i);
    }
  }
  // Silence at the end is a gap too.
  if (last - lastAnswer > gap) { gap = last - lastAnswer; gapAt = lastAnswer - began; }
  printf("{\"sent\":%ld,\"lost\":%ld,\"late\":%ld,", sent, lost, late);
  printf("\"longestGapMs\":%.0f,\"gapAtMs\":%.0f,", gap, gapAt);
  printf("\"refused\":%ld,\"broken\":%ld,\"silent\":%ld,\"errno\":%d,\"lostAtMs\":[", refused, broken, silent,
    lastError);
  for (int i = 0; i < lost && i < TOLD; i++) printf("%s%.0f", i ? "," : "", lostAt[i]);
  printf("]}\n");
  return 0;
}
