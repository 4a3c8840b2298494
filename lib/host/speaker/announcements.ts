import { type Protocol, PROTOCOLS } from "../../config/types.ts";
import type { ServiceKey } from "../../model/facts.ts";
import { formatIp } from "../../net/ip.ts";
import type { Log } from "../process/log.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { KeptPlan } from "./plans.ts";

/** Tells log, metrics and events what this node announces. */
export interface Announcements {
  /** A plan is new or different. */
  report(plan: KeptPlan): void;
  /** No Service has the address any more. */
  forget(plan: KeptPlan): void;
}

interface AnnouncementsOptions {
  readonly node: string;
  readonly log: Log;
  readonly metrics: Metrics;
  /** This node has become the one that announces the Service. */
  readonly onOwned: (service: ServiceKey, protocol: Protocol) => void;
}

/** Begins with nothing announced. */
export function createAnnouncements(options: AnnouncementsOptions): Announcements {
  const { node, log, metrics, onOwned } = options;
  /** The Services under which the metric shows each address. */
  const shown = new Map<
    string,
    { readonly services: readonly ServiceKey[]; readonly protocols: readonly Protocol[] }
  >();

  function hide(ip: string): void {
    const { services = [], protocols = [] } = shown.get(ip) ?? {};
    for (const service of services) {
      for (const protocol of protocols) {
        metrics.layer2.announced.remove({ service, protocol, node, ip });
      }
    }
    shown.delete(ip);
  }

  return {
    report({ ip: address, services, reason, announce }) {
      const ip = formatIp(address);
      const before = shown.get(ip)?.services;
      const { owner } = announce.layer2 ?? {};
      const fields = { ip, service: services.join(","), owner, reason };
      const protocols = PROTOCOLS.filter((protocol) => announce[protocol]?.here);
      hide(ip);
      if (protocols.length === 0) {
        const message = before === undefined ? "address not announced here" : "address given up";
        return log.info(fields, message);
      }
      shown.set(ip, { services, protocols });
      for (const service of services) {
        for (const protocol of protocols) {
          metrics.layer2.announced.set({ service, protocol, node, ip }, 1);
          if (!before?.includes(service)) onOwned(service, protocol);
        }
      }
      if (before === undefined) log.info(fields, "address announced from here");
    },
    forget({ ip, services }) {
      hide(formatIp(ip));
      log.info({ ip: formatIp(ip), service: services.join(",") }, "address gone");
    },
  };
}
