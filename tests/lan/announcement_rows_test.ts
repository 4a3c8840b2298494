import assert from "node:assert/strict";
import { type Frame, sourceOf, startCapture } from "../support/capture.ts";
import { startProbe } from "../support/probe.ts";
import { pause, waitFor } from "../support/wait.ts";
import {
  answeredBy,
  ask,
  BACKENDS,
  type Family,
  page,
  type Row,
  startRow,
  VIP,
} from "./row_scene.ts";

const FAMILIES: readonly Family[] = [4, 6];
const VIP_HEX = { 4: "0a4d01dc", 6: "fd770000000000000000000000000220" } as const;
/** What announces: ARP to all, and advertisements to ff02::1. */
const ANNOUNCEMENTS =
  "(arp and ether broadcast) or (icmp6[0] == 136 and ether dst 33:33:00:00:00:01)";
const plain = (mac: string) => mac.replaceAll(":", "");

/** The two frames of ARP, or the one of NDP, that a host announces an address with. */
function announcement(family: Family, mac: string): string[] {
  const own = plain(mac);
  const vip = VIP_HEX[family];
  if (family === 6) {
    // Hop limit 255; type 136, Override alone; the target link-layer option.
    return [
      `333300000001${own}86dd6000000000203aff${vip}ff020000000000000000000000000001` +
      `8800....20000000${vip}0201${own}`,
    ];
  }
  const head = `ffffffffffff${own}0806000108000604000`;
  return [
    `${head}1${own}${vip}000000000000${vip}`,
    `${head}2${own}${vip}${own}${vip}`,
  ];
}

for (const family of FAMILIES) {
  const [row, bursts] = family === 4 ? ["L5", 5] : ["L6", 3];
  Deno.test(`IPv${family}: a new owner announces in ${bursts} bursts, 1.1 s apart, on each interface (row ${row})`, async () => {
    await using it = await startRow();
    const side = await it.addSide("late0", "02:00:00:00:99:01");
    const { node, scene } = it;
    await waitFor("the interface", () => it.speaker.output().includes("late0"));
    await using lan = await startCapture(scene.client, ANNOUNCEMENTS);
    await using late = await startCapture(side, ANNOUNCEMENTS);
    await it.serve("vip", family);
    for (const [capture, mac] of [[lan, node.mac], [late, "02:00:00:00:99:01"]] as const) {
      const own = () => capture.frames().filter((frame) => sourceOf(frame) === mac);
      const wanted = announcement(family, mac);
      await waitFor("all bursts", () => own().length >= bursts * wanted.length);
      // Time for a burst too many.
      await pause(1_500);
      const frames = own();
      assert.equal(frames.length, bursts * wanted.length, frames.map(({ hex }) => hex).join("\n"));
      assertBursts(frames, wanted);
    }
  });
}

function assertBursts(frames: readonly Frame[], wanted: readonly string[]): void {
  let last = -Infinity;
  for (let at = 0; at < frames.length; at += wanted.length) {
    const burst = frames.slice(at, at + wanted.length);
    burst.forEach(({ hex }, index) => assert.match(hex, new RegExp(`^${wanted[index]}`)));
    const [first] = burst;
    assert.ok(first);
    const spent = (burst.at(-1)?.atMs ?? Infinity) - first.atMs;
    // Far less than the time between bursts, and more than a busy machine takes between two writes.
    assert.ok(spent <= 200, `the second frame came ${spent} ms after the first`);
    assert.ok(first.atMs - last >= 1_000, `bursts ${first.atMs - last} ms apart`);
    last = first.atMs;
  }
  const [first] = frames;
  const all = last - (first?.atMs ?? 0);
  const due = 1_100 * (frames.length / wanted.length - 1);
  assert.ok(Math.abs(all - due) < 300, `the last burst came ${all} ms after the first, not ${due}`);
}

for (const family of FAMILIES) {
  Deno.test(`IPv${family}: neighbours that knew the address elsewhere follow the first burst (row ${family === 4 ? "L5" : "L6"})`, async () => {
    await using it = await startRow();
    const { scene, node } = it;
    const hosts = [scene.client, ...scene.nodes.slice(1)];
    for (const host of hosts) {
      const entry = [VIP[family], "dev", "eth0", "lladdr", "02:00:00:00:99:99", "nud", "reachable"];
      await host.must("ip", "neigh", "replace", ...entry);
    }
    await it.serve("vip", family);
    for (const host of hosts) {
      await waitFor(
        `${host.name} to know the owner`,
        async () => await host.neighbour(VIP[family]) === node.mac,
        { everyMs: 5 },
      );
    }
  });
}

Deno.test("a neighbour that verifies its entry by unicast is answered each of 100 times (row L7)", async () => {
  for (const backend of BACKENDS) {
    await using it = await startRow(`--arp-backend=${backend}`);
    const { scene: { client }, node } = it;
    await it.serve("vip", 6);
    await answeredBy(client, VIP[6], node.mac);
    const change = (state: string) =>
      client.must("ip", "neigh", "replace", ...[
        VIP[6],
        "dev",
        "eth0",
        "lladdr",
        node.mac,
        "nud",
        state,
      ]);
    await using frames = await startCapture(
      client,
      `icmp6[0] == 136 and ether src ${node.mac} and ether dst ${client.mac}`,
    );
    for (let round = 0; round < 100; round++) {
      const before = frames.frames().length;
      await change("probe");
      await waitFor(
        "the entry to be verified",
        async () => /REACHABLE/.test(await client.must("ip", "neigh", "show", VIP[6])),
        { everyMs: 2 },
      );
      await waitFor("the answer's frame", () => frames.frames().length > before, { everyMs: 2 });
    }
    // Solicited and Override, to the asker.
    for (const { hex } of frames.frames()) {
      assert.ok(hex.startsWith(plain(client.mac)) && hex.slice(116, 118) === "60", hex);
    }
    assert.equal(frames.frames().length, 100, backend);
  }
});

