import assert from "node:assert/strict";
import { formatIp } from "../../lib/net/ip.ts";
import { rankCandidates } from "../../lib/speaker/election.ts";
import { startMemberlistPeer } from "../support/memberlist_peer.ts";
import { parseStatus } from "../support/status.ts";
import { waitFor } from "../support/wait.ts";
import { withOutput } from "../support/roles.ts";
import { CONFIG_MANIFEST, makeScene, SERVICE_IP, serviceManifest, sliceManifest } from "./scene.ts";
import { ip4 } from "../support/addresses.ts";

/** The text of a Secret of MetalLB v0.10, and the key that its speakers make of it. */
const SECRET = "0123456789abcdefghijkl";
const KEY_16 = new TextEncoder().encode(SECRET.slice(0, 16)).toHex();
const KEY_32 = new TextEncoder().encode(SECRET).toHex() + "e3b0c44298fc1c149afb";

for (
  const [version, keyHex, keyBytes, metallb] of [
    ["v0.1.7", KEY_16, "16", "v0.12"],
    ["v0.5.1", KEY_32, "32", "v0.16"],
  ] as const
) {
  Deno.test(`two Herald speakers and two of memberlist ${version} form one cluster (row L26)`, async () => {
    await using scene = await makeScene(4);
    const [node1, node2, node3, node4] = scene.nodes;
    assert.ok(node1 && node2 && node3 && node4);
    const flags = ["--ml-join=10.77.1.11,10.77.1.13", `--ml-secret-key=${SECRET}`];
    const speak = (index: number, role = "speaker") =>
      scene.herald(
        scene.nodes[index] ?? assert.fail(),
        `--role=${role}`,
        `--node-name=node${index + 1}`,
        `--ml-bindaddr=10.77.1.${11 + index}`,
        `--ml-key-bytes=${keyBytes}`,
        ...flags,
      );
    await using herald1 = speak(0, "all");
    await using herald2 = speak(1);
    const peer = (name: string, bind: string) => ({
      version,
      name,
      bind,
      keyHex,
      join: ["10.77.1.11"],
    });
    await using peer3 = await startMemberlistPeer(node3, peer("node3", "10.77.1.13"));
    await using peer4 = await startMemberlistPeer(node4, peer("node4", "10.77.1.14"));
    const all = ["node1", "node2", "node3", "node4"];
    const seenByPeers = async (names: readonly string[]) => {
      for (const one of [peer3, peer4]) {
        await waitFor(
          `${names} at the peers`,
          async () => String(await one.members()) === String(names),
        );
      }
    };
    // Beside members that are not Herald's, nodes are judged as MetalLB's of the key's length do.
    const seenByHerald = (node: typeof node1, names: readonly string[]) =>
      waitFor(`${names} at ${node.name}`, async () => {
        const { stdout } = await node.run("curl", "-s", "http://127.0.0.1:7472/status");
        const { judge, members: told } = parseStatus(stdout).speaker ?? {};
        if (judge !== (names.includes("node3") ? metallb : "Herald")) return false;
        const alive = (told ?? []).filter(({ state }) => !["dead", "left", "gone"].includes(state));
        return String([...alive.map(({ node }) => node), node.name].sort()) === String(names);
      }, { timeoutMs: 30_000 });
    await withOutput([herald1, herald2], async () => {
      await seenByPeers(all);
      await seenByHerald(node1, all);
      await seenByHerald(node2, all);

      // 10,000 addresses: the peers' rule, written in Go, names the owners that ours does.
      const ips = Array.from({ length: 10_000 }, (_, at) => formatIp(ip4(0x0a00_0000 + at * 977)));
      for (let at = 0; at < ips.length; at += 1_000) {
        const asked = ips.slice(at, at + 1_000);
        const owners = await peer3.owners(asked);
        for (const ip of asked) assert.equal(owners[ip], rankCandidates(all, ip)[0], ip);
      }

      // Herald answers for its share only: with memberlist's nodes in, as long as these live.
      const [owner] = rankCandidates(all, SERVICE_IP);
      await scene.write("nginx.yaml", serviceManifest("nginx"));
      await scene.write("slice.yaml", sliceManifest("nginx", all));
      for (const name of ["node3", "node4"]) {
        await scene.write(
          `${name}.yaml`,
          (await Deno.readTextFile(`${scene.store}/node1.yaml`))
            .replaceAll("node1", name),
        );
      }
      await waitFor("the address", async () => (await scene.statusIps("nginx")).length === 1);
      const heraldOwns = owner === "node1" || owner === "node2";
      assert.equal((await scene.client.arping(SERVICE_IP, 2)).length > 0, heraldOwns);

      await peer4.leave();
      await seenByHerald(node1, ["node1", "node2", "node3"]);
      await peer3.kill();
      await seenByHerald(node2, ["node1", "node2"]);
      const [next] = rankCandidates(["node1", "node2"], SERVICE_IP);
      const mac = scene.nodes.find(({ name }) => name === next)?.mac;
      await waitFor(
        "an owner of Herald's",
        async () => (await scene.client.arping(SERVICE_IP, 1))[0] === mac,
      );

      await using back = await startMemberlistPeer(node3, peer("node3", "10.77.1.13"));
      await seenByHerald(node1, ["node1", "node2", "node3"]);
      await herald2.end("SIGKILL");
      await waitFor(
        "the peer to miss node2",
        async () => String(await back.members()) === "node1,node3",
        { timeoutMs: 30_000 },
      );
      await herald1.end("SIGTERM");
      await waitFor(
        "the peer to hear node1's goodbye",
        async () => String(await back.members()) === "node3",
      );
    });
  });
}

