import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { ip } from "../../../controller/fixture.ts";
import { makeLan } from "../../../support/lan.ts";

Deno.test("readGroups() has the groups of IPv6 that each interface lets in, and no others", async () => {
  await using lan = await makeLan();
  const node = await lan.addHost("node", { addresses: ["fd77::11/64"] });
  const file = new URL("../../../../lib/host/linux/netlink/groups.ts", import.meta.url).href;
  const config = fileURLToPath(new URL("../../../../deno.json", import.meta.url));
  const program = `import { readGroups } from "${file}";
    for (const { group, ifindex } of readGroups()) console.log(\`\${group} \${ifindex}\`);`;
  const stdout = await node.must(Deno.execPath(), "eval", "--quiet", "--config", config, program);
  const found = stdout.trim().split("\n").toSorted();
  const listed = (await node.must("cat", "/proc/net/igmp6")).trim().split("\n").map((line) => {
    const [ifindex, , group = ""] = line.trim().split(/\s+/);
    return `${BigInt(`0x${group}`)} ${ifindex}`;
  });
  assert.deepEqual(found, listed.toSorted());
  assert.ok(found.some((one) => one.startsWith(`${ip("ff02::1:ff00:11")} `)), stdout);
});
