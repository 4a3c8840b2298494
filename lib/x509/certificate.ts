import { parseIp } from "../net/ip.ts";
import {
  bitString,
  boolean,
  der,
  implicit,
  integer,
  type Octets,
  octetString,
  oid,
  sequence,
  tagged,
  time,
  utf8,
} from "./der.ts";

/** What a certificate says (RFC 5280), for a key on the curve P-256 and signed by one. */
export interface CertificateFacts {
  /** Up to 20 octets that no other certificate of the issuer has. */
  readonly serial: Uint8Array;
  /** Common names. Equal where it signs itself. */
  readonly issuer: string;
  readonly subject: string;
  /** Unix time in milliseconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** The key as SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  /** An authority signs others and has no names; a server is asked for by these: DNS names, addresses. */
  readonly use:
    | { readonly kind: "authority" }
    | { readonly kind: "server"; readonly names: readonly string[] };
  /** Marks of this key and of the issuer's, by which a chain is put together. */
  readonly keyId: Uint8Array;
  readonly issuerKeyId: Uint8Array;
}

const ECDSA_WITH_SHA256 = sequence(oid("1.2.840.10045.4.3.2"));
const SERVER_AUTH = oid("1.3.6.1.5.5.7.3.1");
/** Bits of KeyUsage, the first of which is the most significant. */
const DIGITAL_SIGNATURE = bitString(Uint8Array.of(0b1000_0000), 7);
const SIGNS_CERTIFICATES = bitString(Uint8Array.of(0b0000_0100), 2);

/** What the issuer signs. */
export function toBeSigned(facts: CertificateFacts): Octets {
  return sequence(
    tagged(0, integer(Uint8Array.of(2))),
    integer(facts.serial),
    ECDSA_WITH_SHA256,
    named(facts.issuer),
    sequence(time(facts.notBefore), time(facts.notAfter)),
    named(facts.subject),
    facts.publicKey,
    tagged(3, sequence(...extensionsOf(facts))),
  );
}

/** The certificate; the signature is the two numbers one after the other, as WebCrypto gives them. */
export function withSignature(signed: Uint8Array, signature: Uint8Array): Octets {
  const half = signature.length / 2;
  const numbers = sequence(
    integer(signature.subarray(0, half)),
    integer(signature.subarray(half)),
  );
  return sequence(signed, ECDSA_WITH_SHA256, bitString(numbers));
}

/** As files hold it (RFC 7468). */
export function pem(label: "CERTIFICATE" | "PRIVATE KEY", octets: Uint8Array): string {
  const lines = octets.toBase64().match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

function named(commonName: string): Octets {
  return sequence(der(0x31, sequence(oid("2.5.4.3"), utf8(commonName))));
}

function extensionsOf({ issuerKeyId, keyId, use }: CertificateFacts): readonly Octets[] {
  const keys = [
    extension("2.5.29.14", false, octetString(keyId)),
    extension("2.5.29.35", false, sequence(implicit(0, issuerKeyId))),
  ];
  if (use.kind === "authority") {
    return [
      extension("2.5.29.19", true, sequence(boolean(true))),
      extension("2.5.29.15", true, SIGNS_CERTIFICATES),
      ...keys,
    ];
  }
  return [
    extension("2.5.29.19", true, sequence()),
    extension("2.5.29.15", true, DIGITAL_SIGNATURE),
    extension("2.5.29.37", false, sequence(SERVER_AUTH)),
    extension("2.5.29.17", false, sequence(...use.names.map(alternative))),
    ...keys,
  ];
}

function extension(id: string, isCritical: boolean, value: Uint8Array): Octets {
  // What has its default value is left out.
  return sequence(oid(id), ...isCritical ? [boolean(true)] : [], octetString(value));
}

/** A GeneralName: an address, or else a DNS name. */
function alternative(name: string): Octets {
  const ip = parseIp(name);
  if (ip === undefined) return implicit(2, new TextEncoder().encode(name));
  const digits = ip.toString(16).padStart(typeof ip === "bigint" ? 32 : 8, "0");
  return implicit(7, Uint8Array.fromHex(digits));
}
