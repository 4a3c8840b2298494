import { X509Certificate } from "node:crypto";
import { errorText } from "../../base/errors.ts";
import type { Millis } from "../../base/time.ts";
import { pem, toBeSigned, withSignature } from "../../x509/certificate.ts";

/** A certificate and its key, as TLS takes them. The key is secret. */
export interface KeyPair {
  /** PEM; those that lead to the authority may follow. */
  readonly certificate: string;
  /** PEM. */
  readonly key: string;
  /** Until when it is valid, in Unix time. */
  readonly notAfter: number;
}

/** Where a pair is. */
export interface KeyPairFiles {
  readonly certificate: string;
  readonly key: string;
}

const FILE_LIMIT = 1024 * 1024;
const YEAR_MS: Millis = 365 * 86_400_000;
/** Machines' clocks differ. */
const BEFORE_MS: Millis = 3_600_000;
const CURVE = { name: "ECDSA", namedCurve: "P-256" };

/**
 * Reads a pair and checks it. @throws Error that names the file and what is wrong with it; it never
 * quotes the content
 */
export async function readKeyPair(files: KeyPairFiles): Promise<KeyPair> {
  const certificate = await readBounded(files.certificate, "certificate");
  const key = await readBounded(files.key, "key");
  const mistake = pairMistake(certificate, key);
  if (mistake !== undefined) {
    throw new Error(`The certificate ${files.certificate} with the key ${files.key}: ${mistake}`);
  }
  return { certificate, key, notAfter: notAfterOf(certificate) };
}

/** Makes a pair that nobody vouches for, for these names and addresses. */
export async function makeKeyPair(names: readonly string[], wallMs: number): Promise<KeyPair> {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(CURVE, true, ["sign"]);
  const spki = new Uint8Array(await crypto.subtle.exportKey("spki", publicKey));
  const keyId = new Uint8Array(await crypto.subtle.digest("SHA-256", spki)).slice(0, 20);
  const notAfter = wallMs + YEAR_MS;
  const signed = toBeSigned({
    serial: crypto.getRandomValues(new Uint8Array(16)),
    issuer: "herald",
    subject: "herald",
    notBefore: wallMs - BEFORE_MS,
    notAfter,
    publicKey: spki,
    use: { kind: "server", names },
    keyId,
    issuerKeyId: keyId,
  });
  const signature = await crypto.subtle.sign(
    { name: "ECDSA", hash: "SHA-256" },
    privateKey,
    signed,
  );
  const key = new Uint8Array(await crypto.subtle.exportKey("pkcs8", privateKey));
  return {
    certificate: pem("CERTIFICATE", withSignature(signed, new Uint8Array(signature))),
    key: pem("PRIVATE KEY", key),
    notAfter,
  };
}

/**
 * What TLS has against a pair; undefined where it takes it. Rehearsed on a listener, for a pair that
 * is refused (X.509 version 1, a key of another certificate, an unsupported curve) ends the whole
 * process when an HTTP client is made of it; a listener runs the same checks and throws.
 */
export function pairMistake(certificate: string, key: string): string | undefined {
  try {
    Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert: certificate, key }).close();
    return undefined;
  } catch (error) {
    const text = errorText(error);
    return PAIR_MISTAKES.find(([mark]) => text.includes(mark))?.[1] ?? text;
  }
}

const PAIR_MISTAKES = [
  [
    "UnsupportedCertVersion",
    "it is X.509 version 1, version 3 is needed (openssl x509 -req makes it with -extfile)",
  ],
  ["KeyMismatch", "its key belongs to another certificate"],
  ["parse private key", "the kind of key is not supported; use ECDSA P-256 or RSA of 2048 bits"],
  ["No keys found", "the key is no PEM private key, or it is encrypted"],
  ["No certificates found", "it is no PEM certificate"],
] as const;

/** Reads a file that may be secret, of 1 MiB at most. @throws Error that names the file and quotes nothing of it */
export async function readBounded(path: string, what: string): Promise<string> {
  try {
    const { isFile, size } = await Deno.stat(path);
    if (!isFile) throw new Error("it is no regular file");
    if (size > FILE_LIMIT) throw new Error(`it is larger than ${FILE_LIMIT} bytes`);
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new Error(`Cannot read the ${what} ${path}: ${errorText(error)}`);
  }
}

/** Of the first, which is the server's own. */
function notAfterOf(certificates: string): number {
  return Date.parse(new X509Certificate(certificates).validTo);
}
