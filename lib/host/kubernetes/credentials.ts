import { X509Certificate } from "node:crypto";
import { pairMistake, readBounded } from "../process/key_pair.ts";
import type { KubeSettings, Material } from "./kubeconfig.ts";

/** What the API server is to be shown and what it must show, read and checked. Secret. */
export interface Credentials {
  readonly token: string | undefined;
  readonly authority: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
}

const TOKEN_LIMIT = 64 * 1024;

/**
 * Reads all that the settings name, files anew each time.
 * @throws Error that names the place; it never quotes the content
 */
export async function readCredentials(settings: KubeSettings): Promise<Credentials> {
  const { authority, clientPair, token } = settings;
  const authorityText = authority && await readMaterial(authority, "certificate authority");
  if (authority && authorityText !== undefined) checkAuthority(authorityText, placeOf(authority));
  const certificate = clientPair && await readMaterial(clientPair.certificate, "certificate");
  const key = clientPair && await readMaterial(clientPair.key, "key");
  if (clientPair && certificate !== undefined && key !== undefined) {
    checkClientPair(certificate, key, placeOf(clientPair.certificate));
  }
  const tokenText = token && checkToken(await readMaterial(token, "token"), placeOf(token));
  return { token: tokenText, authority: authorityText, certificate, key };
}

/** Whether two readings need the same TLS client. */
export function sameTls(a: Credentials, b: Credentials): boolean {
  return a.authority === b.authority && a.certificate === b.certificate && a.key === b.key;
}

async function readMaterial(material: Material, what: string): Promise<string> {
  if (material.kind === "text") return material.text;
  try {
    return await readBounded(material.path, what);
  } catch (error) {
    if (material.otherwise !== undefined) return material.otherwise;
    throw error;
  }
}

function placeOf(material: Material): string {
  return material.kind === "text" ? material.origin : material.path;
}

function checkToken(text: string, place: string): string {
  const token = text.trim();
  if (token === "") throw new Error(`The token in ${place} is empty`);
  if (token.length > TOKEN_LIMIT) throw new Error(`${place} is too long to be a token`);
  // fetch would put a token with other characters into its error text.
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Error(`${place} holds what is no token`);
  return token;
}

/** Without a readable certificate the runtime would trust public authorities only, silently. */
function checkAuthority(text: string, place: string): void {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new Error(`${place} holds no PEM certificate of an authority`);
  for (const [i, block] of blocks.entries()) {
    try {
      new X509Certificate(block);
    } catch {
      throw new Error(`Certificate ${i + 1} in ${place} cannot be read`);
    }
  }
}

function checkClientPair(certificate: string, key: string, place: string): void {
  const mistake = pairMistake(certificate, key);
  if (mistake !== undefined) {
    throw new Error(`The client certificate in ${place} is refused: ${mistake}`);
  }
}