Deno.test("a host that wants the address for itself learns that it is taken (row L8)", async () => {
  for (const backend of BACKENDS) {
    await using it = await startRow(`--arp-backend=${backend}`);
    const { scene: { client }, node } = it;
    await it.serve("vip", 6);
    await answeredBy(client, VIP[6], node.mac);
    await client.must(
      "sysctl",
      "-qw",
      "net.ipv6.conf.all.accept_dad=1",
      "net.ipv6.conf.eth0.accept_dad=1",
    );
    for (let round = 0; round < 5; round++) {
      await client.must("ip", "addr", "add", `${VIP[6]}/64`, "dev", "eth0");
      await waitFor(
        "the verdict",
        async () => /dadfailed/.test(await client.must("ip", "-6", "addr", "show", "dev", "eth0")),
      );
      await client.must("ip", "addr", "del", `${VIP[6]}/64`, "dev", "eth0");
    }
  }
});

for (const family of FAMILIES) {
  Deno.test(`IPv${family}: a host that takes an announced address is told of, and answered once in ten seconds (row L10)`, async () => {
    for (const backend of BACKENDS) {
      await using it = await startRow(`--arp-backend=${backend}`);
      const { scene: { client, nodes: [, other] }, node } = it;
      assert.ok(other);
      const ip = VIP[family];
      await it.serve("vip", family);
      await answeredBy(client, ip, node.mac);
      await pause(5_500); // its own announcements
      await using capture = await startCapture(other, ANNOUNCEMENTS);
      await client.must("sysctl", "-qw", "net.ipv6.conf.eth0.ndisc_notify=1");
      const length = family === 4 ? 32 : 128;
      await client.must("ip", "addr", "add", `${ip}/${length}`, "dev", "eth0");
      for (let round = 0; round < 5; round++) {
        // The kernel announces its addresses when its hardware address changes.
        if (family === 6) {
          await client.must("ip", "link", "set", "eth0", "address", `02:00:00:00:66:0${round}`);
        } else await client.must("arping", "-A", "-c", "1", "-I", "eth0", "-s", ip, ip);
      }
      await waitFor(
        "the count",
        async () => /conflicts_total\{kind="conflict"\} [1-9]/.test(await page(node, "metrics")),
      );
      await pause(2_500);
      const defences = capture.frames().filter((frame) => sourceOf(frame) === node.mac);
      assert.equal(defences.length, family === 4 ? 2 : 1, "one announcement");
      const claim = capture.frames().find((frame) => sourceOf(frame) !== node.mac)?.atMs ?? NaN;
      const tookMs = (defences[0]?.atMs ?? NaN) - claim;
      assert.ok(tookMs <= 100, `defended after ${tookMs} ms`);
      assert.match(it.speaker.output(), /another host has our address/);
      assert.match(it.speaker.output(), /AddressConflict/);
    }
  });
}

/** Ten addresses of each family, and who answers for the last of each. */
async function serveTwenty(it: Row): Promise<void> {
  for (let index = 0; index < 10; index++) {
    await it.serve(`four${index}`, 4);
    await it.serve(`six${index}`, 6);
  }
  const { client } = it.scene;
  for (const ip of ["10.77.1.229", "fd77::229"]) await answeredBy(client, ip, it.node.mac);
}

/** The addresses that frames announce. */
function announced(frames: readonly Frame[]): Set<string> {
  return new Set(
    frames.map(({ hex }) => hex.startsWith("3333") ? hex.slice(124, 156) : hex.slice(56, 64)),
  );
}

for (const backend of BACKENDS) {
  Deno.test(`a changed hardware address is announced for all addresses, the old one is silent: ${backend} (row L16)`, async () => {
    await using it = await startRow(`--arp-backend=${backend}`);
    const { scene: { client }, node } = it;
    await serveTwenty(it);
    // There is no bond in every kernel: its fail-over with fail_over_mac is this same event.
    await using capture = await startCapture(client, "arp or icmp6[0] == 136");
    await using _asking = await startProbe(client, VIP[4], 10_000);
    for (const mac of ["02:00:00:00:77:01", "02:00:00:00:77:02"]) {
      const from = capture.frames().length;
      await node.must("ip", "link", "set", "eth0", "address", mac);
      const changedMs = Date.now();
      const since = () => capture.frames().slice(from);
      const own = () => since().filter((frame) => sourceOf(frame) === mac);
      const gratuitous = () => own().filter(({ hex }) => /^(ffffffffffff|333300000001)/.test(hex));
      await waitFor("all twenty", () => announced(gratuitous()).size >= 20, { everyMs: 10 });
      await waitFor("an answer", () => own().some(({ hex }) => hex.startsWith(plain(client.mac))));
      for (const ip of Object.values(VIP)) {
        // An announcement may come beside the answer.
        assert.deepEqual(new Set(await ask(client, ip)), new Set([mac]));
      }
      const others = since().filter((frame) => ![mac, client.mac].includes(sourceOf(frame)));
      const late = others.map(({ atMs }) => atMs - changedMs).filter((ms) => ms > 50);
      assert.deepEqual(late, [], "milliseconds after the change, with the old address");
      const first = Math.min(...gratuitous().map(({ atMs }) => atMs)) - changedMs;
      assert.ok(first <= 200, `announced after ${first} ms`);
    }
  });
}
