import { METALLB_VERSIONS, type MetallbVersion } from "./judgement.ts";
import type { ElectionRule } from "./view.ts";

/** `none` is as if the flag was not given: speakers of MetalLB are recognised all the same. */
export const COMPAT_WORDS = [...METALLB_VERSIONS, "none"] as const;

/** What a speaker must do as MetalLB's of this version do, beside how it judges nodes. */
export const COMPAT: Readonly<
  Record<MetallbVersion, { readonly election: ElectionRule; readonly keyBytes: 16 | 32 }>
> = {
  "v0.10": { election: "v0.10", keyBytes: 16 },
  "v0.12": { election: "v0.11", keyBytes: 16 },
  "v0.16": { election: "v0.11", keyBytes: 32 },
};
