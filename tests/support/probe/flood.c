// Asks for addresses that nobody has, by ARP or NDP, at a steady pace.
// usage: flood INTERFACE 4|6 PER_SECOND SECONDS; prints how many frames it sent.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  int six = argv[2][0] == '6';
  double perSecond = atof(argv[3]), seconds = atof(argv[4]);
  int fd = socket(AF_PACKET, SOCK_RAW, 0);
  struct ifreq request = {0};
  strncpy(request.ifr_name, argv[1], IFNAMSIZ - 1);
  if (ioctl(fd, SIOCGIFINDEX, &request) < 0) return 1;
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = request.ifr_ifindex};
  if (ioctl(fd, SIOCGIFHWADDR, &request) < 0) return 1;
  unsigned char frame[86] = {0};
  int length = six ? 86 : 42;
  memcpy(frame + 6, request.ifr_hwaddr.sa_data, 6);
  if (six) {
    unsigned char head[] = {0x33, 0x33, 0xff, 0x55, 0, 0};
    memcpy(frame, head, 6);
    frame[12] = 0x86; frame[13] = 0xdd; frame[14] = 0x60; frame[19] = 32; frame[20] = 58; frame[21] = 255;
    frame[22] = 0xfd; frame[23] = 0x77; frame[37] = 0x63;
    frame[38] = 0xff; frame[39] = 2; frame[49] = 1; frame[50] = 0xff; frame[51] = 0x55;
    frame[54] = 135;
    frame[62] = 0xfd; frame[63] = 0x77; frame[75] = 0x55;
    frame[78] = 1; frame[79] = 1;
    memcpy(frame + 80, frame + 6, 6);
  } else {
    memset(frame, 0xff, 6);
    unsigned char head[] = {8, 6, 0, 1, 8, 0, 6, 4, 0, 1};
    memcpy(frame + 12, head, 10);
    memcpy(frame + 22, frame + 6, 6);
    frame[28] = 10; frame[29] = 77; frame[30] = 1; frame[31] = 63;
    frame[38] = 10; frame[39] = 99;
  }
  double started = now();
  long sent = 0;
  while (now() - started < seconds) {
    long due = (now() - started) * perSecond;
    if (sent >= due) {
      struct timespec pause = {.tv_nsec = 500000};
      nanosleep(&pause, NULL);
      continue;
    }
    for (; sent < due; sent++) {
      unsigned char *target = frame + (six ? 76 : 40);
      target[0] = sent >> 8; target[1] = sent;
      sendto(fd, frame, length, 0, (void *)&to, sizeof to);
    }
  }
  printf("%ld\n", sent);
  return 0;
}
