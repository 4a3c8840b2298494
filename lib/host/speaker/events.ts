import type { ServiceFacts, ServiceKey } from "../../model/facts.ts";
import { EVENT, type EventReason, type EventType } from "../../model/names.ts";
import { formatMac, type Mac } from "../../net/ethernet.ts";
import { formatIp, type Ip } from "../../net/ip.ts";
import type { Cluster } from "../cluster/cluster.ts";

/** What a speaker tells of Services as Kubernetes events. */
export interface SpeakerEvents {
  /** This node has begun to announce the Service. */
  assigned(service: ServiceKey): void;
  /** This node is the one to announce the Service, and cannot. */
  failed(service: ServiceKey, problem: string): void;
  /** The label that excludes nodes leaves none that could announce the Service. */
  labelled(service: ServiceKey, notice: string): void;
  /** Something is wrong among the speakers, as this node sees it. */
  disagreement(message: string): void;
  /** Another host has an address that is announced here. */
  conflict(ip: Ip, mac: Mac): void;
  /** Another host has an address, which therefore is not announced here (`--arp-probe`). */
  taken(ip: Ip, mac: Mac): void;
}

interface SpeakerEventsOptions {
  readonly cluster: Pick<Cluster, "publishEvent">;
  readonly node: string;
  readonly facts: (service: ServiceKey) => ServiceFacts | undefined;
  /** The Services behind an address. */
  readonly servicesOn: (ip: Ip) => readonly ServiceKey[];
}

/** Publishes until the signal fires. */
export function createSpeakerEvents(
  options: SpeakerEventsOptions,
  signal: AbortSignal,
): SpeakerEvents {
  const { cluster, node } = options;

  function tell(key: ServiceKey, type: EventType, reason: EventReason, message: string): void {
    const facts = options.facts(key);
    if (facts === undefined) return;
    const { namespace, name, uid } = facts;
    const about = { kind: "Service", namespace, name, uid } as const;
    const component = "metallb-speaker";
    void cluster.publishEvent({ about, type, reason, message, component }, signal);
  }

  function warn(ip: Ip, message: string): void {
    for (const key of options.servicesOn(ip)) tell(key, "Warning", EVENT.addressConflict, message);
  }

  return {
    assigned: (service) =>
      tell(service, "Normal", EVENT.nodeAssigned, `announcing from node "${node}"`),
    failed(service, problem) {
      const message = `failed to announce from node "${node}": ${problem}`;
      tell(service, "Warning", EVENT.announceFailed, message);
    },
    labelled: (service, notice) => tell(service, "Warning", EVENT.nodesExcluded, notice),
    disagreement(message) {
      // By its name kubectl finds the events of a node.
      const about = { kind: "Node", namespace: "default", name: node, uid: node } as const;
      const component = "metallb-speaker";
      const reason = EVENT.speakersDisagree;
      void cluster.publishEvent({ about, type: "Warning", reason, message, component }, signal);
    },
    conflict(ip, mac) {
      warn(ip, `host ${formatMac(mac)} on the network has the address ${formatIp(ip)} too`);
    },
    taken(ip, mac) {
      const [host, address] = [formatMac(mac), formatIp(ip)];
      warn(ip, `host ${host} on the network has the address ${address}: not announced`);
    },
  };
}
