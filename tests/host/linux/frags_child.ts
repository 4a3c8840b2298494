// deno-lint-ignore-file no-console -- speaks to the test that started it
// A network card whose driver leaves all but the Ethernet header of a frame in fragments
// (napi_gro_frags): a tap of that kind, in the network namespace that this is started in.
// usage: frags_child.ts INTERFACE MAC ADDRESS HEX…
// Prints "up"; then the frames come in, again and again, and each that the machine sends is printed.
import { openLibc } from "../../../ffi/libc.ts";
import { checked } from "../../../ffi/result.ts";

const TUN = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  writev: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  readElsewhere: {
    name: "read",
    parameters: ["i32", "buffer", "usize"],
    result: "i32",
    nonblocking: true,
  },
} as const;
const O_RDWR = 2;
const TUNSETIFF = 0x4004_54can;
const IFF_TAP = 0x0002;
const IFF_NAPI = 0x0010;
const IFF_NAPI_FRAGS = 0x0020;
const IFF_NO_PI = 0x1000;
const ETHERNET_HEADER = 14;

const AGAIN_MS = 100;

const [name = "", mac = "", address = "", ...frames] = Deno.args;
using libc = openLibc(TUN);
const { symbols } = libc;
const path = new TextEncoder().encode("/dev/net/tun\0");
const fd = checked(libc, symbols.open(path, O_RDWR), "open", "/dev/net/tun");
const request = new Uint8Array(40);
request.set(new TextEncoder().encode(name));
new DataView(request.buffer).setUint16(16, IFF_TAP | IFF_NO_PI | IFF_NAPI | IFF_NAPI_FRAGS, true);
checked(libc, symbols.ioctl(fd, TUNSETIFF, request), "ioctl", `TUNSETIFF of ${name}`);
for (
  const args of [
    ["link", "set", name, "address", mac, "up"],
    ["addr", "add", address, "dev", name],
  ]
) {
  const { success } = await new Deno.Command("ip", { args }).output();
  if (!success) throw new Error(`ip ${args.join(" ")} failed`);
}
console.log("up");

async function printFrames(): Promise<void> {
  const frame = new Uint8Array(2048);
  while (true) {
    const length = await symbols.readElsewhere(fd, frame, 2048n);
    if (length > 0) console.log(frame.subarray(0, length).toHex());
  }
}
void printFrames();

function comeIn(): void {
  for (const hex of frames) {
    const frame = Uint8Array.fromHex(hex);
    const at = libc.addressOf(frame);
    const header = BigInt(ETHERNET_HEADER);
    const pieces = BigUint64Array.of(at, header, at + header, BigInt(frame.length) - header);
    const written = symbols.writev(fd, new Uint8Array(pieces.buffer), 2);
    checked(libc, written, "writev", `${frame.length} octets`);
  }
}
await new Promise(() => setInterval(comeIn, AGAIN_MS));
