/** Bytes that a call may read or fill; a view on shared memory does not fit. */
export type Bytes = Uint8Array<ArrayBuffer>;

/**
 * The system's loader finds it on any distribution and architecture, which only the unscoped
 * `--allow-ffi` permits: a scoped one would need the absolute path, and that differs.
 */
const LIBRARY = "libc.so.6";

// Every size fits in 31 bits here, so ssize_t is taken as i32, the low half of the register: a
// bigint, as isize would come, is an allocation for each frame.

/** What every user of the library needs: descriptors end, addresses are told, errno is read. */
const COMMON = {
  // int close(int fd)
  close: { parameters: ["i32"], result: "i32" },
  // The same in a thread of its own: an AF_PACKET socket takes some 16 ms to close.
  closeElsewhere: { name: "close", parameters: ["i32"], result: "i32", nonblocking: true },
  // void *memcpy(void *dest, const void *src, size_t n): with n = 0 it only tells where dest is
  addressOf: { name: "memcpy", parameters: ["buffer", "usize", "usize"], result: "usize" },
  // The same, used to copy four bytes from errno's place
  copyFrom: { name: "memcpy", parameters: ["buffer", "usize", "usize"], result: "usize" },
  // int *__errno_location(void)
  errnoLocation: { name: "__errno_location", parameters: [], result: "usize" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Sockets of AF_PACKET and AF_NETLINK. */
export const SOCKET = {
  // int socket(int domain, int type, int protocol)
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int bind(int fd, const struct sockaddr *address, socklen_t length)
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // int getsockname(int fd, struct sockaddr *address, socklen_t *length)
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  // int setsockopt(int fd, int level, int name, const void *value, socklen_t length)
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  // int getsockopt(int fd, int level, int name, void *value, socklen_t *length)
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  // ssize_t sendto(int fd, const void *bytes, size_t n, int flags, const struct sockaddr *to, socklen_t length)
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "i32" },
  // ssize_t recvfrom(int fd, void *bytes, size_t n, int flags, struct sockaddr *from, socklen_t *length)
  recvfrom: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Waiting, and descriptors that end a wait. */
export const POLL = {
  // int poll(struct pollfd *fds, nfds_t n, int timeout_ms)
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32" },
  // The same in a thread of its own, for the main thread
  pollElsewhere: {
    name: "poll",
    parameters: ["buffer", "usize", "i32"],
    result: "i32",
    nonblocking: true,
  },
  // int eventfd(unsigned int initial, int flags)
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  // ssize_t write(int fd, const void *bytes, size_t n)
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  // ssize_t read(int fd, void *bytes, size_t n)
  read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The process's capabilities: /proc/self/status is closed to all but unlimited permissions. */
export const PRIVILEGE = {
  // int capget(cap_user_header_t header, cap_user_data_t data)
  capget: { parameters: ["buffer", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** An opened library with the symbols of the groups asked for; disposing of it closes it. */
export interface Libc<S extends Deno.ForeignLibraryInterface> extends CommonLibc {
  readonly symbols: Deno.StaticForeignLibraryInterface<S>;
}

/** What every opened library has. */
export interface CommonLibc extends Disposable {
  readonly close: (fd: number) => number;
  readonly closeElsewhere: (fd: number) => Promise<number>;
  /** Where the bytes are; valid as long as they are referred to. */
  readonly addressOf: (bytes: Bytes) => bigint;
  /** errno of this thread, to be read right after the call that failed: a hint, never proof. */
  readonly errnoHint: () => number;
}

/**
 * Opens libc for groups of symbols: `openLibc({ ...SOCKET, ...POLL })`. Nothing is opened by an
 * import. @throws Deno.errors.NotCapable when the process gave up FFI
 */
export function openLibc<S extends Deno.ForeignLibraryInterface>(groups: S): Libc<S> {
  const common = Deno.dlopen(LIBRARY, COMMON);
  const { close, closeElsewhere, addressOf, copyFrom, errnoLocation } = common.symbols;
  const library = Deno.dlopen(LIBRARY, groups);
  const errno = new Uint8Array(4);
  const errnoView = new DataView(errno.buffer);
  return {
    symbols: library.symbols,
    close: (fd) => close(fd),
    closeElsewhere: (fd) => closeElsewhere(fd),
    addressOf: (bytes) => BigInt(addressOf(bytes, 0n, 0n)),
    errnoHint: () => {
      copyFrom(errno, errnoLocation(), 4n);
      return errnoView.getInt32(0, true);
    },
    [Symbol.dispose]: () => {
      library.close();
      common.close();
    },
  };
}
