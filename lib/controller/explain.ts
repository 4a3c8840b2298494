import type { Config } from "../config/types.ts";
import type { ServiceFacts } from "../model/facts.ts";
import { quoted } from "../model/json.ts";
import { formatIp, type Ip } from "../net/ip.ts";
import { type Instant } from "../base/time.ts";
import { shows } from "./actions.ts";
import type { AddressBook } from "./allocations.ts";
import { isOurClass } from "../model/service_class.ts";
import { type Decision, planService } from "./plan.ts";
import { restore } from "./restore.ts";
import { rivalsOf, usedBy } from "./shown.ts";

/** Why a Service has, or has not, its address: `herald explain` prints it. */
export interface AddressExplanation {
  readonly ips: readonly string[];
  readonly pool?: string;
  /** Whether the status shows the address already. */
  readonly written: boolean;
  /** In the order a person would ask. */
  readonly reasons: readonly string[];
  /** Services on the same addresses. */
  readonly sharesWith: readonly string[];
}

/**
 * Explains the address of one Service by the same plan that the controller makes, from the facts of
 * all Services; nothing is changed.
 */
export function explainAddress(
  facts: ServiceFacts,
  services: Iterable<ServiceFacts>,
  config: Config,
  lbClass: string | undefined,
  now: Instant,
): AddressExplanation {
  const all = [...services];
  const book = restore(all, config, lbClass);
  const { decision } = planService(facts, book, { lbClass, now });
  const ips = book.holdings.get(facts.key)?.ips ?? [];
  const sharesWith = ips.flatMap((ip) => book.users.get(ip) ?? [])
    .map(({ service }) => service).filter((service) => service !== facts.key);
  return {
    ips: ips.map(formatIp),
    pool: book.holdings.get(facts.key)?.pool,
    written: ips.length > 0 && shows(facts, ips),
    reasons: [
      ...reasonsOf(decision, facts, { holds: ips, used: usedBy(book, facts.key) }, lbClass),
      ...contestedBy(facts, all, book, lbClass),
      ...facts.warnings,
    ],
    sharesWith: [...new Set(sharesWith)],
  };
}

/** That its addresses stand in another Service too, of this class or of another. */
function contestedBy(
  facts: ServiceFacts,
  all: readonly ServiceFacts[],
  book: AddressBook,
  lbClass: string | undefined,
): readonly string[] {
  if (facts.isLoadBalancer && !isOurClass(facts, lbClass)) {
    return rivalsOf(facts, book).map(({ service }) => `its status shows what ${service} has`);
  }
  return all.filter((other) => other.isLoadBalancer && !isOurClass(other, lbClass)).filter((
    other,
  ) => rivalsOf(other, book).some(({ service }) => service === facts.key)).map(({ key }) =>
    `the status of ${key}, of another loadBalancerClass, shows it too`
  );
}

function reasonsOf(
  decision: Decision,
  facts: ServiceFacts,
  { holds: ips, used }: { readonly holds: readonly Ip[]; readonly used: readonly Ip[] },
  lbClass: string | undefined,
): readonly string[] {
  switch (decision.kind) {
    case "notOurs":
      return [
        decision.because === "type" ? "it is not of type LoadBalancer" : classText(facts, lbClass),
        ...used.length === 0 ? [] : [
          `its status shows ${used.map(formatIp).join(" and ")} of a pool, nobody else gets that`,
        ],
      ];
    case "notReady":
      return [
        decision.lacks === "ports"
          ? "it has no ports"
          : decision.lacks === "cluster-ip"
          ? "it has no cluster IP yet"
          : "it is headless, and a load balancer needs a cluster IP",
      ];
    case "deleting":
      return ["it is being deleted"];
    case "kept":
      return [
        `it keeps what it has: pool "${decision.pool}" gives ` +
        `${ips.length === 1 ? "that address" : "those addresses"}, and nothing speaks against it`,
        ...decision.problem === undefined ? [] : [decision.problem],
      ];
    case "assigned":
      return [
        ...decision.lost === undefined ? [] : [`it cannot keep its address: ${decision.lost.why}`],
        howChosen(facts, decision.pool),
        ...decision.problem === undefined ? [] : [decision.problem],
      ];
    case "refused":
      return [
        ...decision.lost === undefined ? [] : [`it cannot keep its address: ${decision.lost.why}`],
        decision.refusal.message,
        // What the message has said of a pool is not said again, and no pool is named twice.
        ...decision.refusal.pools
          .filter(({ message }) => !decision.refusal.message.includes(message))
          .map(({ pool, message }) =>
            message.includes(quoted(pool)) ? message : `pool ${quoted(pool)}: ${message}`
          ),
      ];
  }
}

function classText({ loadBalancerClass }: ServiceFacts, lbClass: string | undefined): string {
  return lbClass === undefined
    ? `its loadBalancerClass is "${loadBalancerClass}", and this Herald serves Services without one`
    : `its loadBalancerClass is ${
      loadBalancerClass === undefined ? "not set" : `"${loadBalancerClass}"`
    }, ` +
      `and this Herald serves "${lbClass}" (--lb-class)`;
}

function howChosen(facts: ServiceFacts, pool: string): string {
  if (facts.addressRequest.kind === "addresses") {
    return `it asks for that address, pool "${pool}" has it`;
  }
  return facts.poolRequest === undefined
    ? `the lowest free address of the first pool that can serve it, "${pool}"`
    : `the lowest free address of pool "${pool}", which it asks for`;
}
