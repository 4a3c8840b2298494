import { type Command, Option } from "commander";
import { ARP_BACKENDS, METRICS_AUTHS, ROLES } from "../host/process/options.ts";
import { LOG_LEVELS } from "../host/process/log.ts";
import { COMPAT_WORDS } from "../speaker/compat.ts";
import { ELECTION_RULES } from "../speaker/view.ts";
import { addSourceOptions, once, oneOf } from "./options.ts";
import type { Flags } from "./flag_values.ts";

/** Flags without effect, which MetalLB's manifests have: these run with the image replaced. */
const METALLB_ONLY: readonly (readonly [string, boolean])[] = [
  ["--pod-name", true],
  ["--disable-epslices", false],
  ["--enable-pprof", false],
  ["--ml-wan-config", false],
];

/** Adds `herald run` with all its flags. */
export function addRun(
  program: Command,
  done: (flags: Flags) => void,
): void {
  const run = addSourceOptions(program.command("run"))
    .description("run the controller, the speaker, or both in one process")
    .addOption(oneOf("--role <role>", "what to run", ROLES))
    .addOption(
      once(
        "--node-name <name>",
        "speaker: this node; default $METALLB_NODE_NAME, $NODE_NAME, host name",
      ),
    )
    .addOption(once("--host <address>", "HTTP listener; default $METALLB_HOST, else all addresses"))
    .addOption(
      once("--port <port>", "HTTP listener; 0 picks one; default $METALLB_PORT, else 7472"),
    )
    .addOption(
      once("--http-names <names>", "host names that lead here: lb.example.com,*.corp.example"),
    )
    .addOption(oneOf("--metrics-auth <who>", "who reads all but the probes", METRICS_AUTHS))
    .addOption(once("--tls-cert <file>", "the pages by TLS: PEM certificate, read anew on change"))
    .addOption(once("--tls-key <file>", "its PEM key; without both --metrics-auth makes a pair"))
    .addOption(once("--metrics-cert-dir <dir>", "MetalLB's: the folder of tls.crt and tls.key"))
    .addOption(
      once("--ml-bindaddr <address>", "gossip: address to listen on ($METALLB_ML_BIND_ADDR)"),
    )
    .addOption(once("--ml-bindport <port>", "gossip: port (7946)"))
    .addOption(once("--ml-labels <selector>", "speakers' pods by label ($METALLB_ML_LABELS)"))
    .addOption(once("--ml-namespace <ns>", "speakers' pods by namespace ($METALLB_ML_NAMESPACE)"))
    .addOption(
      once("--ml-secret-key <key>", "gossip: better by $METALLB_ML_SECRET_KEY or its _PATH"),
    )
    .addOption(once("--ml-secret-key-path <path>", "gossip: file, or folder, that holds the key"))
    .addOption(
      once("--ml-secret-name <name>", "gossip: the Secret of the key, which a controller makes"),
    )
    .addOption(once("--deployment <name>", "controller: its Deployment, which owns that Secret"))
    .addOption(once("--ml-join <addresses>", "gossip: members to join where no API tells them"))
    .addOption(oneOf("--ml-key-bytes <n>", "gossip: key length", ["16", "32"]))
    .addOption(once("--heartbeat-interval <duration>", "between a speaker's beats; default 50ms"))
    .addOption(once("--heartbeat-multiplier <n>", "missing beats that mean it is gone; default 3"))
    .addOption(
      oneOf("--compat <version>", "beside MetalLB's speakers of this version", COMPAT_WORDS),
    )
    .addOption(
      oneOf("--l2-election <rule>", "who owns an address, MetalLB's rule of", ELECTION_RULES),
    )
    .addOption(oneOf("--arp-backend <backend>", "who answers ARP", ARP_BACKENDS))
    .addOption(
      once(
        "--interface <names>",
        "answers on these only: eth0,bond*,!eth3 (all but cali*, cni* …)",
      ),
    )
    .addOption(
      new Option(
        "--arp-probe",
        "asks 7 s long whether a host has a new address, then announces it",
      ),
    )
    .addOption(
      new Option("--ignore-exclude-lb", "use nodes labelled exclude-from-external-load-balancers"),
    )
    .addOption(once("--leader-elect [bool]", "controller: one of several writes; default true"))
    .addOption(once("--leader-elect-lease-duration <time>", "others wait so long; default 15s"))
    .addOption(once("--leader-elect-renew-deadline <time>", "then a leader stops; default 10s"))
    .addOption(once("--leader-elect-retry-period <time>", "between renewals; default 2s"))
    .addOption(once("--leader-elect-resource-name <name>", "the Lease; default herald-controller"))
    .addOption(
      oneOf("--leader-elect-profile <profile>", "times; fast: takeover within 3s", [
        "default",
        "fast",
      ]),
    )
    .addOption(oneOf("--log-level <level>", "default info", LOG_LEVELS))
    .addOption(
      oneOf("--log-format <format>", "default json, pretty on a terminal", ["json", "pretty"]),
    );
  for (const [flag, takesValue] of METALLB_ONLY) {
    run.addOption(new Option(takesValue ? `${flag} <value>` : `${flag} [bool]`).hideHelp());
  }
  run.action(done);
}
