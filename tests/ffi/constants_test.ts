import assert from "node:assert/strict";
import { KERNEL } from "../../ffi/constants.ts";
import { refusedByC } from "./c_compiler.ts";

const HEADERS = [
  "errno.h",
  "time.h",
  "linux/bpf.h",
  "linux/if_link.h",
  "poll.h",
  "sys/eventfd.h",
  "sys/socket.h",
  "linux/capability.h",
  "linux/if_ether.h",
  "linux/if_packet.h",
  "linux/netlink.h",
  "sys/epoll.h",
  "linux/in6.h",
  "linux/in.h",
  "linux/tcp.h",
  "elf.h",
  "sys/auxv.h",
  "sys/mman.h",
];

Deno.test("KERNEL has the numbers of the C headers", async () => {
  const expressions = Object.entries(KERNEL).map(([name, value]) => `${name} == ${value}`);
  assert.equal(await refusedByC(HEADERS, expressions), "");
});

Deno.test("refusedByC() notices a wrong number", async () => {
  assert.match(await refusedByC(HEADERS, ["AF_PACKET == 18"]), /static assertion failed/);
});
