/** Put in by the bundler; a run from source has neither. */
declare const HERALD_VERSION: string | undefined;
declare const HERALD_COMMIT: string | undefined;

/** Version and commit of this build; `source` when run unbundled. */
export const VERSION = typeof HERALD_VERSION === "string" ? HERALD_VERSION : "source";
export const COMMIT = typeof HERALD_COMMIT === "string" ? HERALD_COMMIT : "source";
/** Whether this runs from the bundle, where every file ends in .js. */
export const IS_BUNDLED = typeof HERALD_VERSION === "string";
