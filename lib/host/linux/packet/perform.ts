import { errorText } from "../../../base/errors.ts";
import type { InterfaceAddress } from "../../../neighbour/table.ts";
import { formatIp, type Ip } from "../../../net/ip.ts";
import { isInner, type UsableLink } from "../../../netlink/link.ts";
import type { Layer2Action } from "../../../speaker/layer2.ts";
import { createAttempts } from "../../process/attempts.ts";
import type { Log } from "../../process/log.ts";
import type { Outlets } from "./backend.ts";

/** Through what the machine acts, and what it decided last. */
export interface Performing {
  readonly outlets: Outlets;
  readonly log: Log;
  owned: readonly Ip[];
  usable: readonly UsableLink[];
  /** Interfaces of which it was told that the kernel takes no program there. */
  readonly withoutProgram: Set<number>;
}

/** Carries out what the machine decided. */
export function perform(driving: Performing, action: Layer2Action): void {
  const { responder } = driving.outlets;
  switch (action.kind) {
    case "setOwned":
      return setOwned(driving, action.ips);
    case "setInterfaces":
      responder.setInterfaces(action.interfaces);
      // Before a frame with a new hardware address leaves, or the program would deny it.
      return attachKernel(driving, action.interfaces);
    case "gratuitous":
      responder.sendGratuitous(action.ip, action.ifindex, action.mac).catch((error) =>
        driving.log.debug(
          { ip: formatIp(action.ip), interface: action.ifindex, error: errorText(error) },
          "gratuitous frame not sent",
        )
      );
  }
}

/**
 * Interfaces changed: what hangs on one goes with it, and comes back with none that takes its number
 * and its address in the same moment, or whose IPv6 was away.
 */
export function holdFast(driving: Performing): void {
  attachKernel(driving, driving.usable);
  try {
    driving.outlets.groups.forgetLost();
    joinGroups(driving);
  } catch (error) {
    driving.log.warn({ error: errorText(error) }, "multicast groups of IPv6 are not looked after");
  }
}

/**
 * The kernel falls silent first: what it passes on finds no owner in the table either. Of what is
 * new the answers begin last, for another node answers until it hears of them. Where one of them
 * fails the others must not go by what this node owned before.
 */
function setOwned(driving: Performing, ips: readonly Ip[]): void {
  const { responder, backend: { kernel } } = driving.outlets;
  const attempts = createAttempts();
  const next = new Set(ips);
  const kept = driving.owned.filter((ip) => next.has(ip));
  const isLess = kept.length < driving.owned.length;
  driving.owned = ips;
  if (isLess) attempts.run(() => kernel?.setOwned(kept));
  attempts.run(() => joinGroups(driving));
  attempts.run(() => responder.setOwned(ips));
  attempts.run(() => kernel?.setOwned(ips));
  attempts.end();
}

function attachKernel(
  { outlets: { backend }, log, withoutProgram }: Performing,
  interfaces: readonly InterfaceAddress[],
): void {
  if (backend.kernel === undefined) return;
  const failed = backend.kernel.setInterfaces(interfaces);
  for (const ifindex of withoutProgram) if (!failed.has(ifindex)) withoutProgram.delete(ifindex);
  for (const [ifindex, error] of failed) {
    if (withoutProgram.has(ifindex)) continue;
    withoutProgram.add(ifindex);
    log.warn(
      { interface: ifindex, error: errorText(error) },
      "interface answers by socket",
    );
  }
}

/** Switches with MLD snooping are found behind what leads to the LAN, never behind a pod's pair. */
function joinGroups({ outlets, log, owned, usable }: Performing): void {
  const outer = usable.filter((link) => !isInner(link));
  const on = outer.length > 0 ? outer : usable;
  const refused = outlets.groups.set(owned, on.map(({ ifindex }) => ifindex));
  if (refused > 0) log.debug({ count: refused }, "solicited-node groups not joined");
}
