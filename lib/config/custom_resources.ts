/** The API group of the custom resources by which MetalLB is configured since v0.13. */
const GROUP = "metallb.io/";

/** What says the same in a ConfigMap. */
const INSTEAD: ReadonlyMap<string, string> = new Map([
  [
    "IPAddressPool",
    'a pool under "address-pools" with name, protocol (layer2 or bgp) and addresses',
  ],
  ["AddressPool", 'a pool under "address-pools" with name, protocol (layer2 or bgp) and addresses'],
  ["L2Advertisement", '"protocol: layer2" in its pools under "address-pools"'],
  ["BGPAdvertisement", '"protocol: bgp" and "bgp-advertisements" in its pools'],
  ["BGPPeer", 'an entry under "peers"'],
  ["BFDProfile", 'an entry under "bfd-profiles"'],
  ["Community", 'entries under "bgp-communities"'],
]);

/**
 * How a ConfigMap says what a custom resource of MetalLB says; undefined for every other object,
 * and for those of its group that configure nothing.
 */
export function insteadOfResource(apiVersion: string, kind: string): string | undefined {
  return apiVersion.startsWith(GROUP) ? INSTEAD.get(kind) : undefined;
}

/** Whether a document of this kind may be such a resource. */
export function isResourceKind(kind: string): boolean {
  return INSTEAD.has(kind);
}
