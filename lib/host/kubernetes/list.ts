import type { KubeClient } from "./client.ts";
import type { KubeFailure } from "./transport.ts";
import { objectOr, textOf } from "../../model/json.ts";
import { collectionPath } from "./paths.ts";
import { KINDS, type Selection } from "../cluster/kinds.ts";

/** How a full list ended. */
type ListOutcome =
  | { readonly kind: "listed"; readonly resourceVersion: string }
  /** The server forgot the version between two pages: begin again. */
  | { readonly kind: "expired" }
  | KubeFailure;

const PAGE = "500";

/**
 * Lists in pages, so that never more than one page of objects is in memory. No resourceVersion is
 * named: the answer is what the majority of the stores holds, not what one server remembers. As a
 * whole only where the server forgets each version before the next page: nothing would ever end.
 */
export async function listPages(
  client: KubeClient,
  selection: Selection,
  onPage: (objects: readonly unknown[]) => void,
  signal: AbortSignal,
  size: "paged" | "whole" = "paged",
): Promise<ListOutcome> {
  const operation = `list ${KINDS[selection.kind].plural}`;
  let from = "";
  for (;;) {
    const path = collectionPath(selection, {
      ...size === "paged" && { limit: PAGE },
      ...from && { continue: from },
    });
    const answer = await client.request({ operation, method: "GET", path }, signal);
    if (answer.kind === "failure") {
      return from !== "" && answer.status === 410 ? { kind: "expired" } : answer;
    }
    const metadata = objectOr(answer.body.metadata);
    const resourceVersion = textOf(metadata.resourceVersion);
    const items = answer.body.items ?? [];
    // Go writes an empty list as null; only a list that says what it is may count as empty.
    if (
      answer.body.kind !== `${selection.kind}List` || !resourceVersion || !Array.isArray(items)
    ) {
      return unusable(client, operation, `the answer is no ${selection.kind}List`);
    }
    onPage(items);
    from = textOf(metadata.continue) ?? "";
    if (from === "") return { kind: "listed", resourceVersion };
  }
}

/** The failure of a request that was answered with something of no use. */
export function unusable(client: KubeClient, operation: string, reason: string): KubeFailure {
  const message = `Cannot ${operation} at ${client.server}: ${reason}`;
  return { kind: "failure", cause: "answer", status: undefined, message, retryAfterMs: undefined };
}
