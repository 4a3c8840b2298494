import assert from "node:assert/strict";
import { Registry } from "prom-client";
import { openCertificate } from "../../../lib/host/http/certificate.ts";
import { createHttpMetrics } from "../../../lib/host/metrics/http.ts";
import { makeKeyPair } from "../../../lib/host/process/key_pair.ts";
import { OTHER_KEY } from "../../support/certificates.ts";
import { virtualClock } from "../../support/clock.ts";
import { recordedLog } from "../../support/log.ts";

const DAY = 86_400_000;
const NOW = Date.now();

/** A certificate that is kept, and the world in which it gets old. */
async function kept(fromFiles: boolean) {
  const folder = await Deno.makeTempDir();
  const files = { certificate: `${folder}/tls.crt`, key: `${folder}/tls.key` };
  const wall = { now: NOW };
  const log = recordedLog();
  const registry = new Registry();
  const clock = virtualClock();
  const write = async (certificate: string, key: string) => {
    await Deno.writeTextFile(files.certificate, certificate);
    await Deno.writeTextFile(files.key, key);
  };
  const first = await makeKeyPair(["first"], NOW);
  await write(first.certificate, first.key);
  const open = () =>
    openCertificate({
      files: fromFiles ? files : undefined,
      names: ["localhost"],
      clock,
      wallMs: () => wall.now,
      metrics: createHttpMetrics(registry),
      log,
    });
  return { clock, files, first, folder, log, open, registry, wall, write };
}

Deno.test("a certificate that is replaced is taken, once", async () => {
  const { first, folder, log, open, write } = await kept(true);
  const certificate = await open();
  assert.equal(certificate.current().key, first.key);
  await certificate.look();
  assert.equal(certificate.current().key, first.key);
  const second = await makeKeyPair(["second"], NOW);
  await write(second.certificate, second.key);
  for (let times = 0; times < 3; times++) await certificate.look();
  assert.equal(certificate.current().key, second.key);
  assert.deepEqual(log.messages("info"), ["the certificate of the pages has changed"]);
  assert.deepEqual(log.messages("error"), []);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("what cannot be used leaves the last good one, and is told once, if it lasts", async () => {
  const { first, folder, log, open, registry, wall, write } = await kept(true);
  const certificate = await open();
  const second = await makeKeyPair(["second"], NOW);
  const expired = await makeKeyPair(["expired"], NOW - 400 * DAY);
  const refused = /^herald_http_certificate_refused 1$/m;
  for (
    const [pair, problem] of [
      // Between the writes of the two files.
      [[second.certificate, first.key], /another certificate/],
      [[first.certificate, OTHER_KEY], /another certificate/],
      [["", ""], /no PEM certificate/],
      [["x".repeat(2_000_000), first.key], /larger/],
      [[expired.certificate, expired.key], /expired already/],
    ] as const
  ) {
    const told = log.messages("error").length;
    await write(pair[0], pair[1]);
    await certificate.look();
    assert.equal(log.messages("error").length, told, "half a replacement is not told");
    for (let times = 0; times < 5; times++) await certificate.look();
    assert.equal(log.messages("error").length, told + 1);
    assert.match(certificate.status().problem ?? "", problem);
    assert.match(await registry.metrics(), refused);
    assert.equal(certificate.current().key, first.key);
    await write(first.certificate, first.key);
    await certificate.look();
    assert.equal(certificate.status().problem, undefined);
  }
  await Deno.remove(folder, { recursive: true });
  await certificate.look();
  await certificate.look();
  assert.match(certificate.status().problem ?? "", /Cannot read the certificate/);
  await Deno.mkdir(folder);
  await write(second.certificate, second.key);
  await certificate.look();
  assert.equal(certificate.current().key, second.key);
  assert.equal(certificate.status().problem, undefined);
  assert.doesNotMatch(await registry.metrics(), refused);
  // It is the only one there is.
  wall.now = NOW + 400 * DAY;
  await certificate.look();
  assert.equal(certificate.current().key, second.key);
  assert.equal(certificate.status().problem, "it has expired");
  assert.match(log.messages("error").at(-1) ?? "", /has expired/);
  const third = await makeKeyPair(["third"], wall.now - 400 * DAY);
  await write(third.certificate, third.key);
  await certificate.look();
  assert.equal(certificate.current().key, third.key, "of two that have expired the newer");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("an expired certificate is told once an hour", async () => {
  const { clock, folder, log, open, wall } = await kept(true);
  wall.now = NOW + 366 * DAY;
  const certificate = await open();
  for (let looks = 0; looks < 720; looks++) {
    clock.advance(10_000);
    await certificate.look();
  }
  assert.equal(log.messages("error").length, 3);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("files that cannot be used at the start end it, with the file's name", async () => {
  const { files, folder, open, write } = await kept(true);
  await write("", "");
  await assert.rejects(open(), new RegExp(`${files.certificate}.*no PEM certificate`));
  await Deno.remove(folder, { recursive: true });
});

Deno.test("one that is made is made anew long before it ends, and after a jump of the clock", async () => {
  const { folder, open, registry, wall } = await kept(false);
  const certificate = await open();
  const first = certificate.current();
  assert.match(certificate.status().source, /made/);
  wall.now = NOW + 200 * DAY;
  await certificate.look();
  assert.equal(certificate.current().key, first.key);
  wall.now = NOW + 260 * DAY;
  await certificate.look();
  assert.notEqual(certificate.current().key, first.key);
  wall.now = NOW + 4_000 * DAY;
  await certificate.look();
  const { notAfter } = certificate.current();
  assert.ok(notAfter > wall.now + 300 * DAY);
  const expiry = /^herald_http_certificate_expiry_timestamp_seconds (.*)$/m.exec(
    await registry.metrics(),
  );
  assert.equal(Number(expiry?.[1]), notAfter / 1_000);
  await Deno.remove(folder, { recursive: true });
});
