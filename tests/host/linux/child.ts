// deno-lint-ignore-file no-console -- speaks to the test that started it
// A responder and a link watch in the network namespace that it is started in, for tests.
// usage: child.ts IP…
// Prints a JSON object per line. SIGUSR1: print counters; SIGUSR2: announce; SIGTERM: end.
import { watchLinks } from "../../../lib/host/linux/netlink/links.ts";
import { startSocketResponder } from "../../../lib/host/linux/packet/socket_responder.ts";
import { type Link, usableForArp } from "../../../lib/netlink/link.ts";
import { type Ip4, parseIp4 } from "../../../lib/net/ip.ts";
import { formatMac } from "../../../lib/net/ethernet.ts";
import { timekeeper } from "../../support/timekeeper.ts";

const say = (message: unknown) => console.log(JSON.stringify(message));
const openFds = () => [...Deno.readDirSync("/proc/self/fd")].length;

const texts = Deno.args;
const ips = texts.map((text) => parseIp4(text)).filter((ip): ip is Ip4 => ip !== undefined);
const fdsBefore = openFds();
const ending = new AbortController();
let usable: readonly (Link & { readonly mac: NonNullable<Link["mac"]> })[] = [];
{
  await using responder = await startSocketResponder({
    worker: timekeeper(),
    signal: ending.signal,
    onConflict: (conflict) => say({ conflict: conflict.mac }),

    onProblem: () => undefined,
  });
  responder.setOwned(ips);
  const watching = watchLinks({
    signal: ending.signal,
    onTrouble: (trouble) => say({ trouble }),
    onChange: (links) => {
      usable = links.filter(usableForArp);
      responder.setInterfaces(usable);
      say({ usable: usable.map(({ name, mac, ifindex }) => [name, formatMac(mac), ifindex]) });
    },
  });
  const tell = () => {
    const counters = texts.map((_, index) => ips[index]).filter((ip) => ip !== undefined)
      .map((ip) => responder.counters(ip));
    const drops = Object.fromEntries(responder.drops());
    say({ counters, drops, problem: responder.problem() ?? null });
  };
  const announce = async () => {
    for (const ip of ips) {
      for (const { ifindex, mac } of usable) await responder.sendGratuitous(ip, ifindex, mac);
    }
    say({ announced: true });
  };
  Deno.addSignalListener("SIGUSR1", tell);
  Deno.addSignalListener("SIGUSR2", announce);
  await new Promise<void>((resolve) => Deno.addSignalListener("SIGTERM", resolve));
  Deno.removeSignalListener("SIGUSR1", tell);
  Deno.removeSignalListener("SIGUSR2", announce);
  ending.abort();
  await watching;
}
say({ ended: true, fds: openFds() - fdsBefore });
Deno.exit(0);
