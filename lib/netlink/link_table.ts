import { unreachable } from "../base/errors.ts";
import { type Link, sameLink } from "./link.ts";
import type { RouteMessage } from "./route.ts";

/** All interfaces as far as they are known, and the listing under way. Only {@link step} writes. */
export interface LinkTable {
  readonly links: Map<number, Link>;
  /** A full list has come: from then on the table is the truth. */
  complete: boolean;
  lastSequence: number;
  dump: Dump | undefined;
  /** Gone, and nobody was told of that yet. */
  readonly untold: Set<number>;
}

interface Dump {
  readonly sequence: number;
  /** Seen since it began; what was not is gone. */
  readonly seen: Set<number>;
  /** It cannot be trusted, or came before a loss: list again when it has ended. */
  again: boolean;
}

export type LinkEvent =
  /** Nothing is known yet, or the kernel dropped events (ENOBUFS): the interfaces must be listed. */
  | { readonly kind: "lost" }
  | { readonly kind: "message"; readonly message: RouteMessage };

export type LinkAction =
  /** Ask for a dump under that number. */
  | { readonly kind: "request"; readonly sequence: number }
  /** The interfaces, or their addresses, differ from those before. */
  | { readonly kind: "changed" }
  /** The kernel refused to list: wait, then report a loss. */
  | { readonly kind: "refused"; readonly errno: number };

export function createLinkTable(): LinkTable {
  return {
    links: new Map(),
    complete: false,
    lastSequence: 0,
    dump: undefined,
    untold: new Set(),
  };
}

/**
 * Whether the table must be told before it takes the message in: the interface is made anew that is
 * gone, and looks like the one before. What hung on that one is gone with it.
 */
export function mustTellFirst({ untold }: LinkTable, message: RouteMessage): boolean {
  return message.kind === "link" && untold.has(message.link.ifindex);
}

/** The interfaces, which were told; by number. */
export function toTell({ links, untold }: LinkTable): Link[] {
  untold.clear();
  return [...links.values()].sort((a, b) => a.ifindex - b.ifindex);
}

/**
 * Advances the table. The kernel puts the answers to a dump and the events into one queue in the
 * order in which they were true, so that the last message on an interface is right. Total over
 * every message, never throws.
 */
export function step(table: LinkTable, event: LinkEvent): LinkAction[] {
  if (event.kind === "lost") return list(table);
  const { message } = event;
  switch (message.kind) {
    case "link":
      return onLink(table, message);
    case "linkGone":
      table.dump?.seen.delete(message.ifindex);
      return onGone(table, message.ifindex);
    case "done":
      if (message.sequence !== table.dump?.sequence) return [];
      if (message.errno !== 0) return refused(table, message.errno);
      if (message.interrupted) table.dump.again = true;
      return onDone(table, table.dump);
    case "error":
      if (message.sequence !== table.dump?.sequence || message.errno === 0) return [];
      return refused(table, message.errno);
    case "addresses":
      return changed(table);
    case "other":
      return [];
    default:
      return unreachable(message);
  }
}

/** A second dump on the same socket would be refused: one that runs is followed by another. */
function list(table: LinkTable): LinkAction[] {
  if (table.dump !== undefined) {
    table.dump.again = true;
    return [];
  }
  const sequence = ++table.lastSequence;
  table.dump = { sequence, seen: new Set(), again: false };
  return [{ kind: "request", sequence }];
}

function onLink(table: LinkTable, message: RouteMessage & { readonly kind: "link" }): LinkAction[] {
  if (message.dumped && message.sequence !== table.dump?.sequence) return [];
  const { link } = message;
  if (table.dump !== undefined) {
    table.dump.seen.add(link.ifindex);
    if (message.interrupted) table.dump.again = true;
  }
  const before = table.links.get(link.ifindex);
  table.links.set(link.ifindex, link);
  return before !== undefined && sameLink(before, link) ? [] : changed(table);
}

function onGone(table: LinkTable, ifindex: number): LinkAction[] {
  if (!table.links.delete(ifindex)) return [];
  if (table.complete) table.untold.add(ifindex);
  return changed(table);
}

function onDone(table: LinkTable, dump: Dump): LinkAction[] {
  table.dump = undefined;
  if (dump.again) return list(table);
  for (const ifindex of table.links.keys()) {
    if (!dump.seen.has(ifindex)) table.links.delete(ifindex);
  }
  table.complete = true;
  return [{ kind: "changed" }];
}

function refused(table: LinkTable, errno: number): LinkAction[] {
  table.dump = undefined;
  return [{ kind: "refused", errno }];
}

/** Half a list is no news. */
function changed(table: LinkTable): LinkAction[] {
  return table.complete ? [{ kind: "changed" }] : [];
}
