import assert from "node:assert/strict";
import { type Explanation, explanationText } from "../lib/cli/explanation.ts";
import { type ImpactReport, impactText } from "../lib/cli/impact.ts";
import { othersText, validateText } from "../lib/cli/validate.ts";
import { parseConfig } from "../lib/config/parse.ts";
import { createBook } from "../lib/controller/allocations.ts";
import { fullDetail } from "../lib/controller/refusal.ts";
import { serviceKey } from "../lib/model/facts.ts";
import { conflictText } from "../lib/model/address_conflict.ts";
import { fullText } from "../lib/status/forecast.ts";
import { statusText } from "../lib/status/text.ts";
import type { SpeakerStatus } from "../lib/status/types.ts";
import { config, ip, pool } from "./controller/fixture.ts";
import { wrongCounts } from "./support/counts.ts";
import { PROCESS_STATUS } from "./support/status.ts";

const COUNTS = [0, 1, 2, 60];
const HOUR = 3_600_000;

/** `n` of what `make` makes. */
function many<T>(count: number, make: (at: number) => T): T[] {
  return Array.from({ length: count }, (_, at) => make(at));
}

function statusOf(a: number, b: number): string {
  const speaker: SpeakerStatus = {
    node: "n0",
    backend: "socket",
    interfaces: many(a, (at) => ({ name: `eth${at}`, mac: "02:00:00:00:00:01" })),
    leftOut: many(b, (at) => `cali${at}`),
    members: many(a, (at) => ({ node: `n${at}`, address: "10.0.0.1", state: "alive" })),
    owned: Object.fromEntries(many(a, (at) => [`n${at}`, b])),
    conflicts: many(b, () => ({ ip: "10.0.0.9", mac: "02:00:00:00:00:02" })),
    addresses: many(a, (at) => ({
      ip: `10.0.1.${at}`,
      services: many(b, (one) => `default/s${one}`),
      announcing: at % 2 === 0,
      reason: "no",
    })),
  };
  const services = many(a, (at) => ({
    service: `default/s${at}`,
    ips: at < b ? [`10.0.0.${at}`] : [],
  }));
  const pools = many(a, (at) => ({
    name: `p${at}`,
    protocol: "layer2",
    addresses: String(b),
    inUse: a,
    services: b,
    kept: b,
    reserved: a,
    fullInMs: a * 25 * HOUR,
  }));
  return statusText({ ...PROCESS_STATUS, controller: { pools, services }, speaker });
}

function explanationOf(a: number, b: number): string {
  const nodes = many(a, (at) => `n${at}`);
  const announcement: Explanation["announcements"][number] = {
    ip: "10.0.0.1",
    elected: "n0",
    seen: nodes.map((node, at) => ({ node, announcing: at < b, reason: "no endpoint" })),
    candidates: nodes.map((node) => ({ node, eligible: true, reason: "" })),
  };
  return explanationText({
    service: "default/web",
    objects: "/srv/lb",
    address: {
      ips: many(b, (at) => `10.0.0.${at}`),
      pool: "p",
      written: true,
      reasons: [],
      sharesWith: many(a, (at) => `default/s${at}`),
    },
    endpoints: [],
    unread: [],
    announcements: [announcement, { ...announcement, peers: many(b, (at) => `to ${at}`) }],
    speakers: {
      asked: nodes,
      silent: many(b, (at) => ({ node: `m${at}`, why: "it is away" })),
      warnings: [],
    },
  });
}

