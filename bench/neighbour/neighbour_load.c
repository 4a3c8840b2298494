// Asks for an address by ARP or NDP, again and again, and prints how fast the answers came as JSON.
//
// usage: neighbour_load INTERFACE SOURCE_IP TARGET_IP IN_FLIGHT SECONDS [PAUSE_US]
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

#define ARP_FRAME 42
#define NDP_FRAME 86
#define MOST_IN_FLIGHT 1024
#define MOST_SAMPLES 4000000
#define LOST_NS 1000000000ull

static void fail(const char *what) {
  fprintf(stderr, "neighbour_load: %s: %s\n", what, strerror(errno));
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

static uint16_t checksum(const uint8_t *frame) {
  uint32_t sum = 32 + 58;
  for (int at = 22; at < NDP_FRAME; at += 2) sum += (uint32_t)frame[at] << 8 | frame[at + 1];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)~sum;
}

// Advertisements to anyone: ICMPv6 type 136.
static struct sock_filter advertisements[] = {
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 0, 5),
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 20),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 58, 0, 3),
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 54),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 136, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 128),
    BPF_STMT(BPF_RET | BPF_K, 0),
};

// Replies to anyone: EtherType ARP, operation 2, received and not sent here.
static struct sock_filter replies[] = {
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_ARP, 0, 3),
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 20),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 64),
    BPF_STMT(BPF_RET | BPF_K, 0),
};

static int open_socket(const char *name, int six, uint8_t mac[6], struct sockaddr_ll *to) {
  int fd = socket(AF_PACKET, SOCK_RAW, 0);
  if (fd < 0) fail("socket");
  struct sock_fprog program = {sizeof replies / sizeof *replies, replies};
  struct sock_fprog program6 = {sizeof advertisements / sizeof *advertisements, advertisements};
  if (six) program = program6;
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0) fail("filter");
  int size = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  struct ifreq request = {0};
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (ioctl(fd, SIOCGIFHWADDR, &request) < 0) fail(name);
  memcpy(mac, request.ifr_hwaddr.sa_data, 6);
  *to = (struct sockaddr_ll){.sll_family = AF_PACKET, .sll_protocol = htons(six ? ETH_P_IPV6 : ETH_P_ARP)};
  to->sll_ifindex = (int)if_nametoindex(name);
  if (bind(fd, (struct sockaddr *)to, sizeof *to) < 0) fail("bind");
  return fd;
}

int main(int argc, char **argv) {
  if (argc != 6 && argc != 7) {
    fprintf(stderr, "usage: neighbour_load INTERFACE SOURCE_IP TARGET_IP IN_FLIGHT SECONDS [PAUSE_US]\n");
    return 2;
  }
  int six = strchr(argv[3], ':') != NULL, family = six ? AF_INET6 : AF_INET;
  int length = six ? NDP_FRAME : ARP_FRAME, width = six ? 16 : 4;
  uint8_t source[16], target[16];
  int in_flight = atoi(argv[4]);
  double seconds = atof(argv[5]);
  int pause_us = argc == 7 ? atoi(argv[6]) : 0;
  if (inet_pton(family, argv[2], source) != 1 || inet_pton(family, argv[3], target) != 1 || in_flight < 1 ||
      in_flight > MOST_IN_FLIGHT || seconds <= 0) {
    fprintf(stderr, "neighbour_load: bad address or number\n");
    return 2;
  }
  uint8_t mac[6];
  struct sockaddr_ll to;
  int fd = open_socket(argv[1], six, mac, &to);

  // Where the asker's address stands in a question and in its answer, and the target in the answer.
  int asked_from = six ? 22 : 28, answered_to = six ? 38 : 38, answered_for = six ? 62 : 28;
  uint8_t frame[NDP_FRAME] = {0};
  memcpy(frame + 6, mac, 6);
  if (six) {
    memcpy(frame, (uint8_t[]){0x33, 0x33, 0xff, target[13], target[14], target[15]}, 6);
    memcpy(frame + 12, "\x86\xdd\x60\0\0\0\0\x20\x3a\xff", 10);
    memcpy(frame + 38, "\xff\x02\0\0\0\0\0\0\0\0\0\x01\xff", 13);
    memcpy(frame + 51, target + 13, 3);
    frame[54] = 135;
    memcpy(frame + 62, target, 16);
    frame[78] = frame[79] = 1;
    memcpy(frame + 80, mac, 6);
  } else {
    memset(frame, 0xff, 6);
    memcpy(frame + 12, "\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01", 10);
    memcpy(frame + 22, mac, 6);
    memcpy(frame + 38, target, 4);
  }
  memcpy(frame + asked_from, source, (size_t)width);
  int low = width - 2;
  uint32_t first = (uint32_t)source[low] << 8 | source[low + 1];

  static uint64_t sent_at[MOST_IN_FLIGHT];
  uint32_t *samples = malloc(MOST_SAMPLES * sizeof *samples);
  if (!samples) fail("memory");
  size_t answered = 0, sent = 0, lost = 0;
  uint64_t start = now_ns(), end = start + (uint64_t)(seconds * 1e9), swept = start;
  for (uint64_t now = start; now < end;) {
    uint8_t reply[128];
    while (recv(fd, reply, sizeof reply, MSG_DONTWAIT) >= length) {
      const uint8_t *asker = reply + answered_to + low;
      uint32_t slot = ((uint32_t)asker[0] << 8 | asker[1]) - first;
      if (memcmp(reply + answered_for, target, (size_t)width) || slot >= (uint32_t)in_flight || !sent_at[slot]) continue;
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
      uint32_t asker = first + (uint32_t)slot;
      frame[asked_from + low] = (uint8_t)(asker >> 8);
      frame[asked_from + low + 1] = (uint8_t)asker;
      if (six) {
        frame[56] = frame[57] = 0;
        uint16_t sum = checksum(frame);
        frame[56] = (uint8_t)(sum >> 8);
        frame[57] = (uint8_t)sum;
      }
      sent_at[slot] = now_ns();
      if (sendto(fd, frame, (size_t)length, 0, (struct sockaddr *)&to, sizeof to) != length) fail("sendto");
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
