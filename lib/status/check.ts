import type { ControllerStatus, ProcessStatus, SpeakerStatus } from "./types.ts";

/**
 * What is wrong by what these processes say, one sentence each; none where all is well. `whole`:
 * they are all that there are, so what none of them does nobody does.
 */
export function problemsOf(processes: readonly ProcessStatus[], whole: boolean): string[] {
  const problems = processes.flatMap((process) => {
    const name = nameOf(process);
    return [
      ...process.notReady.map((reason) => `${name} is not ready: ${reason}`),
      ...process.unhealthy.map((reason) => `${name} should be restarted: ${reason}`),
      ...process.config.state === "stale"
        ? [`${name} works by an old configuration: ${process.config.reason ?? "see its status"}`]
        : [],
      ...process.certificate?.problem === undefined
        ? []
        : [`the pages of ${name} want a better certificate: ${process.certificate.problem}`],
      ...process.controller === undefined ? [] : ofController(process.controller),
      ...process.speaker === undefined ? [] : ofSpeaker(process.speaker),
    ];
  });
  return [
    ...new Set([
      ...problems,
      ...ofLead(processes, whole),
      ...ownedTwice(processes),
      ...whole ? unowned(processes) : [],
    ]),
  ];
}

function nameOf({ controller, speaker, role }: ProcessStatus): string {
  if (speaker !== undefined) return `the speaker of ${speaker.node}`;
  const leads = controller?.lead?.role === "leader";
  return controller === undefined ? role : leads ? "the leading controller" : "a controller";
}

function ofController({ services }: ControllerStatus): string[] {
  return services.filter(({ ips, reason }) => ips.length === 0 || reason !== undefined)
    .map(({ ips, reason = "it has no reason", service }) =>
      ips.length === 0
        ? `Service ${service} has no address: ${reason}`
        : `Service ${service} has not all addresses that it wants: ${reason}`
    );
}

function ofSpeaker(
  { concerns = [], conflicts = [], members = [], node, peers = [] }: SpeakerStatus,
): string[] {
  return [
    ...concerns.map((concern) => `as ${node} sees it, ${concern}`),
    ...conflicts.map(({ ip, mac }) => `another host answers for ${ip} too: ${mac}`),
    ...members.filter(({ state }) => /^gone\b/.test(state))
      .map((member) => `${node} does not hear the speaker of ${member.node}`),
    ...members.filter(({ state }) => /\bstale view$/.test(state))
      .map((member) => `the speaker of ${member.node} sees nothing new of the cluster`),
    ...peers.filter(({ state }) => state !== "Established").map(({ lastError, peer, state }) =>
      `the BGP session from ${node} to ${peer} is ${state}${lastError ? `: ${lastError}` : ""}`
    ),
    ...peers.filter(({ bfd }) => bfd !== undefined && bfd !== "Up")
      .map(({ bfd, peer }) => `BFD from ${node} to ${peer} is ${bfd}`),
  ];
}

function ofLead(processes: readonly ProcessStatus[], whole: boolean): string[] {
  const controllers = processes.flatMap(({ controller }) => controller ?? []);
  if (controllers.length === 0) {
    return whole ? ["no controller runs: no Service is given an address"] : [];
  }
  const standbys = controllers.flatMap(({ lead }) => lead?.role === "standby" ? [lead] : []);
  const isLed = standbys.length < controllers.length ||
    (!whole && standbys.some(({ leader }) => leader !== undefined));
  return isLed ? [] : ["no controller leads: Services wait for their addresses"];
}

/** Addresses of layer 2 that more than one speaker announces. */
function ownedTwice(processes: readonly ProcessStatus[]): string[] {
  const claims = processes.flatMap(({ speaker }) => speaker ?? []).flatMap(({ addresses, node }) =>
    // By BGP each may; only who answers ARP and NDP calls itself the owner.
    addresses.filter(({ announcing, owner }) => announcing && owner === node)
      .map(({ ip, services }) => ({ ip, node, services }))
  );
  const byIp = Map.groupBy(claims, ({ ip }) => ip);
  return [...byIp].flatMap(([ip, claimed]) => {
    const nodes = [...new Set(claimed.map(({ node }) => node))].sort();
    const [first] = claimed;
    return nodes.length < 2 || first === undefined ? [] : [
      `${nodes.join(" and ")} announce ${ip} of ${first.services.join(", ")} at once: ` +
      "right only while one hands it over to the other",
    ];
  });
}

/** Addresses that no speaker announces. */
function unowned(processes: readonly ProcessStatus[]): string[] {
  const speakers = processes.flatMap(({ speaker }) => speaker ?? []);
  if (speakers.length === 0) return ["no speaker runs: no address is announced"];
  const all = speakers.flatMap(({ addresses }) => addresses);
  const announced = new Set(all.filter(({ announcing }) => announcing).map(({ ip }) => ip));
  const silent = new Map(all.filter(({ ip }) => !announced.has(ip)).map((one) => [one.ip, one]));
  return [...silent.values()].map(({ ip, reason, services }) =>
    `nobody announces ${ip} of ${services.join(", ")}: ${reason}`
  );
}
