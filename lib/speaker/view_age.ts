import { after, type Instant, instant, type Millis } from "../base/time.ts";
import type { ViewState } from "../gossip/meta.ts";

/** How old this node's view is beside the others'; only the functions here touch it. */
export interface ViewAge {
  state: ViewState;
  /** Since when this view is old while another is current. */
  outrunSince: Instant | undefined;
}

/**
 * A view is old after so long without a sign of the API server, which tells each watch something
 * once a minute; and outrun only when another is current for as long beside it: by then that one
 * heard something that this one did not. Where the server is away for all, or just back, nobody is.
 */
export const OLD_MS: Millis = 90_000;
/** An old view is looked at so often: what makes it current again raises no event. */
const LOOK_MS: Millis = 1_000;

/** Begins with a current view. */
export function createViewAge(): ViewAge {
  return { state: "current", outrunSince: undefined };
}

/**
 * Takes note of when the watches last heard of the cluster, and whether a fellow that can take over
 * has a current view. Gives true when there is something else to say.
 */
export function onAge(
  age: ViewAge,
  { heardAt, othersCurrent }: { readonly heardAt: Instant; readonly othersCurrent: boolean },
  now: Instant,
  oldMs = OLD_MS,
): boolean {
  const isOld = now >= after(heardAt, oldMs);
  age.outrunSince = isOld && othersCurrent ? age.outrunSince ?? now : undefined;
  const isOutrun = age.outrunSince !== undefined && now >= after(age.outrunSince, oldMs);
  // What was missed stays missed until the watches hear again, be the server away for all by now.
  const state = !isOld ? "current" : isOutrun || age.state === "stale" ? "stale" : "old";
  if (state === age.state) return false;
  age.state = state;
  return true;
}

/**
 * Who sees less than others: the fellows that say so, and this node where its own view is stale.
 * Others that can serve come before them, and they keep what they have until one of these claims it.
 */
export function whoIsStale(
  { state }: ViewAge,
  self: string,
  fellows: ReadonlySet<string>,
): ReadonlySet<string> {
  return state === "stale" ? new Set([...fellows, self]) : fellows;
}

/** When {@link onAge} is to be asked again. */
export function nextAge(
  { state }: ViewAge,
  heardAt: Instant,
  now: Instant,
  oldMs = OLD_MS,
): Instant {
  const look = state === "current" ? after(heardAt, oldMs) : after(now, LOOK_MS);
  return instant(Math.max(look, after(now, 1)));
}
