import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { ownAddresses, sourceAddressFor } from "../../../lib/host/linux/own_addresses.ts";
import { ip } from "../../controller/fixture.ts";
import { layCable, makeLan } from "../../support/lan.ts";

Deno.test("ownAddresses() has the loopback's with its subnet", () => {
  const found = ownAddresses().filter((own) => own.interface === "lo");
  assert.ok(found.some((own) => own.ip === ip("127.0.0.1") && own.length === 8));
});

Deno.test("sourceAddressFor() goes by the kernel's routes", async () => {
  assert.equal(sourceAddressFor(ip("127.0.0.1")), ip("127.0.0.1"));
  assert.equal(sourceAddressFor(ip("::1")), ip("::1"));
  await using lan = await makeLan();
  const node = await lan.addNamespace("two-networks");
  for (const [name, address] of [["storage0", "192.168.50.11/24"], ["lan0", "10.77.1.11/24"]]) {
    await layCable(node, `${name}`, await lan.addNamespace(`beside-${name}`));
    await node.must("ip", "addr", "add", `${address}`, "dev", `${name}`);
  }
  const file = new URL("../../../lib/host/linux/own_addresses.ts", import.meta.url).href;
  const config = fileURLToPath(new URL("../../../deno.json", import.meta.url));
  const ask = (to: number) => `console.log(sourceAddressFor(${to}) ?? "none")`;
  const program = `import { sourceAddressFor } from "${file}";
    ${["10.77.1.12", "192.168.50.12", "10.99.0.1"].map((to) => ask(Number(ip(to)))).join(";")}`;
  const stdout = await node.must(
    Deno.execPath(),
    ...["eval", "--quiet", "--config", config, program],
  );
  const sources = stdout.trim().split("\n").map((text) => text === "none" ? text : Number(text));
  assert.deepEqual(sources, [ip("10.77.1.11"), ip("192.168.50.11"), "none"]);
});

Deno.test("an address with a label is its interface's", async () => {
  await using lan = await makeLan();
  const node = await lan.addNamespace("labels");
  await layCable(node, "lan0", await lan.addNamespace("beside-labels"));
  await node.must("ip", "addr", "add", "10.77.1.11/24", "dev", "lan0", "label", "lan0:1");
  const file = new URL("../../../lib/host/linux/own_addresses.ts", import.meta.url).href;
  const config = fileURLToPath(new URL("../../../deno.json", import.meta.url));
  const program = `import { ownAddresses } from "${file}";
    console.log(ownAddresses().find(({ ip }) => ip === ${Number(ip("10.77.1.11"))})?.interface);`;
  const args = ["eval", "--quiet", "--config", config, program];
  assert.equal((await node.must(Deno.execPath(), ...args)).trim(), "lan0");
});