function impactOf(a: number, b: number): string {
  const one = (at: number) => ({ service: serviceKey("default", `s${at}`), why: "no pool" });
  const place = { ips: ["10.0.0.1"], pool: "p" };
  const count = (inUse: number) => ({ protocol: "layer2", addresses: "9", inUse, services: inUse });
  const report: ImpactReport = {
    against: "cluster",
    refused: a > b,
    lost: many(a, (at) => ({ ...one(at), before: place })),
    moved: many(b, (at) => ({ ...one(at), before: place, after: place })),
    gained: many(a, (at) => ({ ...one(at), after: place })),
    without: many(a + b, one),
    pools: [{ name: "p", before: count(a), after: count(b) }],
    difference: { pools: [], poolsReordered: false, peers: [], bfdProfiles: [] },
    ownAddresses: many(a, (at) => ({ ip: `10.0.0.${at}`, node: `n${at}`, pool: "p" })),
    compat: a > b ? "v0.12" : undefined,
    swapMoves: many(b, (at) => ({ ip: `10.0.0.${at}`, from: "n1", to: undefined, why: "label" })),
    lostRoutes: many(a, (at) => ({ ip: `10.0.0.${at}`, from: ["n1"], left: [], why: "label" })),
    unread: many(b, (at) => `kind ${at}: forbidden`),
  };
  return impactText(report);
}

function configOf(pools: number, peers: number): string {
  const text = `address-pools: [${
    many(pools, (at) => `{name: p${at}, protocol: layer2, addresses: [10.0.${at}.0/24]}`).join(", ")
  }]\npeers: [${
    many(peers, (at) => `{peer-address: 10.9.${at}.1, my-asn: 1, peer-asn: 2}`).join(", ")
  }]\n`;
  return validateText(text, "c.yaml", undefined, false).text;
}

function fullOf(size: number, kept: number, reserved: number): string {
  const all = pool("p", `10.0.0.1-10.0.0.${Math.max(1, size)}`, {
    reserved: reserved === 0 ? [] : pool("", `10.0.0.1-10.0.0.${reserved}`).ranges,
  });
  const book = createBook(config(all));
  const [state] = book.pools;
  assert.ok(state);
  state.kept[4] = kept;
  return fullDetail(state, 4);
}

Deno.test("first use P14: every text that counts says one thing and two things, and for one it is, for two they are", () => {
  const conflict = (at: number) => ({
    service: serviceKey("default", `s${at}`),
    ip: ip("10.0.0.1"),
    pool: "p",
  });
  const texts = COUNTS.flatMap((a) => [
    othersText(many(a, () => "Service")),
    fullText(a * HOUR),
    fullText(a * 24 * HOUR),
    conflictText(many(a, conflict), "it stays"),
    parseConfig(`{${many(100 + a, (at) => `k${at}: 1`).join(", ")}}`, "c").problems.at(-1)
      ?.message ?? "",
    ...COUNTS.flatMap((b) => [
      statusOf(a, b),
      explanationOf(a, b),
      impactOf(a, b),
      configOf(a, b),
      ...[0, 1, 2].map((c) => fullOf(a, Math.min(b, 200), c)),
    ]),
  ]);
  assert.ok(texts.join("").length > 10_000);
  for (const text of texts) assert.deepEqual(wrongCounts(text), [], text);
});

Deno.test("no text of lib/ joins a number and a plural by hand: counted() knows both", async () => {
  const root = new URL("../lib/", import.meta.url);
  // Counts of octets and characters are never one there; `0 members` and the like are of the wire.
  const joined =
    /\$\{[^{}]*(?:length|size|count|[sS]ervices|kept|reserved|MAX_TOLD)[^{}]*\} (?:(?:more|other|deleted|IPv\S+) )*(?!characters|octets|bytes|configurations,)[A-Za-z]{3,}s\b/;
  const wire = /^(?:arp|ndp|gossip|bgp|bfd|heartbeat|netlink|neighbour|host)\//;
  const found: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    for await (const { isDirectory, name } of Deno.readDir(new URL(`./${folder}`, root))) {
      if (isDirectory) await walk(`${folder}${name}/`);
      else if (!wire.test(folder)) {
        const lines = (await Deno.readTextFile(new URL(`${folder}${name}`, root))).split("\n");
        found.push(
          ...lines.filter((line) => joined.test(line)).map((line) => `${folder}${name}: ${line}`),
        );
      }
    }
  };
  await walk("");
  assert.deepEqual(found, []);
});
