// Asks for an address by ARP or NDP again and again, and tells who answered each time.
// usage: probe INTERFACE TARGET INTERVAL_US; ends with SIGTERM or SIGINT, then prints JSON:
// {"startedMs": wall clock, "runs": [{"who": "MAC" | "" | "MAC+MAC", "atMs": n, "count": n}, …],
//  "gratuitous": [{"mac": "MAC", "atMs": n}, …]}
// Each question has a sender of its own, so that an answer tells which question it belongs to.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 65536
#define MACS 8
static volatile sig_atomic_t ended;
static unsigned char macs[MACS][6];
static int macCount;
static unsigned char answered[MOST];
static struct { int mac; double at; } gratuitous[MOST];
static int gratuitousCount;

static void end(int signal) { (void)signal; ended = 1; }

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static int macIndex(const unsigned char *mac) {
  for (int i = 0; i < macCount; i++) if (!memcmp(macs[i], mac, 6)) return i;
  if (macCount == MACS) return MACS - 1;
  memcpy(macs[macCount], mac, 6);
  return macCount++;
}

static unsigned short checksum(const unsigned char *frame, int end) {
  unsigned int sum = end - 54 + 58;
  for (int i = 22; i < end; i += 2) sum += frame[i] << 8 | frame[i + 1];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum;
}

