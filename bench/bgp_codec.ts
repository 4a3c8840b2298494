import { createAdjRibOut, drain, resend, type RouteTerms } from "../lib/bgp/adj_rib_out.ts";
import { decodeMessage } from "../lib/bgp/message.ts";
import { prefixesOf } from "../tests/bgp/codec.ts";
import { createRib, type Rib } from "../lib/bgp/rib.ts";
import { type Ip, ip6 } from "../lib/net/ip.ts";
import { type Figure, figure, percentile } from "./figure.ts";
import { ip4 } from "../tests/support/addresses.ts";

export const TERMS: RouteTerms = {
  myAsn: 64500,
  ebgp: true,
  asnBytes: 4,
  maxLength: 4096,
  families: new Set([4, 6] as const),
  nextHop4: ip4(0x0a4d010b),
  nextHops6: [ip6(0xfd77n << 112n | 11n)],
  extendedNextHop: false,
};
const ROUNDS = 21;

/** A RIB of that many hosts with equal attributes. */
export function ribOf(count: number, family: 4 | 6 = 4): Rib {
  const rib = createRib();
  const attributes = { localPref: 0, communities: [], largeCommunities: [] };
  for (let index = 0; index < count; index++) {
    const address: Ip = family === 4
      ? ip4(0x0a000000 + index)
      : ip6((0x2001_0db8n << 96n) + BigInt(index));
    rib.set({ address, length: family === 4 ? 32 : 128 }, attributes);
  }
  return rib;
}

/** Encoding and decoding, without a network. */
export function benchCodec(): Figure[] {
  const figures: Figure[] = [];
  for (const family of [4, 6] as const) {
    const rib = ribOf(10_000, family);
    let messages: readonly Uint8Array<ArrayBuffer>[] = [];
    const encodeMs: number[] = [];
    const decodeMs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const adj = createAdjRibOut();
      const begin = performance.now();
      resend(adj, rib);
      messages = drain(adj, rib, TERMS, 100_000).messages;
      const middle = performance.now();
      let count = 0;
      for (const bytes of messages) {
        const update = decodeMessage(bytes, { asnBytes: 4, ebgp: true, maxLength: 4096 });
        if (update.kind !== "update") throw new Error("A message of ours does not decode");
        count += prefixesOf(update.nlri).length;
        const reach = update.attributes.find((one) => one.kind === "mp-reach");
        if (reach) count += prefixesOf(reach.nlri).length;
      }
      if (count !== 10_000) throw new Error(`${count} prefixes came back`);
      encodeMs.push(middle - begin);
      decodeMs.push(performance.now() - middle);
    }
    const rate = (ms: number[]) => 10_000 / percentile(ms, 0.5) / 1000;
    const atLeast = family === 4 ? { goal: { of: "value", atLeast: 2 } } as const : {};
    figures.push(
      figure(`bgp-ipv${family}-messages-for-10000`, messages.length, "messages", {
        goal: { of: "value", atMost: family === 4 ? 16 : 48 },
      }),
      figure(`bgp-ipv${family}-encode-10000`, percentile(encodeMs, 0.5), "ms", {
        goal: { of: "value", atMost: 20 },
      }),
      figure(`bgp-ipv${family}-encode-rate`, rate(encodeMs), "million prefixes/s", atLeast),
      figure(`bgp-ipv${family}-decode-rate`, rate(decodeMs), "million prefixes/s", atLeast),
    );
  }
  return figures;
}
