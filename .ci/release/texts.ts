import { commandFacts } from "../../lib/cli/arguments.ts";
import { completionFor, SHELLS } from "../../lib/cli/completion.ts";
import { manPage } from "./man.ts";

/** Where each shell looks for completions. */
const COMPLETION_PATHS = {
  bash: "usr/share/bash-completion/completions/herald",
  zsh: "usr/share/zsh/vendor-completions/_herald",
  fish: "usr/share/fish/vendor_completions.d/herald.fish",
} as const;

/** The manual page, and the completions by the path at which their shell looks for them. */
export function cliTexts(
  version: string,
  epoch: number,
): { readonly page: string; readonly completions: Readonly<Record<string, string>> } {
  const commands = commandFacts({
    env: () => undefined,
    hostname: () => "",
    podNamespace: () => undefined,
    readSecret: () => undefined,
    isTerminal: false,
  });
  return {
    page: manPage(commands, { version, epoch }),
    completions: Object.fromEntries(
      SHELLS.map((shell) => [COMPLETION_PATHS[shell], completionFor(shell, commands)]),
    ),
  };
}
