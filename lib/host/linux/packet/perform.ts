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
}

/** Carries out what the machine decided. */
export function perform(driving: Performing, action: Layer2Action): void {
  const { responder } = driving.outlets;
  switch (action.kind) {
    case "setOwned":
      return setOwned(driving, action.ips);
    case "setInterfaces":
      responder.setInterfaces(action.interfaces);
      attachKernel(driving, action.interfaces);
      return joinGroups(driving);
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
 * The kernel falls silent first: what it passes on finds no owner in the table either. Where one of
 * them fails the others must not go by what this node owned before.
 */
function setOwned(driving: Performing, ips: readonly Ip[]): void {
  const { responder, backend } = driving.outlets;
  const attempts = createAttempts();
  driving.owned = ips;
  attempts.run(() => backend.kernel?.setOwned(ips));
  attempts.run(() => responder.setOwned(ips));
  attempts.run(() => joinGroups(driving));
  attempts.end();
}

function attachKernel(
  { outlets: { backend }, log }: Performing,
  interfaces: readonly InterfaceAddress[],
): void {
  if (backend.kernel === undefined) return;
  const failed = backend.kernel.setInterfaces(interfaces);
  for (const [ifindex, error] of failed) {
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
