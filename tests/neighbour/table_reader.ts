/// <reference lib="deno.worker" />
import { openTable, slotOf } from "../../lib/neighbour/table.ts";
import { hardwareOf } from "../arp/hardware.ts";

/** What a reader looks up again and again, as the packet Worker does. */
export interface ReaderStart {
  readonly table: SharedArrayBuffer;
  /** Words: rounds done, 1 to stop. */
  readonly control: SharedArrayBuffer;
  readonly always: readonly number[];
  readonly never: readonly number[];
  readonly interfaces: readonly (readonly [ifindex: number, macs: readonly number[]])[];
}

/** Answers that were wrong. */
export interface ReaderVerdict {
  readonly missed: number;
  readonly invented: number;
  readonly wrongHardware: number;
}

self.onmessage = ({ data }: MessageEvent<ReaderStart>) => {
  const table = openTable(data.table);
  const control = new Int32Array(data.control);
  let [missed, invented, wrongHardware] = [0, 0, 0];
  while (Atomics.load(control, 1) === 0) {
    for (const ip of data.always) if (slotOf(table, ip) < 0) missed++;
    for (const ip of data.never) if (slotOf(table, ip) >= 0) invented++;
    for (const [ifindex, macs] of data.interfaces) {
      if (!macs.includes(hardwareOf(table, ifindex))) wrongHardware++;
    }
    Atomics.add(control, 0, 1);
  }
  const verdict: ReaderVerdict = { missed, invented, wrongHardware };
  self.postMessage(verdict);
};
