// deno-lint-ignore-file no-console -- a program that a test reads
// One side of a BFD session at 50 ms x 3. usage: bfd_side.ts PEER [block]; prints each event as JSON,
// and with `block` keeps its main thread busy half a second at a time once the session is up.
import { startBfd } from "../../lib/host/linux/bfd/bfd.ts";
import { parseIp } from "../../lib/net/ip.ts";
import { timekeeper } from "./timekeeper.ts";
import { pause } from "./wait.ts";

const [peer = "", mode] = Deno.args;
const peerAddress = parseIp(peer);
if (peerAddress === undefined) throw new TypeError(`${peer} is no address`);
const up = Promise.withResolvers<void>();
await using bfd = await startBfd(timekeeper(), {
  onFault: (error) => console.log(JSON.stringify({ fault: error.message })),
  onEvent: (event) => {
    console.log(JSON.stringify(event));
    if (event.state === "Up") up.resolve();
  },
});
await bfd.setTargets([{
  key: "peer",
  peerAddress,
  sourceAddress: undefined,
  interfaceName: undefined,
  multihop: false,
  profile: {
    name: "fast",
    receiveIntervalMs: 50,
    transmitIntervalMs: 50,
    detectMultiplier: 3,
    echoIntervalMs: 50,
    echoMode: false,
    passiveMode: false,
    minimumTtl: 254,
  },
}]);
await up.promise;
for (let turn = 0; turn < 4 && mode === "block"; turn++) {
  const until = performance.now() + 500;
  const held: unknown[] = [];
  while (performance.now() < until) {
    if (held.length < 64) held.push(new Uint8Array(4 << 20).fill(1));
    JSON.stringify(Array.from({ length: 10_000 }, (_, index) => ({ name: `s${index}` })));
  }
  await pause(50);
}
console.log(JSON.stringify({ status: await bfd.status() }));
const ended = Promise.withResolvers<void>();
Deno.addSignalListener("SIGTERM", () => ended.resolve());
await ended.promise;
