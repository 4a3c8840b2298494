import assert from "node:assert/strict";

/** One frame that a real kernel or ndisc6 sent (tests/vectors/ndp.json) with its decoding. */
export interface NdpVector {
  readonly name: string;
  readonly hex: string;
  readonly decoded: {
    readonly dst: string;
    readonly src: string;
    readonly ipv6: { readonly src: string; readonly dst: string; readonly hop_limit: number };
    readonly icmpv6: {
      readonly type: number;
      readonly checksum_ok: boolean;
      readonly flags?: Readonly<Record<"router" | "solicited" | "override", boolean>>;
      readonly target?: string;
      readonly options?: readonly { readonly type: number; readonly mac?: string }[];
    };
  };
}

export const NDP_VECTORS: readonly NdpVector[] = JSON.parse(
  Deno.readTextFileSync(new URL("../vectors/ndp.json", import.meta.url)),
);

export function ndpVector(name: string): NdpVector {
  const found = NDP_VECTORS.find((one) => one.name === name);
  assert.ok(found, `no vector ${name}`);
  return found;
}
