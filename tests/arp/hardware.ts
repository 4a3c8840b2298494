import { type AddressTable, copyHardware } from "../../lib/neighbour/table.ts";
import { readMac } from "../../lib/net/ethernet.ts";

/** The hardware address that a reply on this interface would carry, or -1 when it gets none. */
export function hardwareOf(table: AddressTable, ifindex: number): number {
  const octets = new Uint8Array(6);
  return copyHardware(table, ifindex, octets, 0) ? readMac(octets, 0) : -1;
}
