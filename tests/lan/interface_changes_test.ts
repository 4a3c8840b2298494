// deno-lint-ignore-file no-console -- names the seed, for whoever replays it
import assert from "node:assert/strict";
import type { Host } from "../support/lan.ts";
import { must } from "../support/process.ts";
import { seededRandom } from "../support/random.ts";
import { waitFor } from "../support/wait.ts";
import { answeredBy, ask, BACKENDS, page, type Row, startRow, VIP } from "./row_scene.ts";

// What can happen to an interface, in any order and without a pause in between: what hangs on it (the
// program, the groups of IPv6, the Worker's table) is there afterwards, however little of it is seen.

const NAME = "late0";
const INDEX = "77";
const MACS = ["02:00:00:00:88:01", "02:00:00:00:88:02"] as const;
const GROUP = /ff02::1:ff00:220/;
const STEPS = 14;
const MOST_AT_ONCE = 4;

interface Cable {
  readonly node: Host;
  readonly side: Host;
  /** Where the interface is put aside. */
  readonly parking: Host;
  mac: string;
}

const change = ({ node }: Cable, ...commands: string[]) =>
  must("ip", ["-n", node.netns, "-batch", "-"], `${commands.join("\n")}\n`);

async function make(cable: Cable): Promise<void> {
  const { mac, side } = cable;
  const peer = `type veth peer name eth0 netns ${side.netns}`;
  await change(
    cable,
    `link add ${NAME} index ${INDEX} address ${mac} ${peer}`,
    `link set ${NAME} up`,
  );
}

const CHANGES: Readonly<Record<string, (cable: Cable) => Promise<unknown>>> = {
  "made anew with its number and address": async (cable) => {
    const peer = `type veth peer name eth0 netns ${cable.side.netns}`;
    await change(
      cable,
      `link del ${NAME}`,
      `link add ${NAME} index ${INDEX} address ${cable.mac} ${peer}`,
      `link set ${NAME} up`,
    );
  },
  "another hardware address": (cable) => {
    cable.mac = MACS.find((mac) => mac !== cable.mac) ?? cable.mac;
    return change(cable, `link set ${NAME} address ${cable.mac}`);
  },
  "down and up": (cable) => change(cable, `link set ${NAME} down`, `link set ${NAME} up`),
  // Gone again: beside a bridge, pairs like this one would count for pods'.
  "port of a bridge for a moment": (cable) =>
    change(
      cable,
      "link add br9 type bridge forward_delay 0",
      "link set br9 up",
      `link set ${NAME} master br9`,
      `link set ${NAME} nomaster`,
      "link del br9",
    ),
  "without addresses": (cable) => change(cable, `addr flush dev ${NAME}`),
  "too small for IPv6 for a moment": (cable) =>
    change(cable, `link set ${NAME} mtu 1200`, `link set ${NAME} mtu 1500`),
  "IPv6 off and on": async ({ node }) => {
    const key = `net.ipv6.conf.${NAME}.disable_ipv6`;
    await node.must("sysctl", "-qw", `${key}=1`, `${key}=0`);
  },
  "in another namespace for a moment": async (cable) => {
    const { node, parking } = cable;
    await change(cable, `link set ${NAME} netns ${parking.netns}`);
    await must("ip", ["-n", parking.netns, "link", "set", NAME, "netns", node.netns]);
    await change(cable, `link set ${NAME} up`);
  },
};

/** What the other end has lost with the cable. */
async function mendSide({ side }: Cable): Promise<void> {
  await side.run("ip", "link", "set", "eth0", "up");
  await side.run("ip", "addr", "add", "10.77.1.99/24", "dev", "eth0");
  await side.run("ip", "addr", "add", "fd77::99/64", "dev", "eth0", "nodad");
}

async function assertWhole(cable: Cable, backend: string): Promise<void> {
  const { mac, node, side } = cable;
  await mendSide(cable);
  await waitFor("an answer by NDP", async () => (await ask(side, VIP[6])).join() === mac);
  await answeredBy(side, VIP[4], mac);
  // A switch with snooping would forward nothing else.
  await waitFor(
    "the solicited-node group",
    async () => GROUP.test(await node.must("ip", "maddr", "show", "dev", NAME)),
  );
  if (backend === "socket") return;
  await waitFor("the program", async () => {
    const { speaker } = JSON.parse(await page(node, "status"));
    const one = speaker.interfaces.find(({ name }: { name: string }) => name === NAME);
    return one?.by === speaker.backend && one.mac === mac;
  });
}

async function layIt({ node, scene }: Row): Promise<Cable> {
  const side = await scene.lan.addNamespace("side");
  const parking = await scene.lan.addNamespace("parking");
  const cable: Cable = { node, side, parking, mac: MACS[0] };
  await make(cable);
  return cable;
}

for (const backend of BACKENDS) {
  Deno.test(`whatever happens to an interface, in whatever order, it answers as before when that is over: ${backend}`, async () => {
    const seed = Number(Deno.env.get("HERALD_SEED") ?? Math.floor(Math.random() * 1e9));
    console.log(`interface changes, ${backend}: HERALD_SEED=${seed}`);
    const random = seededRandom(seed);
    await using row = await startRow(`--arp-backend=${backend}`);
    await row.serve("four", 4);
    await row.serve("six", 6);
    const cable = await layIt(row);
    await assertWhole(cable, backend);
    const before = row.descriptors();
    const names = Object.keys(CHANGES);
    // Each alone, and then some at once.
    const rounds = names.map((name) => [name]);
    while (rounds.length < STEPS) {
      const count = 2 + Math.floor((MOST_AT_ONCE - 1) * random());
      const any = () => names[Math.floor(names.length * random())] ?? "";
      rounds.push(Array.from({ length: count }, any));
    }
    for (const [index, round] of rounds.entries()) {
      try {
        for (const name of round) await CHANGES[name]?.(cable);
        await assertWhole(cable, backend);
      } catch (error) {
        const what = `seed ${seed}, step ${index}: ${round.join(", ")}`;
        throw new Error(`${what}\n${row.speaker.output().slice(-4_000)}`, { cause: error });
      }
    }
    await waitFor("all descriptors to be back", () => row.descriptors() <= before);
    assert.doesNotMatch(row.speaker.output(), /"level":"error"/);
  });
}
