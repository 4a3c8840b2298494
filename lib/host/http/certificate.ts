import { errorText } from "../../base/errors.ts";
import type { Millis } from "../../base/time.ts";
import type { CertificateStatus } from "../../status/types.ts";
import type { HttpMetrics } from "../metrics/http.ts";
import { oncePer } from "../process/backoff.ts";
import type { Clock } from "../process/clock.ts";
import { type KeyPair, type KeyPairFiles, makeKeyPair, readKeyPair } from "../process/key_pair.ts";
import type { Log } from "../process/log.ts";

export interface CertificateOptions {
  /** Without files, one is made, for as long as the process runs. */
  readonly files: KeyPairFiles | undefined;
  /** Of one that is made. */
  readonly names: readonly string[];
  readonly clock: Clock;
  /** Unix time. */
  readonly wallMs: () => number;
  readonly metrics: HttpMetrics;
  readonly log: Log;
}

/** The certificate by which the pages are served. */
export interface Certificate {
  /** The newest that TLS takes. */
  current(): KeyPair;
  /** Looks for a newer one. Never rejects. */
  look(): Promise<void>;
  status(): CertificateStatus;
}

/** Updated in place. */
interface Kept extends CertificateOptions {
  pair: KeyPair;
  /** Why the files could not be used when they were last read. */
  mistake: string | undefined;
  /** The same when it lasted, so that no half of a replacement is told. */
  problem: string | undefined;
  readonly mayMourn: () => boolean;
}

/** One that is made is made anew so long before its end. */
const REMADE_BEFORE_MS: Millis = 120 * 86_400_000;
const HOUR_MS: Millis = 3_600_000;

/** Takes the pair of the files, or makes one. @throws Error naming the file that cannot be used */
export async function openCertificate(options: CertificateOptions): Promise<Certificate> {
  const kept: Kept = {
    ...options,
    pair: await fresh(options),
    mistake: undefined,
    problem: undefined,
    mayMourn: oncePer(HOUR_MS, options.clock.now),
  };
  tell(kept);
  return {
    current: () => kept.pair,
    look: async () => {
      try {
        await (options.files === undefined ? remake(kept) : readAgain(kept, options.files));
      } catch (error) {
        blame(kept, errorText(error));
      }
      tell(kept);
    },
    status: () => ({
      source: options.files?.certificate ?? "made by this process",
      notAfter: new Date(kept.pair.notAfter).toISOString(),
      problem: problemOf(kept),
    }),
  };
}

function fresh({ files, names, wallMs }: CertificateOptions): Promise<KeyPair> {
  return files === undefined ? makeKeyPair(names, wallMs()) : readKeyPair(files);
}

async function remake(kept: Kept): Promise<void> {
  if (kept.wallMs() >= kept.pair.notAfter - REMADE_BEFORE_MS) kept.pair = await fresh(kept);
}

async function readAgain(kept: Kept, files: KeyPairFiles): Promise<void> {
  const next = await readKeyPair(files);
  if (isSame(next, kept.pair)) return forgive(kept);
  const now = kept.wallMs();
  if (next.notAfter <= now && kept.pair.notAfter > now) {
    throw new Error(`The certificate ${files.certificate} has expired already`);
  }
  kept.pair = next;
  forgive(kept);
  kept.log.info({ reason: files.certificate }, "the certificate of the pages has changed");
}

function isSame(one: KeyPair, other: KeyPair): boolean {
  return one.certificate === other.certificate && one.key === other.key;
}

function forgive(kept: Kept): void {
  kept.mistake = undefined;
  kept.problem = undefined;
}

/** Two files are not replaced at once: only what lasts is told. */
function blame(kept: Kept, mistake: string): void {
  const lasts = kept.mistake === mistake;
  kept.mistake = mistake;
  if (!lasts || kept.problem === mistake) return;
  kept.problem = mistake;
  kept.log.error(
    { error: mistake },
    "cannot use the certificate of the pages, keeping the old one",
  );
}

function tell(kept: Kept): void {
  const { log, mayMourn, metrics, pair, problem } = kept;
  metrics.certificateExpiry.set(pair.notAfter / 1_000);
  metrics.certificateRefused.set(problem === undefined ? 0 : 1);
  if (isOver(kept) && mayMourn()) {
    log.error(
      { reason: kept.files?.certificate },
      "the certificate of the pages has expired: who checks it reads no metrics",
    );
  }
}

function isOver({ pair, wallMs }: Kept): boolean {
  return pair.notAfter <= wallMs();
}

function problemOf(kept: Kept): string | undefined {
  return kept.problem ?? (isOver(kept) ? "it has expired" : undefined);
}
