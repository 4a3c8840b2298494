import { after, instant, type Millis } from "../../base/time.ts";
import { decodeLease, type Lease } from "../../lease/record.ts";
import { retryDelayMs } from "../process/backoff.ts";
import type { Clock } from "../process/clock.ts";
import type { KubeClient } from "./client.ts";
import { objectPath } from "./paths.ts";
import { createLineReader, parseWatchLine } from "./watch_lines.ts";

/** Brings news of one Lease between two looks at it, so that a released one is taken at once. */
interface LeaseWatch {
  /** Watches from this version on, unless it does already. */
  from(resourceVersion: string): void;
  stop(): void;
}

interface LeaseWatchHooks {
  readonly onSeen: (lease: Lease) => void;
  readonly onDeleted: () => void;
}

const WATCH_SECONDS = 60;
/** The next call after that opens another: a watch that died silently costs no more. */
const WATCH_MS: Millis = (WATCH_SECONDS + 5) * 1000;

/**
 * A watch that ends, or cannot be opened, is no harm: the Lease is looked at all the same, and the
 * next call opens another. Where watching is forbidden it is tried again ever more seldom.
 */
export function watchLease(
  client: KubeClient,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  clock: Pick<Clock, "now" | "random">,
  { onDeleted, onSeen }: LeaseWatchHooks,
  signal: AbortSignal,
): LeaseWatch {
  let running: AbortController | undefined;
  let refusals = 0;
  let notBefore = instant(-Infinity);
  signal.addEventListener("abort", () => running?.abort(), { once: true });

  async function follow(version: string, stop: AbortController): Promise<void> {
    const query = new URLSearchParams({
      watch: "true",
      fieldSelector: `metadata.name=${name}`,
      resourceVersion: version,
      timeoutSeconds: String(WATCH_SECONDS),
    });
    const limit = setTimeout(() => stop.abort(), WATCH_MS);
    try {
      const stream = await client.stream({
        operation: `watch lease ${namespace}/${name}`,
        method: "GET",
        path: `${objectPath("Lease", namespace)}?${query}`,
      }, stop.signal);
      if (stream.kind === "open") {
        refusals = 0;
        await readEvents(stream.chunks, stop.signal);
      } else if (stream.status === 403) {
        notBefore = after(clock.now(), retryDelayMs(refusals++, clock.random));
      }
    } catch {
      // Cut off: the next call opens another.
    } finally {
      clearTimeout(limit);
      stop.abort();
      if (running === stop) running = undefined;
    }
  }

  async function readEvents(
    chunks: AsyncIterable<Uint8Array>,
    stop: AbortSignal,
  ): Promise<void> {
    const lines = createLineReader();
    for await (const chunk of chunks) {
      for (const line of lines.push(chunk) ?? []) {
        if (stop.aborted) return;
        const event = parseWatchLine(line);
        const lease = event.kind === "apply" ? decodeLease(event.object) : undefined;
        if (lease !== undefined) onSeen(lease);
        else if (event.kind === "delete") onDeleted();
        else return;
      }
    }
  }

  return {
    from(version) {
      if (running !== undefined || clock.now() < notBefore || signal.aborted) return;
      running = new AbortController();
      void follow(version, running);
    },
    stop() {
      running?.abort();
      running = undefined;
    },
  };
}
