import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { Host } from "../support/lan.ts";
import { waitFor } from "../support/wait.ts";
import { answeredBy, ask, page, startRow, VIP } from "./row_scene.ts";

const PASS_CHILD = fileURLToPath(new URL("../host/linux/pass_child.ts", import.meta.url));

/** Attaches a program that passes on what it sees, before all that are there, until disposed of. */
async function passOn(host: Host) {
  const program = host.start(Deno.execPath(), ["run", "-A", "-q", PASS_CHILD, "eth0"]);
  await waitFor("the program", () => /attached/.test(program.output()));
  return program;
}

async function answersBy(host: Host): Promise<unknown> {
  const { speaker } = JSON.parse(await page(host, "status"));
  return speaker.interfaces.map(({ by }: { by: string }) => by).join();
}

Deno.test("whatever other programs pass on, the address is answered, and status tells by what (layer 2, fault 2a)", async () => {
  await using row = await startRow("--arp-backend=ebpf");
  const { scene: { client }, node } = row;
  for (const family of [4, 6] as const) await row.serve(`web${family}`, family);
  for (const ip of Object.values(VIP)) await answeredBy(client, ip, node.mac);
  assert.equal(await answersBy(node), "ebpf");
  await using _before = await passOn(node);
  assert.equal(await answersBy(node), "socket");
  for (const ip of Object.values(VIP)) assert.deepEqual(await ask(client, ip), [node.mac]);
  // A start after the other, as when Herald is restarted on a node of Cilium's, stands before it.
  await row.speaker.end();
  await using speaker = row.scene.herald(
    node,
    ...["--role=speaker", "--node-name=node1", "--arp-backend=ebpf"],
  );
  await waitFor("the speaker", async () => await page(node, "readyz") === "ok\n" && speaker);
  for (const ip of Object.values(VIP)) await answeredBy(client, ip, node.mac);
  assert.equal(await answersBy(node), "ebpf");
});
