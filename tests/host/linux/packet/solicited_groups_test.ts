import assert from "node:assert/strict";
import { KERNEL } from "../../../../ffi/constants.ts";
import type { Libc, SOCKET } from "../../../../ffi/libc.ts";
import { openSolicitedGroups } from "../../../../lib/host/linux/packet/solicited_groups.ts";
import { type Ip6, ip6 } from "../../../../lib/net/ip.ts";
import { ip4 } from "../../../support/addresses.ts";

const address = (last: number): Ip6 => ip6(0xfd77n << 112n | BigInt(last));

/** A kernel that keeps memberships, `group interface`, by socket. */
function fakeKernel({ refusing = (_ifindex: number): boolean => false } = {}) {
  const sockets = new Map<number, Set<string>>();
  const lost = new Set<number>();
  let last = 100;
  const setsockopt = (fd: number, level: number, name: number, value: Uint8Array) => {
    assert.equal(level, KERNEL.IPPROTO_IPV6);
    const view = new DataView(value.buffer);
    const ifindex = view.getUint32(16, true);
    const key = `${value.subarray(0, 16).toHex()} ${ifindex}`;
    const joined = sockets.get(fd) ?? assert.fail(`${fd} is not open`);
    if (name === KERNEL.IPV6_DROP_MEMBERSHIP) return joined.delete(key) ? 0 : -1;
    // EADDRINUSE, whether the interface has it or not.
    if (refusing(ifindex) || joined.has(key)) return -1;
    joined.add(key);
    lost.delete(ifindex);
    return 0;
  };
  const fake: Pick<Libc<typeof SOCKET>, "close" | "errnoHint"> & {
    symbols: Pick<Libc<typeof SOCKET>["symbols"], "socket" | "setsockopt">;
  } = {
    symbols: {
      socket: () => {
        sockets.set(++last, new Set());
        return last;
      },
      setsockopt: (fd, level, name, value) =>
        value instanceof Uint8Array ? setsockopt(fd, level, name, value) : -1,
    },
    close: (fd) => sockets.delete(fd) ? 0 : -1,
    errnoHint: () => 0,
  };
  return {
    libc: fake as Libc<typeof SOCKET>,
    sockets,
    /** As the interfaces let them in; sockets go on counting what went with one. */
    lose: (ifindex: number) => lost.add(ifindex),
    list: () =>
      [...sockets.values()].flatMap((one) => [...one]).map((key) => {
        const [group = "", ifindex] = key.split(" ");
        return { group: ip6(BigInt(`0x${group}`)), ifindex: Number(ifindex) };
      }).filter(({ ifindex }) => !lost.has(ifindex)),
    joined: () => [...sockets.values()].flatMap((one) => [...one]).sort(),
  };
}

const GROUP = "ff0200000000000000000001ff00";

Deno.test("the groups of IPv6 addresses are joined on each interface, those of IPv4 not", () => {
  const kernel = fakeKernel();
  using groups = openSolicitedGroups(kernel.libc);
  assert.equal(groups.set([address(0x220), ip4(1), address(0x221)], [2, 3]), 0);
  assert.deepEqual(kernel.joined(), [
    `${GROUP}0220 2`,
    `${GROUP}0220 3`,
    `${GROUP}0221 2`,
    `${GROUP}0221 3`,
  ]);
});

Deno.test("two addresses of one group join it once; what is wanted no more is left", () => {
  const kernel = fakeKernel();
  using groups = openSolicitedGroups(kernel.libc);
  groups.set([address(0x220), ip6(0xfd78n << 112n | 0x220n)], [2]);
  assert.deepEqual(kernel.joined(), [`${GROUP}0220 2`]);
  groups.set([address(0x221)], [2]);
  assert.deepEqual(kernel.joined(), [`${GROUP}0221 2`]);
  assert.equal(kernel.sockets.size, 1);
});

Deno.test("more memberships than one socket may hold go to more sockets, and their places are used again", () => {
  const kernel = fakeKernel();
  using groups = openSolicitedGroups(kernel.libc);
  const many = Array.from({ length: 300 }, (_, index) => address(index + 1));
  groups.set(many, [2]);
  assert.deepEqual([...kernel.sockets.values()].map(({ size }) => size), [256, 44]);
  groups.set(many.slice(200), [2]);
  groups.set(many, [2]);
  assert.equal(kernel.joined().length, 300);
  assert.equal(kernel.sockets.size, 2);
});

Deno.test("set() gives how many the kernel refused, and tries them again the next time", () => {
  let refuses = true;
  const kernel = fakeKernel({ refusing: (ifindex) => refuses && ifindex === 3 });
  using groups = openSolicitedGroups(kernel.libc);
  assert.equal(groups.set([address(1), address(2)], [2, 3]), 2);
  refuses = false;
  assert.equal(groups.set([address(1), address(2)], [2, 3]), 0);
  assert.equal(kernel.joined().length, 4);
});

Deno.test("a membership that went with its interface is joined anew, and no other", () => {
  const kernel = fakeKernel();
  using groups = openSolicitedGroups(kernel.libc, kernel.list);
  const all = () => groups.set([address(1), address(2)], [2, 3]);
  all();
  groups.forgetLost();
  assert.equal(kernel.list().length, 4, "nothing is left that is there");
  kernel.lose(3);
  assert.equal(all(), 0);
  assert.equal(kernel.list().length, 2, "the socket counts them");
  groups.forgetLost();
  assert.equal(kernel.joined().length, 2);
  assert.equal(all(), 0);
  assert.equal(kernel.list().length, 4);
});

Deno.test("without a membership the kernel is not asked for what is there", () => {
  const kernel = fakeKernel();
  using groups = openSolicitedGroups(kernel.libc, () => assert.fail("it is asked"));
  groups.forgetLost();
});

Deno.test("beyond so many memberships no more are asked for", () => {
  const kernel = fakeKernel();
  using groups = openSolicitedGroups(kernel.libc);
  const many = Array.from({ length: 8_200 }, (_, index) => address(index + 1));
  assert.equal(groups.set(many, [2]), 8);
});

Deno.test("disposing of the groups closes every socket", () => {
  const kernel = fakeKernel();
  openSolicitedGroups(kernel.libc)[Symbol.dispose]();
  const groups = openSolicitedGroups(kernel.libc);
  groups.set(Array.from({ length: 300 }, (_, index) => address(index + 1)), [2]);
  groups[Symbol.dispose]();
  assert.equal(kernel.sockets.size, 0);
});
