import { createHash } from "node:crypto";

/**
 * Puts candidates in the order in which they own an address: ascending by the SHA-256 of
 * `NODE#SALT`, the first one owns it. Every speaker that sees the same candidates names the same
 * owner, a MetalLB one included (MetalLB speaker/layer2_controller.go).
 *
 * @param salt the text of the Service's first address (MetalLB v0.11 and later), or its
 * `namespace/name` (v0.10)
 */
export function rankCandidates(nodes: Iterable<string>, salt: string): string[] {
  return [...new Set(nodes)]
    .map((node) => ({ node, hash: createHash("sha256").update(`${node}#${salt}`).digest("hex") }))
    // Lower-case hexadecimal sorts as the bytes do. Equal hashes would be equal names.
    .sort((a, b) => a.hash < b.hash ? -1 : 1)
    .map(({ node }) => node);
}

/** Whether the first node owns before the second. */
export function precedes(one: string, other: string, salt: string): boolean {
  return rankCandidates([one, other], salt)[0] === one;
}
