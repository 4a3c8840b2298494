// deno-lint-ignore-file no-console -- speaks to the test that started it
// The responder in the kernel alone, in the network namespace that it is started in.
// usage: ebpf_child.ts tcx|xdp IP…
// Prints a JSON object per line. Lines on standard input: own IP…, lease MS, mac, first, replies, end.
import { openLibc } from "../../../ffi/libc.ts";
import { bootClock, CLOCK } from "../../../ffi/clock.ts";
import { instant } from "../../../lib/base/time.ts";
import { openEbpfResponder } from "../../../lib/host/linux/packet/ebpf_responder.ts";
import { openReplyLease } from "../../../lib/host/linux/reply_lease.ts";
import { parseIp } from "../../../lib/net/ip.ts";
import { parseMac } from "../../support/addresses.ts";

const ifindexOf = (name: string) => Number(Deno.readTextFileSync(`/sys/class/net/${name}/ifindex`));
const say = (message: unknown) => console.log(JSON.stringify(message));
const [attach = "tcx", ...texts] = Deno.args;
const ipsOf = (words: readonly string[]) =>
  words.map((text) => parseIp(text)).filter((ip) => ip !== undefined);
try {
  using responder = openEbpfResponder(attach === "xdp" ? "xdp" : "tcx");
  using lease = openReplyLease(responder.replyLeaseMapFd);
  using libc = openLibc(CLOCK);
  const now = bootClock(libc);
  const place = () => {
    const mac = parseMac(Deno.readTextFileSync("/sys/class/net/eth0/address").trim());
    if (mac === undefined) throw new TypeError("eth0 has no hardware address");
    const failed = responder.setInterfaces([{ ifindex: ifindexOf("eth0"), mac }]);
    say({ failed: [...failed.values()].map(String) });
  };
  responder.setOwned(ipsOf(texts));
  place();
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
  for await (const line of lines) {
    const [word, ...rest] = line.trim().split(" ");
    if (word === "own") responder.setOwned(ipsOf(rest));
    if (word === "lease") lease.renew(instant(now() + Number(rest[0])));
    if (word === "mac") place();
    if (word === "end") break;
    say({
      done: word,
      first: responder.isFirst(ifindexOf("eth0")),
      replies: ipsOf(rest).map((ip) => responder.replies(ip)),
    });
  }
} catch (error) {
  say({ error: String(error) });
}
say({ ended: true });
Deno.exit(0);
