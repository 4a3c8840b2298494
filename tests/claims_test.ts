import assert from "node:assert/strict";

/** What a page promises, and the test that would fail if it were not so. */
interface Claim {
  readonly page: string;
  /** Words of the page, whatever its line breaks. */
  readonly says: string;
  readonly file: string;
  /** The test's name, or how it begins. */
  readonly test: string;
}

const OPERATION = "docs/operation.md";
const COMPATIBILITY = "docs/compatibility.md";
const CONFIGURATION = "docs/configuration.md";

/** Each was once written without being so, or is what people rely on when a node dies. */
const CLAIMS: readonly Claim[] = [
  {
    page: COMPATIBILITY,
    says: "with the whole grammar of v0.12.1",
    file: "config/grammar",
    test: "each field reads each value by the rule of its type",
  },
  {
    page: COMPATIBILITY,
    says: "every place where Herald acts otherwise",
    file: "config/grammar",
    test: "texts of several mistakes are refused as a whole",
  },
  {
    page: COMPATIBILITY,
    says: "a bomb of aliases must not stop a controller",
    file: "config/corpus",
    test: "2.1.6, 2.1.7: bombs of aliases and of depth are refused",
  },
  {
    page: COMPATIBILITY,
    says: "MetalLB's RBAC is enough",
    file: "cluster/rights",
    test: "",
  },
  {
    page: COMPATIBILITY,
    says: "nobody else gets it while it stands there; the Service has the event",
    file: "host/controller/other_writers",
    test: "field d10: ",
  },
  {
    page: COMPATIBILITY,
    says: "the Role `leader-election` must name each of them",
    file: "host/controller/leaders",
    test: "fault 3b: ",
  },
  {
    page: COMPATIBILITY,
    says: "need a Lease each, by `--leader-elect-resource-name`",
    file: "controller/plan",
    test: "two controllers of two classes give no address twice",
  },
  {
    page: COMPATIBILITY,
    says: "written beside each address that the controller gives or takes over",
    file: "host/controller/takeover",
    test: "fault 7: ",
  },
  {
    page: CONFIGURATION,
    says: "would take an address from a live Service, is refused as a whole",
    file: "host/config/keeper",
    test: "keepConfig() does not put in force what the role refuses",
  },
  {
    page: CONFIGURATION,
    says: "A controller that starts with such a configuration gives and takes nothing",
    file: "host/controller/takeover",
    test: "fault 7: ",
  },
  {
    page: CONFIGURATION,
    says: "It exits 1 if a Service would lose its address",
    file: "host/inspect/snapshot",
    test: "takeSnapshot() takes no configuration for the one in force that a controller refuses",
  },
  {
    page: CONFIGURATION,
    says: "the same requests always give the same addresses",
    file: "controller/batch",
    test: "the same requests get the same addresses on every cluster",
  },
  {
    page: CONFIGURATION,
    says: "a Service deleted and made again by then gets its address back",
    file: "controller/sticky_record",
    test: "encodeRemembered() keeps within a ConfigMap",
  },
  {
    page: OPERATION,
    says: "Who begins to lead reads Services, Namespaces and configuration anew first",
    file: "host/controller/takeover",
    test: "who begins to lead has read anew whatever it read before",
  },
  {
    page: OPERATION,
    says: "A leader that cannot renew stops writing before another may begin",
    file: "host/controller/leaders",
    test: "fault 18: ",
  },
  {
    page: OPERATION,
    says: "one that stood still (SIGSTOP, a paused machine) writes nothing when it goes on",
    file: "host/controller/leaders",
    test: "fault 19: ",
  },
  {
    page: OPERATION,
    says: "Both ask for the Lease all along, and elect a leader as soon as they may",
    file: "host/controller/leaders",
    test: "fault 3a: ",
  },
  {
    page: OPERATION,
    says: "Of two, one falls silent when it sees the other write, and is not ready",
    file: "host/controller/leaders",
    test: "fault 3b: ",
  },
  {
    page: OPERATION,
    says: "3 s with `--leader-elect-profile=fast`",
    file: "cli/leader_election",
    test: "the pages, --help and the manifest tell one time of the fast profile",
  },
  {
    page: OPERATION,
    says: "A listener that fails is opened anew and ends nothing",
    file: "host/http/listener",
    test: "fault 5: a listener that fails is opened anew",
  },
  {
    page: OPERATION,
    says: "On a machine that both address families reach the port listens for both",
    file: "host/http/listener",
    test: "fault 6: listenTcp() without a host listens for both families",
  },
  {
    page: OPERATION,
    says: "8 KiB of head within 5 s",
    file: "host/http/server",
    test: "fault 5: five hundred connections that never finish their request",
  },
  {
    page: OPERATION,
    says: "a twentieth of the event loop for all pages together",
    file: "host/http/pages",
    test: "fault 5: forty readers at 10,000 Services",
  },
  {
    page: OPERATION,
    says: "twice at once, then after 1 s and longer, up to 30 s",
    file: "host/controller/other_writers",
    test: "field d07: ",
  },
  {
    page: "docs/upgrade.md",
    says: "and with it the gossip key, which it owns",
    file: "host/kubernetes/gossip_secret",
    test: "fault 12: ",
  },
  {
    page: "docs/usage.md",
    says: "`herald explain` says all, and asks the running speakers",
    file: "host/inspect/snapshot",
    test: "takeSnapshot() does at once without Nodes and EndpointSlices that it must not list",
  },
  {
    page: "README.md",
    says: "--help names every flag",
    file: "cli/run_flags",
    test: "fault 23: ",
  },
  {
    page: "README.md",
    says: "exec deploy/controller -- herald status",
    file: "cli/status",
    test: "fault 23: in a pod status asks",
  },
  {
    page: "README.md",
    says: "No process and no namespace is left; what stays is `dist/`",
    file: "demo/demo",
    test: "the demo shows what README promises",
  },
  {
    page: "CHANGELOG.md",
    says: "neither Mozilla's nor the system's list of authorities counts",
    file: "host/process/trust",
    test: "fault 15: ",
  },
  {
    page: "CHANGELOG.md",
    says: "A forbidden watch is tried again after each of the first lists",
    file: "host/controller/leaders",
    test: "fault 11: ",
  },
  {
    page: "CHANGELOG.md",
    says: "No problem of a configuration tells a password",
    file: "config/report",
    test: "no problem tells a password",
  },
  {
    page: "CHANGELOG.md",
    says: "A configuration that selects by Namespaces waits until they are known",
    file: "host/controller/takeover",
    test: "fault 16: ",
  },
  {
    page: "README.md",
    says: "by which a node whose LAN cable is out hands over too",
    file: "lan/address_rows",
    test: "an owner whose LAN cable is out hands over",
  },
  {
    page: "README.md",
    says: "The failover of a tenth of a second",
    file: "lan/failover",
    test: "IPv${family}: kill -9 of the owner",
  },
  {
    page: "README.md",
    says: "is Herald's heartbeat, among Herald's speakers only",
    file: "cluster/metallb_roll",
    test:
      "a roll from MetalLB ${release} to Herald and back moves no address, and a Herald's death",
  },
  {
    page: "README.md",
    says: "Where UDP port 7947 is closed, a death is noticed by gossip",
    file: "lan/seams",
    test:
      "UDP 7947 filtered while running: one owner all along, the log names the port, and gossip notices a death",
  },
  {
    page: "README.md",
    says: "without gossip when Kubernetes marks the node not ready",
    file: "lan/limits",
    test: "without gossip a node that dies",
  },
  {
    page: "README.md",
    says: "When a network falls into two halves, each half answers for itself until it is healed",
    file: "lan/failover",
    test: "two halves of a network both answer",
  },
  {
    page: "README.md",
    says: "An address that a foreign host holds already is announced all the same, and reported",
    file: "lan/limits",
    test: "without --arp-probe an address that a foreign host holds",
  },
  {
    page: "README.md",
    says: "with `--arp-probe` it is not",
    file: "lan/address_probe",
    test: "IPv${family}: with --arp-probe an address that a foreign host has is not announced",
  },
  {
    page: "README.md",
    says: "In MetalLB's place: roll node by node with `--compat=v0.10|v0.12|v0.16`",
    file: "cluster/metallb_roll",
    test: "a roll from MetalLB ${release} to Herald and back moves no address",
  },
  {
    page: "README.md",
    says: "Speakers at odds (key, rules, `--compat`) are a Warning of the Node",
    file: "host/speaker/concerns",
    test: "F8: ",
  },
  {
    page: OPERATION,
    says: "every node has the label, all count",
    file: "speaker/judgement",
    test: "d04: by Herald's own rules the label counts",
  },
  {
    page: OPERATION,
    says: "the latter is told by the Warning event `NodesExcluded`",
    file: "host/speaker/announcements",
    test: "d04: ",
  },
  {
    page: OPERATION,
    says: "A node's own address is announced from that node alone",
    file: "speaker/candidates",
    test: "d09: no node announces",
  },
  {
    page: OPERATION,
    says: "Beside speakers of MetalLB nodes are judged",
    file: "host/speaker/desk",
    test: "F2, F3, F6: ",
  },
  {
    page: OPERATION,
    says: "Who misses three asks others whether they hear it",
    file: "lan/failover",
    test: "one direction of a path is lost: nobody changes hands",
  },
  {
    page: OPERATION,
    says: "each is missed by its own pace, so they may differ",
    file: "simulation/layer2",
    test: "speakers of different paces agree on who is gone",
  },
  {
    page: OPERATION,
    says: "the new owner answers first and the old one falls silent when it hears so",
    file: "lan/failover",
    test: "IPv${family}: SIGTERM loses no question",
  },
  {
    page: OPERATION,
    says: "A process that stood still answers nothing until it has heard the others again",
    file: "lan/failover",
    test: "an owner that is stopped and goes on answers nothing",
  },
  {
    page: OPERATION,
    says: "healed, the first in the election keeps the address and announces it again",
    file: "lan/failover",
    test: "two halves of a network both answer; healed, one does and says so",
  },
  {
    page: OPERATION,
    says: "the first one sends, each is understood",
    file: "gossip/keys",
    test: "gossipKeys() takes each line for a key",
  },
  {
    page: OPERATION,
    says: "three rolls, in which no address has two owners or none",
    file: "lan/seams",
    test: "the gossip key is changed in three rolls",
  },
  {
    page: OPERATION,
    says: "answered by announcing once in ten seconds",
    file: "speaker/conflicts",
    test: "a foreign host is told once a minute and answered once in ten seconds",
  },
  {
    page: OPERATION,
    says: "It ends with the process",
    file: "host/linux/packet/ebpf_responder",
    test: "the program goes with the process",
  },
  {
    page: OPERATION,
    says: "it then stands before all others there, Cilium's too",
    file: "lan/ebpf_chain",
    test: "whatever other programs pass on",
  },
  {
    page: OPERATION,
    says: "as they come and go",
    file: "lan/interface_changes",
    test: "whatever happens to an interface, in whatever order",
  },
  {
    page: OPERATION,
    says: "is silent at once, says so in log, status and `readyz`",
    file: "lan/address_rows",
    test: "a speaker whose address is taken away is silent at once",
  },
  {
    page: OPERATION,
    says:
      "The others take a name at a new address half a minute after they missed it at the old one",
    file: "gossip/members",
    test: "a name is free for another address when its member has been dead for 30 s",
  },
  {
    page: OPERATION,
    says: "keeps its addresses as long as it answers by gossip",
    file: "lan/seams",
    test: "UDP 7947 filtered while running",
  },
  {
    page: OPERATION,
    says: "if it dies then, it is missed within about five seconds",
    file: "simulation/seams",
    test: "a node that dies while its heartbeat is filtered",
  },
  {
    page: OPERATION,
    says: "their addresses are taken after 0.3 s",
    file: "simulation/seams",
    test: "most nodes die at once",
  },
  {
    page: OPERATION,
    says: "belongs to the speaker that has it for longest",
    file: "gossip/namesake",
    test: "of two that have one name the older keeps it",
  },
];

const ROOT = new URL("../", import.meta.url);

Deno.test("each claim that was once not so stands in its page, and a test holds it", async () => {
  const pages = new Map<string, string>();
  const read = async (path: string) => {
    const text = pages.get(path) ?? await Deno.readTextFile(new URL(path, ROOT));
    pages.set(path, text);
    return text;
  };
  const wrong: string[] = [];
  for (const { file, page, says, test } of CLAIMS) {
    const text = (await read(page)).replaceAll(/\s+/g, " ");
    if (!text.includes(says)) wrong.push(`${page} does not say any more: ${says}`);
    const names = (await read(`tests/${file}_test.ts`)).matchAll(/Deno\.test\(\s*["'`](.*)/g);
    if (![...names].some(([, name = ""]) => name.startsWith(test))) {
      wrong.push(`${page} says "${says}", and tests/${file}_test.ts has no test "${test}"`);
    }
  }
  assert.deepEqual(wrong, []);
});
