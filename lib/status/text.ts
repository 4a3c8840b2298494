import type { LeadStatus } from "./types.ts";

/** Who leads, in a few words. */
export function leadText({ leader, reason, role }: LeadStatus): string {
  switch (role) {
    case "leader":
      return `this one (${leader})`;
    case "standby":
      return `${leader ?? "nobody yet"}; this one stands by`;
    case "alone":
      return `no election, one controller only: ${reason}`;
  }
}
