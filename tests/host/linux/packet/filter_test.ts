import assert from "node:assert/strict";
import type { FilterStep } from "../../../../ffi/structs.ts";
import { arpFilter, ndpFilter } from "../../../../lib/host/linux/packet/filter.ts";
import { ndpVector } from "../../../ndp/vectors.ts";
import { request } from "../frames.ts";

const HOST = 0;
const BROADCAST = 1;
const MULTICAST = 2;
const OTHER_HOST = 3;
const OUTGOING = 4;

/** The kernel's machine as far as the program uses it; gives the bytes to keep, 0 for a drop. */
function interpret(steps: readonly FilterStep[], frame: Uint8Array, type: number, tag: number) {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  let accumulator = 0;
  for (let at = 0; at < steps.length; at++) {
    const [code, jt, jf, k] = steps[at] ?? [0, 0, 0, 0];
    if (code === 0x06) return k;
    if (code === 0x15) at += accumulator === k ? jt : jf;
    else if (code === 0x54) accumulator = (accumulator & k) >>> 0;
    else if (k === 0xffff_f004) accumulator = type;
    else if (k === 0xffff_f02c) accumulator = tag;
    else {
      const size = code === 0x20 ? 4 : 2;
      assert.ok(code === 0x20 || code === 0x28, `opcode ${code}`);
      if (k + size > frame.length) return 0; // a load beyond the end drops the frame
      accumulator = size === 4 ? view.getUint32(k) : view.getUint16(k);
    }
  }
  throw new Error("The program runs past its end");
}

const USUAL = { senderIp: "0a4d0001", targetIp: "0a4d01dc" };
const CASES: readonly [name: string, frame: string, type: number, tag: number, passes: boolean][] =
  [
    ["a request to all", request(USUAL), BROADCAST, 0, true],
    ["a request to this host", request(USUAL), HOST, 0, true],
    ["a padded request", request({ ...USUAL, padding: "00".repeat(18) }), BROADCAST, 0, true],
    ["a request with a priority only", request(USUAL), BROADCAST, 0xe000, true],
    ["a request of a VLAN", request(USUAL), BROADCAST, 0xe005, false],
    ["a request to another host", request(USUAL), OTHER_HOST, 0, false],
    ["a request to a group", request(USUAL), MULTICAST, 0, false],
    ["a request that this host sent", request(USUAL), OUTGOING, 0, false],
    [
      "a reply, which may claim our address",
      request({ ...USUAL, operation: "0002" }),
      HOST,
      0,
      true,
    ],
    ["operation 3", request({ ...USUAL, operation: "0003" }), HOST, 0, false],
    ["operation 0", request({ ...USUAL, operation: "0000" }), HOST, 0, false],
    ["a frame of IPv4", request({ ...USUAL, etherType: "0800" }), HOST, 0, false],
    ["hardware type 6", request({ ...USUAL, hardwareType: "0006" }), HOST, 0, false],
    ["protocol type 86dd", request({ ...USUAL, protocolType: "86dd" }), HOST, 0, false],
    ["address lengths 8 and 4", request({ ...USUAL, lengths: "0804" }), HOST, 0, false],
    ["address lengths 6 and 16", request({ ...USUAL, lengths: "0610" }), HOST, 0, false],
    ["a frame cut after the operation's first octet", request(USUAL).slice(0, 42), HOST, 0, false],
    ["a frame without a payload", request(USUAL).slice(0, 28), HOST, 0, false],
  ];

for (const [name, hex, type, tag, passes] of CASES) {
  Deno.test(`arpFilter() ${passes ? "passes" : "drops"} ${name}`, () => {
    const kept = interpret(arpFilter(), Uint8Array.fromHex(hex), type, tag);
    assert.equal(kept > 0, passes);
    if (passes) assert.ok(kept >= 42, "the whole packet must be kept");
  });
}

const SOLICITATION = ndpVector("ndp/ndp/ns-multicast-1").hex;
const ADVERTISEMENT = ndpVector("ndp/ndp/na-SO-1").hex;
const changed = (hex: string, octet: number, to: string) =>
  hex.slice(0, octet * 2) + to + hex.slice(octet * 2 + 2);
const NDP_CASES: readonly [string, string, number, number, boolean][] = [
  ["a solicitation to a group", SOLICITATION, MULTICAST, 0, true],
  ["a solicitation to this host", SOLICITATION, HOST, 0, true],
  ["an advertisement, which may claim our address", ADVERTISEMENT, HOST, 0, true],
  ["a solicitation of a VLAN", SOLICITATION, MULTICAST, 5, false],
  ["a solicitation to another host", SOLICITATION, OTHER_HOST, 0, false],
  ["hop limit 254", changed(SOLICITATION, 21, "fe"), MULTICAST, 0, false],
  ["another next header", changed(SOLICITATION, 20, "11"), MULTICAST, 0, false],
  ["a router advertisement", changed(SOLICITATION, 54, "86"), MULTICAST, 0, false],
  ["code 1", changed(SOLICITATION, 55, "01"), MULTICAST, 0, false],
  ["a frame of ARP", request(USUAL), BROADCAST, 0, false],
];

for (const [name, hex, type, tag, passes] of NDP_CASES) {
  Deno.test(`ndpFilter() ${passes ? "passes" : "drops"} ${name}`, () => {
    const kept = interpret(ndpFilter(), Uint8Array.fromHex(hex), type, tag);
    assert.equal(kept > 0, passes);
    if (passes) assert.ok(kept >= 86, "the whole packet must be kept");
  });
}
