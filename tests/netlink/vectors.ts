/** One message of a real kernel (tests/vectors/netlink.json) with its decoding. */
export interface NetlinkVector {
  readonly name: string;
  readonly hex: string;
  readonly decoded: {
    readonly nlmsg_type: number;
    readonly type_name: string;
    readonly nlmsg_flags: number;
    readonly seq: number;
    readonly family?: number;
    readonly arphrd?: number;
    readonly ifindex?: number;
    readonly flags_names?: readonly string[];
    readonly error?: number;
    readonly attributes?: {
      readonly IFLA_IFNAME?: string;
      readonly IFLA_ADDRESS?: string;
      readonly IFLA_MASTER?: number;
      readonly IFLA_LINKINFO?: { readonly IFLA_INFO_KIND?: string };
    };
  };
}

/** All messages, in the order of the file. */
export const NETLINK_VECTORS: readonly NetlinkVector[] = JSON.parse(
  Deno.readTextFileSync(new URL("../vectors/netlink.json", import.meta.url)),
);

/** The message of that name, or those whose name begins so. */
export function vectors(name: string): NetlinkVector[] {
  const found = NETLINK_VECTORS.filter((vector) => vector.name.startsWith(name));
  if (found.length === 0) throw new Error(`No vector ${name}`);
  return found;
}
