import { KERNEL } from "../../../ffi/constants.ts";
import { openLibc, PRIVILEGE } from "../../../ffi/libc.ts";
import { checked } from "../../../ffi/result.ts";
import { CAP_DATA, CAP_HEADER, int32, readInt32 } from "../../../ffi/structs.ts";

/** What the speaker needs of Linux, as capabilities(7) names it. */
const CAPABILITIES = {
  CAP_NET_RAW: KERNEL.CAP_NET_RAW,
  CAP_NET_ADMIN: KERNEL.CAP_NET_ADMIN,
  CAP_BPF: KERNEL.CAP_BPF,
} as const;
export type Capability = keyof typeof CAPABILITIES;

/** A privilege that the process was not given. */
export class MissingCapability extends Error {
  override readonly name = "MissingCapability";
  constructor(readonly capability: Capability, purpose: string) {
    super(
      `Missing capability ${capability} ${purpose}: add ${capability.slice("CAP_".length)} under ` +
        "securityContext.capabilities.add of the speaker's container, or run it as root",
    );
  }
}

/** Whether this thread may use the capability now (its effective set). @throws OsError */
export function hasCapability(capability: Capability): boolean {
  using libc = openLibc(PRIVILEGE);
  const header = new Uint8Array(CAP_HEADER.size);
  header.set(int32(KERNEL._LINUX_CAPABILITY_VERSION_3), CAP_HEADER.version);
  const sets = new Uint8Array(2 * CAP_DATA.size);
  checked(libc, libc.symbols.capget(header, sets), "capget", "the process's own capabilities");
  const bit = CAPABILITIES[capability];
  const effective = readInt32(sets, (bit >>> 5) * CAP_DATA.size + CAP_DATA.effective);
  return ((effective >>> (bit & 31)) & 1) === 1;
}

/** @throws MissingCapability that says what to do; `purpose` reads on from the name, "to …" */
export function requireCapability(capability: Capability, purpose: string): void {
  if (!hasCapability(capability)) throw new MissingCapability(capability, purpose);
}
