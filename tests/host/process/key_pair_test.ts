import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { makeKeyPair, pairMistake, readKeyPair } from "../../../lib/host/process/key_pair.ts";
import { CERTIFICATE, CERTIFICATE_V1, KEY, OTHER_KEY } from "../../support/certificates.ts";
import { must } from "../../support/process.ts";

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a pair that is made is for a year, for its names, and TLS takes it", async () => {
  const now = Date.now();
  const pair = await makeKeyPair(["node1", "::1", "10.0.0.7"], now);
  assert.equal(pairMistake(pair.certificate, pair.key), undefined);
  const read = new X509Certificate(pair.certificate);
  assert.equal(read.checkHost("node1"), "node1");
  assert.ok(Date.parse(read.validFrom) < now);
  assert.equal(Date.parse(read.validTo), Math.floor(pair.notAfter / 1_000) * 1_000);
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/tls.crt`, pair.certificate);
    const said = await must("openssl", [
      "verify",
      "-x509_strict",
      "-verify_ip",
      "10.0.0.7",
      "-CAfile",
      `${folder}/tls.crt`,
      `${folder}/tls.crt`,
    ]);
    assert.match(said, /OK/);
  });
  assert.notEqual((await makeKeyPair(["node1"], now)).key, pair.key);
});

Deno.test("readKeyPair() gives what the files hold, and until when it is valid", async () => {
  await inFolder(async (folder) => {
    const files = { certificate: `${folder}/tls.crt`, key: `${folder}/tls.key` };
    await Deno.writeTextFile(files.certificate, CERTIFICATE);
    await Deno.writeTextFile(files.key, KEY);
    assert.deepEqual(await readKeyPair(files), {
      certificate: CERTIFICATE,
      key: KEY,
      notAfter: Date.parse("2126-10-31T03:22:09Z"),
    });
  });
});

Deno.test("readKeyPair() names the file that cannot be used, and quotes none", async () => {
  await inFolder(async (folder) => {
    const files = { certificate: `${folder}/tls.crt`, key: `${folder}/tls.key` };
    const refused = async (certificate: string, key: string, message: RegExp) => {
      await Deno.writeTextFile(files.certificate, certificate);
      await Deno.writeTextFile(files.key, key);
      await assert.rejects(readKeyPair(files), (error: Error) => {
        assert.match(error.message, message);
        assert.ok(error.message.includes(folder));
        for (const line of KEY.split("\n").slice(1, -2)) assert.ok(!error.message.includes(line));
        return true;
      });
    };
    await refused(CERTIFICATE, OTHER_KEY, /belongs to another/);
    await refused(CERTIFICATE_V1, KEY, /version 1/);
    await refused("", KEY, /no PEM certificate/);
    await refused(KEY, CERTIFICATE, /no PEM/);
    await refused(CERTIFICATE, "", /no PEM private key/);
    await refused(CERTIFICATE.slice(0, 200), KEY, /tls\.crt/);
    await refused("x".repeat(2_000_000), KEY, /larger than/);
    await Deno.writeTextFile(files.certificate, CERTIFICATE);
    await assert.rejects(readKeyPair({ ...files, key: folder }), /no regular file/);
    await assert.rejects(readKeyPair({ ...files, key: `${folder}/none` }), /Cannot read the key/);
  });
});
