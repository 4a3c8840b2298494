import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { openClaimListener } from "../../../../lib/host/linux/packet/claim_listener.ts";
import { run } from "../../../support/process.ts";

const openFds = () => [...Deno.readDirSync("/proc/self/fd")].length;

/** The interface of that number is one end of a pair. */
const LEFT = 77;

// In a network of its own: what leaves by one end of the pair comes in by the other.
const PROGRAM = `
  import { openClaimListener } from "${url("lib/host/linux/packet/claim_listener.ts")}";
  import { waitFor } from "${url("tests/support/wait.ts")}";
  using listener = openClaimListener();
  const gone = { ifindex: 0x7fff_fff0, mac: 1 };
  for (const ip of [0x0a4d01dc, 0xfd77n << 112n | 7n]) {
    listener.probe(ip, [gone, { ifindex: ${LEFT}, mac: 0x0200_0000_9908 }]);
    const heard = () => listener.claims().find((claim) => claim.ip === ip);
    const { mac } = await waitFor("the claim", heard);
    console.log(ip.toString(16), mac.toString(16), listener.claims().length);
  }`;

function url(path: string): string {
  return new URL(`../../../../${path}`, import.meta.url).href;
}

Deno.test("a probe by ARP or NDP says that its sender wants the address, and is told once", async () => {
  const config = fileURLToPath(new URL("../../../../deno.json", import.meta.url));
  const { stdout, stderr } = await run("unshare", [
    ...["--net", "bash", "-ec"],
    `ip link add left index ${LEFT} type veth peer name right
    for end in left right; do
      sysctl -q -w net.ipv6.conf.$end.disable_ipv6=1
      ip link set $end up
    done
    exec "$@"`,
    "bash",
    ...[Deno.execPath(), "eval", "--quiet", "--config", config, PROGRAM],
  ]);
  const vip6 = `fd77${"0".repeat(27)}7`;
  assert.equal(stdout, `a4d01dc 20000009908 0\n${vip6} 20000009908 0\n`, stderr);
});

Deno.test("a listener that ended leaves no descriptor", () => {
  const before = openFds();
  openClaimListener()[Symbol.dispose]();
  assert.equal(openFds(), before);
});
