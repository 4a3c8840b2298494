import { type Command, Option } from "commander";
import { UsageError } from "./flag_values.ts";

/** `--output`, as each command that prints takes it. */
export function outputOption(): Option {
  return new Option("--output <format>", "text or json").choices(["text", "json"]).default("text");
}

/** A flag given twice is a mistake that would hide the first value. */
export function once(flag: string, description: string): Option {
  return new Option(flag, description).argParser((value: string, previous: string | undefined) => {
    if (previous !== undefined) throw new UsageError(`${flag.split(" ")[0]} is given twice`);
    return value;
  });
}

/** A flag with a few words. */
export function oneOf(flag: string, description: string, words: readonly string[]): Option {
  const option = once(flag, description);
  // Only told, here: who reads the values refuses others, and names the nearest.
  option.argChoices = [...words];
  return option;
}

/** Where the Kubernetes objects come from. */
export function addSourceOptions(command: Command): Command {
  return addObjectOptions(
    command.addOption(
      once(
        "--store <dir>",
        "Kubernetes objects from manifests in this folder, not from an API server",
      ),
    ),
  );
}

/** Where an API server is, and what of it counts. */
export function addObjectOptions(command: Command): Command {
  return command
    .addOption(
      once(
        "--config <source>",
        "ConfigMap name, or a local file (has a / or ends in .yaml, .yml, .json)",
      ),
    )
    .addOption(once("--kubeconfig <file>", "default: in-cluster, $KUBECONFIG, ~/.kube/config"))
    .addOption(
      once(
        "--namespace <ns>",
        "where the ConfigMap is; default $METALLB_NAMESPACE, the pod's, metallb-system",
      ),
    )
    .addOption(once("--lb-class <name>", "only Services of this spec.loadBalancerClass"));
}
