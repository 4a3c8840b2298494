import assert from "node:assert/strict";
import {
  CAP_DATA,
  CAP_HEADER,
  int32,
  POLLFD,
  readInt32,
  SOCK_FILTER,
  SOCK_FPROG,
  SOCKADDR_LL,
  SOCKADDR_NL,
  sockaddrLl,
  sockaddrNl,
  sockFilter,
  sockFprog,
  TPACKET_STATS,
} from "../../ffi/structs.ts";
import { refusedByC } from "./c_compiler.ts";

const HEADERS = [
  "poll.h",
  "sys/socket.h",
  "linux/capability.h",
  "linux/filter.h",
  "linux/if_packet.h",
  "linux/netlink.h",
];

/** C's name of a struct, the prefix of its fields, and our layout. */
const LAYOUTS: readonly [type: string, prefix: string, layout: Record<string, number>][] = [
  ["struct sockaddr_ll", "sll_", SOCKADDR_LL],
  ["struct sockaddr_nl", "nl_", SOCKADDR_NL],
  ["struct pollfd", "", POLLFD],
  ["struct sock_filter", "", SOCK_FILTER],
  ["struct sock_fprog", "", SOCK_FPROG],
  ["struct tpacket_stats", "tp_", TPACKET_STATS],
  ["struct __user_cap_header_struct", "", CAP_HEADER],
  ["struct __user_cap_data_struct", "", CAP_DATA],
];

Deno.test("layouts are those of the C compiler", async () => {
  const expressions = LAYOUTS.flatMap(([type, prefix, layout]) =>
    Object.entries(layout).map(([field, at]) =>
      field === "size"
        ? `sizeof(${type}) == ${at}`
        : `offsetof(${type}, ${prefix}${field}) == ${at}`
    )
  );
  assert.ok(expressions.length > 25);
  assert.equal(await refusedByC(HEADERS, expressions), "");
});

Deno.test("sockaddrLl() has the EtherType in network order and the interface in host order", () => {
  assert.equal(
    sockaddrLl(17, 0x0806, 0x01020304).toHex(),
    "1100" + "0806" + "04030201" + "00".repeat(12),
  );
});

Deno.test("sockaddrNl() has family, port and groups in host order", () => {
  assert.equal(sockaddrNl(16, 7, 0x111).toHex(), "1000" + "0000" + "07000000" + "11010000");
});

Deno.test("sockFilter() writes instructions of 8 bytes, and negative offsets as the kernel has them", () => {
  assert.equal(
    sockFilter([[0x28, 0, 0, 12], [0x20, 0, 0, -0x1000 + 4], [0x15, 1, 2, 0xffff_ffff]]).toHex(),
    "280000000c000000" + "2000000004f0ffff" + "15000102ffffffff",
  );
});

Deno.test("sockFprog() puts the address on a boundary of 8", () => {
  assert.equal(sockFprog(3, 0x0102030405060708n).toHex(), "0300000000000000" + "0807060504030201");
});

Deno.test("int32() and readInt32() agree, below zero too", () => {
  for (const value of [0, 1, -1, 0x7fff_ffff, -0x8000_0000]) {
    assert.equal(readInt32(int32(value)), value);
  }
  assert.equal(readInt32(Uint8Array.of(9, 9, 1, 2, 3, 4), 2), 0x04030201);
});
