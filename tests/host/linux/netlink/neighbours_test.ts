import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { ip } from "../../../controller/fixture.ts";
import { makeLan } from "../../../support/lan.ts";

Deno.test("readNeighbours() has whom this machine talks to, by IPv4 and IPv6, and no one else", async () => {
  await using lan = await makeLan();
  const node = await lan.addHost("node", { addresses: ["10.77.1.11/24", "fd77::11/64"] });
  const other = await lan.addHost("other", { addresses: ["10.77.1.12/24"] });
  await node.must("ping", "-c", "1", "-W", "5", "10.77.1.12");
  const add = ["lladdr", "02:00:00:00:00:09", "dev", "eth0"];
  await node.must("ip", "neigh", "add", "fd77::9", ...add);
  const file = new URL("../../../../lib/host/linux/netlink/neighbours.ts", import.meta.url).href;
  const config = fileURLToPath(new URL("../../../../deno.json", import.meta.url));
  const program = `import { readNeighbours } from "${file}";
    for (const { ip, mac } of readNeighbours()) console.log(\`\${ip} \${mac.toString(16)}\`);`;
  const stdout = await node.must(Deno.execPath(), "eval", "--quiet", "--config", config, program);
  const found = stdout.trim().split("\n");
  const macOf = (text: string) => Number.parseInt(text.replaceAll(":", ""), 16).toString(16);
  assert.ok(found.includes(`${ip("10.77.1.12")} ${macOf(other.mac)}`), stdout);
  assert.ok(found.includes(`${ip("fd77::9")} ${macOf("02:00:00:00:00:09")}`), stdout);
  assert.ok(!stdout.includes(String(ip("10.77.1.13"))));
});
