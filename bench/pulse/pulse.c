// Asks a process for its health again and again, and tells how long each answer took: as long as its
// event loop was busy with something else.
// usage: pulse PORT; ends with SIGTERM, then prints JSON:
// {"count": n, "medianMs": n, "slow": [{"atMs": wall clock, "ms": n}, …]}, slow from 5 ms on
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 262144
#define SLOW_MS 5
static const char ASK[] = "GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";
static volatile sig_atomic_t ended;
static float took[MOST];
static double began[MOST];
static int count;

static void end(int signal) { (void)signal; ended = 1; }

static double now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static int byTime(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static int dial(int port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7f000001)};
  struct timeval most = {.tv_sec = 1};
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
  if (connect(fd, (void *)&to, sizeof to) == 0) return fd;
  close(fd);
  return -1;
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  signal(SIGTERM, end);
  signal(SIGPIPE, SIG_IGN);
  char answer[4096];
  int fd = -1;
  while (!ended && count < MOST) {
    struct timespec rest = {.tv_nsec = 1000000};
    nanosleep(&rest, NULL);
    if (fd < 0 && (fd = dial(atoi(argv[1]))) < 0) continue;
    double at = now(CLOCK_MONOTONIC);
    began[count] = now(CLOCK_REALTIME);
    int got = send(fd, ASK, sizeof ASK - 1, 0) < 0 ? -1 : (int)recv(fd, answer, sizeof answer - 1, 0);
    if (got <= 0) {
      // It may have been closed between two questions: only an answer counts.
      close(fd);
      fd = -1;
      continue;
    }
    took[count++] = now(CLOCK_MONOTONIC) - at;
    answer[got] = 0;
    if (strstr(answer, "onnection: close")) {
      close(fd);
      fd = -1;
    }
  }
  printf("{\"count\":%d,\"slow\":[", count);
  const char *between = "";
  for (int i = 0; i < count; i++) {
    if (took[i] < SLOW_MS) continue;
    printf("%s{\"atMs\":%.1f,\"ms\":%.1f}", between, began[i], took[i]);
    between = ",";
  }
  qsort(took, count, sizeof *took, byTime);
  printf("],\"medianMs\":%.3f}\n", count ? took[count / 2] : 0);
  return 0;
}
