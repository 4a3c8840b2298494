// Asks for an IPv4 address by ARP, again and again, and prints how fast the answers came as JSON.
//
// usage: arping_load INTERFACE SOURCE_IP TARGET_IP IN_FLIGHT SECONDS [PAUSE_US]
//
// IN_FLIGHT requests are under way at any time, each from an address of its own (SOURCE_IP and
// those after it), so that a reply tells which request it answers. 1 asks one by one, and pauses
// PAUSE_US after each reply. It spins while it waits for one: the figure is the responder's, not
// that of this program's wake-up.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/if_ether.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME 42
#define MOST_IN_FLIGHT 1024
#define MOST_SAMPLES 4000000
#define LOST_NS 1000000000ull

static void fail(const char *what) {
  fprintf(stderr, "arping_load: %s: %s\n", what, strerror(errno));
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

// Replies to anyone: EtherType ARP, operation 2, received and not sent here.
static struct sock_filter replies[] = {
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_ARP, 0, 3),
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 20),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 64),
    BPF_STMT(BPF_RET | BPF_K, 0),
};

static int open_socket(const char *name, uint8_t mac[6], struct sockaddr_ll *to) {
  int fd = socket(AF_PACKET, SOCK_RAW, 0);
  if (fd < 0) fail("socket");
  struct sock_fprog program = {sizeof replies / sizeof *replies, replies};
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0) fail("filter");
  int size = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  struct ifreq request = {0};
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (ioctl(fd, SIOCGIFHWADDR, &request) < 0) fail(name);
  memcpy(mac, request.ifr_hwaddr.sa_data, 6);
  *to = (struct sockaddr_ll){.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP)};
  to->sll_ifindex = (int)if_nametoindex(name);
  if (bind(fd, (struct sockaddr *)to, sizeof *to) < 0) fail("bind");
  return fd;
}

int main(int argc, char **argv) {
  if (argc != 6 && argc != 7) {
    fprintf(stderr, "usage: arping_load INTERFACE SOURCE_IP TARGET_IP IN_FLIGHT SECONDS [PAUSE_US]\n");
    return 2;
  }
  struct in_addr source, target;
  int in_flight = atoi(argv[4]);
  double seconds = atof(argv[5]);
  int pause_us = argc == 7 ? atoi(argv[6]) : 0;
  if (!inet_aton(argv[2], &source) || !inet_aton(argv[3], &target) || in_flight < 1 ||
      in_flight > MOST_IN_FLIGHT || seconds <= 0) {
    fprintf(stderr, "arping_load: bad address or number\n");
    return 2;
  }
  uint8_t mac[6];
  struct sockaddr_ll to;
  int fd = open_socket(argv[1], mac, &to);

  uint8_t frame[FRAME] = {0};
  memset(frame, 0xff, 6);
  memcpy(frame + 6, mac, 6);
  memcpy(frame + 12, "\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01", 10);
  memcpy(frame + 22, mac, 6);
  memcpy(frame + 38, &target, 4);
  uint32_t first = ntohl(source.s_addr);

  static uint64_t sent_at[MOST_IN_FLIGHT];
  uint32_t *samples = malloc(MOST_SAMPLES * sizeof *samples);
  if (!samples) fail("memory");
  size_t answered = 0, sent = 0, lost = 0;
  uint64_t start = now_ns(), end = start + (uint64_t)(seconds * 1e9), swept = start;
  for (uint64_t now = start; now < end;) {
    uint8_t reply[64];
    ssize_t length;
    while ((length = recv(fd, reply, sizeof reply, MSG_DONTWAIT)) >= FRAME) {
      uint32_t asker;
      memcpy(&asker, reply + 38, 4);
      uint32_t slot = ntohl(asker) - first;
      if (memcmp(reply + 28, &target, 4) || slot >= (uint32_t)in_flight || !sent_at[slot]) continue;
      if (answered < MOST_SAMPLES) samples[answered] = (uint32_t)(now_ns() - sent_at[slot]);
      answered++;
      sent_at[slot] = 0;
      if (pause_us > 0) usleep((useconds_t)pause_us);
      break;
    }
    now = now_ns();
    int lost_some = now - swept > LOST_NS;
    if (lost_some) swept = now;
    for (int slot = 0; slot < in_flight; slot++) {
      if (lost_some && sent_at[slot] && now - sent_at[slot] > LOST_NS) {
        lost++;
        sent_at[slot] = 0;
      }
      if (sent_at[slot]) continue;
      uint32_t asker = htonl(first + (uint32_t)slot);
      memcpy(frame + 28, &asker, 4);
      sent_at[slot] = now_ns();
      if (sendto(fd, frame, FRAME, 0, (struct sockaddr *)&to, sizeof to) != FRAME) fail("sendto");
      sent++;
    }
  }
  double elapsed = (double)(now_ns() - start) / 1e9;
  size_t count = answered < MOST_SAMPLES ? answered : MOST_SAMPLES;
  qsort(samples, count, sizeof *samples, ascending);
  double p50 = count ? samples[count / 2] / 1e3 : 0, p99 = count ? samples[count * 99 / 100] / 1e3 : 0;
  printf("{\"inFlight\":%d,\"pauseUs\":%d,\"sent\":%zu,\"answered\":%zu,\"lost\":%zu,\"p50Us\":%.2f,\"p99Us\":%.2f,"
         "\"perSecond\":%.0f}\n", in_flight, pause_us, sent, answered, lost, p50, p99, answered / elapsed);
  return 0;
}