static void printWho(int mask) {
  const char *between = "";
  for (int i = 0; i < macCount; i++) {
    if (!(mask & 1 << i)) continue;
    const unsigned char *m = macs[i];
    printf("%s%02x:%02x:%02x:%02x:%02x:%02x", between, m[0], m[1], m[2], m[3], m[4], m[5]);
    between = "+";
  }
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  int six = strchr(argv[2], ':') != NULL;
  unsigned char target[16];
  if (inet_pton(six ? AF_INET6 : AF_INET, argv[2], target) != 1) return 2;
  double interval = atof(argv[3]) / 1e3;
  int fd = socket(AF_PACKET, SOCK_RAW, htons(six ? ETH_P_IPV6 : ETH_P_ARP));
  struct ifreq request = {0};
  strncpy(request.ifr_name, argv[1], IFNAMSIZ - 1);
  if (ioctl(fd, SIOCGIFINDEX, &request) < 0) return 1;
  struct sockaddr_ll place = {.sll_family = AF_PACKET, .sll_ifindex = request.ifr_ifindex,
    .sll_protocol = htons(six ? ETH_P_IPV6 : ETH_P_ARP)};
  if (ioctl(fd, SIOCGIFHWADDR, &request) < 0) return 1;
  unsigned char own[6];
  memcpy(own, request.ifr_hwaddr.sa_data, 6);
  if (bind(fd, (void *)&place, sizeof place) < 0) return 1;
  struct packet_mreq all = {.mr_ifindex = place.sll_ifindex, .mr_type = PACKET_MR_ALLMULTI};
  setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all);
  // Answers and announcements alone: a flood of other hosts' questions must not push them out.
  unsigned int wanted = six ? 136 : (unsigned)target[0] << 24 | target[1] << 16 | target[2] << 8 | target[3];
  struct sock_filter steps[] = {{six ? 0x30 : 0x20, 0, 0, six ? 54 : 28}, {0x15, 0, 1, wanted},
    {0x06, 0, 0, 0xffff}, {0x06, 0, 0, 0}};
  struct sock_fprog filter = {4, steps};
  setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
  int room = 8 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  signal(SIGTERM, end);
  signal(SIGINT, end);

  unsigned char ask[86] = {0};
  int length = six ? 86 : 42;
  memcpy(ask + 6, own, 6);
  if (six) {
    unsigned char head[] = {0x33, 0x33, 0xff, target[13], target[14], target[15]};
    memcpy(ask, head, 6);
    ask[12] = 0x86; ask[13] = 0xdd; ask[14] = 0x60; ask[19] = 32; ask[20] = 58; ask[21] = 255;
    memcpy(ask + 22, target, 8);
    ask[32] = 0x70;  // the sender's address: same network, a host nobody has
    unsigned char group[] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
    memcpy(ask + 38, group, 13);
    memcpy(ask + 51, target + 13, 3);
    ask[54] = 135;
    memcpy(ask + 62, target, 16);
    ask[78] = 1; ask[79] = 1;
    memcpy(ask + 80, own, 6);
  } else {
    memset(ask, 0xff, 6);
    unsigned char head[] = {8, 6, 0, 1, 8, 0, 6, 4, 0, 1};
    memcpy(ask + 12, head, 10);
    memcpy(ask + 22, own, 6);
    ask[28] = 10;
    memcpy(ask + 38, target, 4);
  }
  // Answers to an earlier prober's questions must not count for this one's. From 10.128.0.0 on, for
  // a sender of the LAN's own network would take that host's address away from it.
  unsigned char run = 128 + getpid() % 64;
  ask[six ? 33 : 29] = run;
  struct timespec wall;
  clock_gettime(CLOCK_REALTIME, &wall);
  double started = now();
  int sent = 0;
  unsigned char frame[2048];
  while (!ended && sent < MOST) {
    double due = started + sent * interval;
    double wait = due - now();
    if (wait <= 0) {
      unsigned char *id = ask + (six ? 36 : 30);
      id[0] = sent >> 8; id[1] = sent;
      if (six) {
        ask[56] = ask[57] = 0;
        unsigned short sum = checksum(ask, 86);
        ask[56] = sum >> 8; ask[57] = sum;
      }
      if (sendto(fd, ask, length, 0, (void *)&place, sizeof place) == length || sent) sent++;
      continue;
    }
    struct pollfd set = {.fd = fd, .events = POLLIN};
    struct timespec most = {.tv_nsec = wait * 1e6 > 999999999 ? 999999999 : (long)(wait * 1e6)};
    if (ppoll(&set, 1, &most, NULL) <= 0) continue;
    int got = recv(fd, frame, sizeof frame, MSG_DONTWAIT);
    if (got < length) continue;
    if (!six) {
      if (memcmp(frame + 28, target, 4)) continue;
      if (!memcmp(frame + 38, target, 4)) {
        if (gratuitousCount < MOST && memcmp(frame + 6, own, 6)) {
          gratuitous[gratuitousCount].mac = macIndex(frame + 22);
          gratuitous[gratuitousCount++].at = now() - started;
        }
        continue;
      }
      if (frame[21] == 2 && frame[38] == 10 && frame[39] == run) answered[frame[40] << 8 | frame[41]] |= 1 << macIndex(frame + 22);
    } else if (frame[20] == 58 && frame[54] == 136 && !memcmp(frame + 62, target, 16)) {
      if (checksum(frame, 86) != 0) continue;
      if (frame[38] == 0xff) {
        if (gratuitousCount < MOST) {
          gratuitous[gratuitousCount].mac = macIndex(frame + 80);
          gratuitous[gratuitousCount++].at = now() - started;
        }
      } else if (frame[48] == 0x70 && frame[49] == run) answered[frame[52] << 8 | frame[53]] |= 1 << macIndex(frame + 80);
    }
  }
  // The last questions may still be answered: they are left out.
  sent = sent > 50 ? sent - 50 : 0;
  printf("{\"startedMs\":%.3f,\"runs\":[", wall.tv_sec * 1e3 + wall.tv_nsec / 1e6);
  for (int i = 0; i < sent;) {
    int from = i;
    while (i < sent && answered[i] == answered[from]) i++;
    printf("%s{\"who\":\"", from ? "," : "");
    printWho(answered[from]);
    printf("\",\"atMs\":%.3f,\"count\":%d}", from * interval, i - from);
  }
  printf("],\"gratuitous\":[");
  for (int i = 0; i < gratuitousCount; i++) {
    printf("%s{\"mac\":\"", i ? "," : "");
    printWho(1 << gratuitous[i].mac);
    printf("\",\"atMs\":%.3f}", gratuitous[i].at);
  }
  printf("]}\n");
  return 0;
}
