/** Put in by the bundler; a run from source has neither. */
declare const HERALD_VERSION: string | undefined;
declare const HERALD_COMMIT: string | undefined;

export const VERSION = typeof HERALD_VERSION === "string" ? HERALD_VERSION : "source";
export const COMMIT = typeof HERALD_COMMIT === "string" ? HERALD_COMMIT : "source";

/** `herald version`: version, commit, Deno and target on one line. */
export function versionText(): string {
  return `herald ${VERSION} (commit ${COMMIT}, deno ${Deno.version.deno}, ${Deno.build.target})`;
}
