import assert from "node:assert/strict";
import fc from "fast-check";
import { X509Certificate } from "node:crypto";
import { formatIp, ip6, IP6_MAX } from "../../lib/net/ip.ts";
import {
  type CertificateFacts,
  pem,
  toBeSigned,
  withSignature,
} from "../../lib/x509/certificate.ts";
import { must } from "../support/process.ts";

const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const NOW = Date.now();
const DAY = 86_400_000;

interface Keys {
  readonly pair: CryptoKeyPair;
  readonly spki: Uint8Array;
  readonly id: Uint8Array;
}

async function makeKeys(): Promise<Keys> {
  const pair = await crypto.subtle.generateKey(ECDSA, true, ["sign", "verify"]);
  const spki = new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey));
  return { pair, spki, id: new Uint8Array(await crypto.subtle.digest("SHA-1", spki)) };
}

async function issued(
  facts: Partial<CertificateFacts>,
  own: Keys,
  issuer: Keys,
): Promise<string> {
  const signed = toBeSigned({
    serial: crypto.getRandomValues(new Uint8Array(16)),
    issuer: "an authority",
    subject: "a server",
    notBefore: NOW - DAY,
    notAfter: NOW + DAY,
    use: { kind: "server", names: ["localhost"] },
    publicKey: own.spki,
    keyId: own.id,
    issuerKeyId: issuer.id,
    ...facts,
  });
  const signature = await crypto.subtle.sign(ECDSA, issuer.pair.privateKey, signed);
  return pem("CERTIFICATE", withSignature(signed, new Uint8Array(signature)));
}

Deno.test("openssl takes a chain of an authority and a server for what it says", async () => {
  const [authority, server] = [await makeKeys(), await makeKeys()];
  const folder = await Deno.makeTempDir();
  try {
    const root = await issued(
      { subject: "an authority", use: { kind: "authority" } },
      authority,
      authority,
    );
    const names = ["webhook.metallb-system.svc", "127.0.0.1", "fd00::1"];
    const leaf = await issued({ use: { kind: "server", names } }, server, authority);
    await Deno.writeTextFile(`${folder}/ca.crt`, root);
    await Deno.writeTextFile(`${folder}/tls.crt`, leaf);
    for (
      const name of ["-verify_ip=127.0.0.1", "-verify_ip=fd00::1", `-verify_hostname=${names[0]}`]
    ) {
      const said = await must("openssl", [
        "verify",
        "-x509_strict",
        "-purpose",
        "sslserver",
        ...name.split("="),
        "-CAfile",
        `${folder}/ca.crt`,
        `${folder}/tls.crt`,
      ]);
      assert.match(said, /OK/);
    }
    const text = await must("openssl", ["x509", "-in", `${folder}/tls.crt`, "-noout", "-text"]);
    assert.match(text, /Version: 3/);
    assert.match(text, /Digital Signature/);
    assert.match(text, /TLS Web Server Authentication/);
    assert.match(text, /CA:FALSE/);
    assert.match(text, /DNS:webhook\.metallb-system\.svc, IP Address:127\.0\.0\.1/);
    const other = await must("openssl", ["x509", "-in", `${folder}/ca.crt`, "-noout", "-text"]);
    assert.match(other, /CA:TRUE/);
    assert.match(other, /Certificate Sign/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("whatever names, times and serials it is given, others read the same", async () => {
  const keys = await makeKeys();
  const name = fc.oneof(
    fc.domain(),
    fc.ipV4(),
    fc.bigInt(0n, IP6_MAX).map((value) => formatIp(ip6(value))),
  );
  const second = fc.integer({ min: 0, max: 4_000_000_000 }).map((value) => value * 1_000);
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 20 }),
      fc.string({ minLength: 1, maxLength: 64, unit: "grapheme-ascii" }),
      fc.array(name, { minLength: 1, maxLength: 20 }),
      second,
      second,
      async (serial, subject, names, notBefore, notAfter) => {
        const text = await issued(
          { serial, subject, issuer: subject, notBefore, notAfter, use: { kind: "server", names } },
          keys,
          keys,
        );
        const read = new X509Certificate(text);
        assert.equal(Date.parse(read.validFrom), notBefore);
        assert.equal(Date.parse(read.validTo), notAfter);
        assert.equal(BigInt(`0x${read.serialNumber}`), BigInt(`0x${serial.toHex()}`));
        for (const line of text.split("\n").slice(1, -2)) assert.ok(line.length <= 64);
      },
    ),
    { numRuns: 100 },
  );
});