Deno.test("a wrong key gives no members and one line in the log that names the cause (row L26)", async () => {
  await using scene = await makeScene(2);
  const [node1, node2] = scene.nodes;
  assert.ok(node1 && node2);
  await using herald = scene.herald(
    node1,
    "--role=speaker",
    "--node-name=node1",
    "--ml-bindaddr=10.77.1.11",
    `--ml-secret-key=${SECRET}`,
  );
  await using peer = await startMemberlistPeer(node2, {
    version: "v0.5.1",
    name: "node2",
    bind: "10.77.1.12",
    keyHex: "00".repeat(16),
    join: ["10.77.1.11"],
  });
  const lines = () => herald.output().split("\n").filter((line) => line.includes("gossip refused"));
  await waitFor("the line", () => lines().length > 0);
  const tried = async () => {
    const { stdout } = await node1.run("curl", "-s", "http://127.0.0.1:7472/metrics");
    return Number(/herald_gossip_refused_total\{reason="bad-key"\} (\d+)/.exec(stdout)?.[1] ?? 0);
  };
  await waitFor("more tries", async () => await tried() > 5);
  assert.equal(lines().length, 1, lines().join("\n"));
  assert.match(lines()[0] ?? "", /do all speakers have the same key\?/);
  assert.deepEqual(await peer.members(), ["node2"]);
  assert.ok(!herald.output().includes(SECRET.slice(0, 16)), "the key stands in the log");
});

for (
  const [version, judge, wrong] of [["v0.1.7", "v0.12", "v0.16"], [
    "v0.5.1",
    "v0.16",
    "v0.10",
  ]] as const
) {
  Deno.test(`without a key memberlist ${version} is taken for MetalLB ${judge} by its pings, and --compat=${wrong} is told to be another`, async () => {
    await using scene = await makeScene(3);
    const [node1, node2, node3] = scene.nodes;
    assert.ok(node1 && node2 && node3);
    const speak = (host: typeof node1, index: number, ...flags: string[]) =>
      scene.herald(
        host,
        "--role=speaker",
        `--node-name=node${index}`,
        `--ml-bindaddr=10.77.1.1${index}`,
        "--ml-join=10.77.1.13",
        ...flags,
      );
    await using herald1 = speak(node1, 1);
    await using herald2 = speak(node2, 2, `--compat=${wrong}`);
    await using _peer = await startMemberlistPeer(node3, {
      version,
      name: "node3",
      bind: "10.77.1.13",
    });
    await scene.write("config.yaml", CONFIG_MANIFEST);
    await withOutput([herald1, herald2], async () => {
      await waitFor(`MetalLB ${judge} at node1`, async () => {
        const { stdout } = await node1.run("curl", "-s", "http://127.0.0.1:7472/status");
        return JSON.parse(stdout).speaker.judge === judge;
      }, { timeoutMs: 20_000 });
      await waitFor("node2's Warning", () => herald2.output().includes('"kind":"compat-differs"'), {
        timeoutMs: 20_000,
      });
    });
    assert.match(herald2.output(), new RegExp(`--compat=${wrong}, and the MetalLB on node3`));
    assert.ok(!herald1.output().includes("compat-differs"));
  });
}
