import assert from "node:assert/strict";
import { readCredentials } from "../../../lib/host/kubernetes/credentials.ts";
import type { KubeSettings, Material } from "../../../lib/host/kubernetes/kubeconfig.ts";
import {
  CA,
  CERTIFICATE,
  CERTIFICATE_CRITICAL,
  CERTIFICATE_KOBLITZ,
  CERTIFICATE_V1,
  KEY,
  KEY_KOBLITZ,
  OTHER_KEY,
} from "../../support/certificates.ts";

function text(content: string): Material {
  return { kind: "text", text: content, origin: "ORIGIN" };
}

function settings(parts: Partial<KubeSettings>): KubeSettings {
  return {
    server: "https://127.0.0.1",
    origin: "test",
    authority: undefined,
    clientPair: undefined,
    token: undefined,
    ...parts,
  };
}

function pair(certificate: string, key: string): Partial<KubeSettings> {
  return { clientPair: { certificate: text(certificate), key: text(key) } };
}

const ENCRYPTED_KEY = KEY.replaceAll("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
const CUT_CERTIFICATE = CERTIFICATE.split("\n").slice(0, 3).join("\n") +
  "\n-----END CERTIFICATE-----\n";

// The first five would end the process when an HTTP client is made of them.
const REFUSED: readonly [string, Partial<KubeSettings>, RegExp][] = [
  ["a certificate of X.509 version 1", pair(CERTIFICATE_V1, KEY), /version 1.*-extfile/],
  ["a key of another certificate", pair(CERTIFICATE, OTHER_KEY), /belongs to another/],
  ["a curve that TLS does not know", pair(CERTIFICATE_KOBLITZ, KEY_KOBLITZ), /not supported/],
  ["an unknown critical extension", pair(CERTIFICATE_CRITICAL, KEY), /CriticalExtension/],
  ["half a certificate", pair(CUT_CERTIFICATE, KEY), /refused/],
  ["no certificate at all", pair("hello", KEY), /no PEM certificate/],
  ["an encrypted key", pair(CERTIFICATE, ENCRYPTED_KEY), /encrypted/],
  ["an empty authority", { authority: text("") }, /ORIGIN holds no PEM certificate/],
  ["an authority that is none", { authority: text(KEY) }, /no PEM certificate/],
  ["half an authority", { authority: text(CUT_CERTIFICATE) }, /Certificate 1 .* cannot be read/],
  ["an empty token", { token: text("\n") }, /empty/],
  ["a token of 1 MB", { token: text("a".repeat(1_000_000)) }, /too long/],
  ["a token with a line feed inside", { token: text("ab\ncd") }, /no token/],
  ["a token file of 2 MB", { token: { kind: "file", path: "/proc/self/exe" } }, /larger/],
  ["a token from a device", { token: { kind: "file", path: "/dev/zero" } }, /no regular file/],
];

for (const [what, parts, message] of REFUSED) {
  Deno.test(`readCredentials() refuses ${what}`, async () => {
    await assert.rejects(readCredentials(settings(parts)), (error: Error) => {
      assert.match(error.message, message);
      // Nothing of what stands in there may come into a log.
      for (const line of KEY.split("\n").slice(1, -2)) assert.ok(!error.message.includes(line));
      assert.ok(error.message.length < 400);
      return true;
    });
  });
}

Deno.test("readCredentials() takes a good pair, several authorities, and trims the token", async () => {
  const read = await readCredentials(settings({
    ...pair(CERTIFICATE, KEY),
    authority: text(`# ours\n${CA}${CERTIFICATE}`),
    token: text("  abc.def\r\n"),
  }));
  assert.equal(read.token, "abc.def");
  assert.equal(read.certificate, CERTIFICATE);
});

Deno.test("readCredentials() reads a token file each time, and falls back while it is away", async () => {
  const path = await Deno.makeTempFile();
  const token: Material = { kind: "file", path, otherwise: "written-down" };
  await Deno.writeTextFile(path, "one\n");
  assert.equal((await readCredentials(settings({ token }))).token, "one");
  await Deno.writeTextFile(path, "two\n");
  assert.equal((await readCredentials(settings({ token }))).token, "two");
  await Deno.remove(path);
  assert.equal((await readCredentials(settings({ token }))).token, "written-down");
});
