import { after, type Instant, instant, type Millis } from "../base/time.ts";

/** Keeps a node whose link flaps from taking addresses each time; only the functions here touch it. */
export interface FlapState {
  usable: boolean;
  /** Since when it is as it is. */
  since: Instant;
  readonly downs: Instant[];
  /** Not before then may it announce. */
  until: Instant;
}

/** One outage longer than this is a real one, not flapping. */
const CALM_MS: Millis = 1_000;
const REMEMBER_MS: Millis = 30_000;
const LONGEST_MS: Millis = 16_000;
/** Who lives is heard again by then over a link that came back. */
const HEAR_MS: Millis = 1_000;

export function createFlap(): FlapState {
  return { usable: false, since: instant(-Infinity), downs: [], until: instant(-Infinity) };
}

/** Takes note of whether there is an interface to announce on (row L13: hold down 1, 2, 4 … s). */
export function setUsable(state: FlapState, usable: boolean, now: Instant): void {
  if (usable === state.usable) return;
  state.usable = usable;
  state.since = now;
  if (!usable) {
    state.downs.push(now);
    return;
  }
  while (state.downs.length > 0 && now >= after(state.downs[0] ?? now, REMEMBER_MS)) {
    state.downs.shift();
  }
  const last = state.downs.at(-1);
  const calm = last === undefined || (state.downs.length === 1 && now >= after(last, CALM_MS));
  const holdMs = calm ? 0 : Math.min(LONGEST_MS, 1_000 * 2 ** (state.downs.length - 1));
  state.until = after(now, holdMs);
}

/** Nobody else serves: a link that flapped is better than none, so the node waits no longer. */
export function onAlone(state: FlapState, now: Instant): void {
  if (state.until > now && now >= after(state.since, HEAR_MS)) state.until = now;
}

/** Whether this node may announce now; if only later, when to ask again. */
export function mayAnnounce(state: FlapState, now: Instant): true | Instant | false {
  if (!state.usable) return false;
  if (now >= state.until) return true;
  const heard = after(state.since, HEAR_MS);
  return heard > now && heard < state.until ? heard : state.until;
}
