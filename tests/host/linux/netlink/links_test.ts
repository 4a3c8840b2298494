import assert from "node:assert/strict";
import { watchLinks } from "../../../../lib/host/linux/netlink/links.ts";
import type { Link } from "../../../../lib/netlink/link.ts";
import { makeLan } from "../../../support/lan.ts";
import { must, run } from "../../../support/process.ts";
import { waitFor } from "../../../support/wait.ts";
import { startResponder } from "../child_process.ts";

const openFds = () => [...Deno.readDirSync("/proc/self/fd")].length;

Deno.test("watchLinks() tells of all interfaces once, and ends by its signal", async () => {
  const ending = new AbortController();
  const first = Promise.withResolvers<readonly Link[]>();
  const troubles: string[] = [];
  const watching = watchLinks({
    signal: ending.signal,
    onChange: first.resolve,
    onTrouble: (trouble) => void troubles.push(trouble),
  });
  const links = await first.promise;
  const expected = JSON.parse(await must("ip", ["-j", "link"]));
  assert.deepEqual(
    links.map(({ ifindex, name }) => ({ ifindex, name })),
    expected.map(({ ifindex, ifname }: { ifindex: number; ifname: string }) => ({
      ifindex,
      name: ifname,
    })),
  );
  assert.equal(links.find(({ name }) => name === "lo")?.loopback, true);
  ending.abort();
  await watching;
  assert.deepEqual(troubles, []);
});

Deno.test("watchLinks() does not begin under a signal that has fired", async () => {
  const silent = { onChange: () => {}, onTrouble: () => {} };
  await assert.rejects(watchLinks({ signal: AbortSignal.abort(), ...silent }), {
    name: "AbortError",
  });
});

Deno.test("a hundred watches leave no descriptor", async () => {
  async function watchOnce(): Promise<void> {
    const ending = new AbortController();
    const onChange = () => ending.abort();
    await watchLinks({ signal: ending.signal, onChange, onTrouble: () => {} });
  }
  await watchOnce();
  const before = openFds();
  for (let round = 0; round < 100; round++) await watchOnce();
  assert.equal(openFds(), before);
});

Deno.test("watchLinks() lists again when events were lost, and ends with the truth (corpus 2.9.1)", async () => {
  await using lan = await makeLan();
  const node = await lan.addHost("node", { addresses: [] });
  await using responder = await startResponder(node, "10.77.1.220");
  const { pid } = responder.process;
  await run("kill", ["-STOP", String(pid)]);
  const changes = Array.from({ length: 4_000 }, (_, n) => `link set dev eth0 mtu ${1400 + n % 2}`);
  const last = [
    "link set dev eth0 name net0",
    "link add name veth8 address 02:00:00:00:88:08 type veth peer name veth9",
    "link set dev veth9 address 02:00:00:00:88:09",
    "link set dev veth8 up",
    "link set dev veth9 up",
  ];
  await must("ip", ["-n", node.netns, "-batch", "-"], [...changes, ...last].join("\n") + "\n");
  await run("kill", ["-CONT", String(pid)]);
  await waitFor(
    "the loss",
    () => responder.said().some(({ trouble }) => /lost/.test(trouble ?? "")),
  );
  await responder.uses(
    `net0 ${node.mac}`,
    "veth9 02:00:00:00:88:09",
    "veth8 02:00:00:00:88:08",
  );
});

Deno.test("watchLinks() tells of an address that comes and goes", async () => {
  await using lan = await makeLan();
  const node = await lan.addHost("node", { addresses: [] });
  await using responder = await startResponder(node, "10.77.1.220");
  const told = () => responder.said().filter(({ usable }) => usable !== undefined).length;
  for (const verb of ["add", "del"]) {
    const before = told();
    await node.must("ip", "addr", verb, "10.77.1.12/24", "dev", "eth0");
    await waitFor(`the address: ${verb}`, () => told() > before);
  }
});
