import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { CA, CERTIFICATE, KEY, OTHER_CA } from "../../support/certificates.ts";
import { run } from "../../support/process.ts";
import { waitFor } from "../../support/wait.ts";

const MAIN = fileURLToPath(new URL("../../../main.ts", import.meta.url));
const SERVES =
  'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 42\r\n\r\n{"kind":"List","items":[],"metadata":{   }}';

/** A kubeconfig that names an authority, and a file with another one as the system's store. */
async function withStores(
  authority: string,
  use: (kubeconfig: string, store: string, server: Deno.TlsListener) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "herald-trust-" });
  using server = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert: CERTIFICATE, key: KEY });
  try {
    const cluster = {
      server: `https://127.0.0.1:${server.addr.port}`,
      "certificate-authority-data": btoa(authority),
    };
    const config = {
      apiVersion: "v1",
      kind: "Config",
      "current-context": "test",
      contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
      clusters: [{ name: "test", cluster }],
      users: [{ name: "test", user: { token: "the-controllers-token" } }],
    };
    await Deno.writeTextFile(`${folder}/kubeconfig`, JSON.stringify(config));
    await Deno.writeTextFile(`${folder}/store.pem`, CA);
    await use(`${folder}/kubeconfig`, `${folder}/store.pem`, server);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Whatever comes in by a connection whose handshake succeeded. */
async function listen(server: Deno.TlsListener, heard: string[]): Promise<void> {
  while (true) {
    try {
      using connection = await server.accept();
      const bytes = new Uint8Array(4_096);
      const length = await connection.read(bytes) ?? 0;
      heard.push(new TextDecoder().decode(bytes.subarray(0, length)));
      await connection.write(new TextEncoder().encode(SERVES));
    } catch (error) {
      if (error instanceof Deno.errors.BadResource) return;
      // The other side broke the handshake off, which is what it should do.
    }
  }
}

/** `herald status --cluster`, which sends its token to whom it trusts. */
async function ask(kubeconfig: string, env: Readonly<Record<string, string>>): Promise<string> {
  const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const command = [Deno.execPath(), "run", "-A", "--no-check", MAIN, "status", "--cluster"];
  const { stderr } = await run("env", [...settings, ...command, `--kubeconfig=${kubeconfig}`]);
  return stderr;
}

Deno.test("fault 15: an impostor with a certificate of the system's store hears nothing", async () => {
  await withStores(OTHER_CA, async (kubeconfig, store, server) => {
    const heard: string[] = [];
    const listening = listen(server, heard);
    const system = { DENO_TLS_CA_STORE: "system", SSL_CERT_FILE: store };
    assert.match(await ask(kubeconfig, system), /UnknownIssuer/);
    assert.match(await ask(kubeconfig, { DENO_CERT: store }), /UnknownIssuer/);
    server.close();
    await listening;
    assert.deepEqual(heard, []);
  });
});

Deno.test("trustOnlyNamed() leaves the authority that is named", async () => {
  await withStores(CA, async (kubeconfig, _store, server) => {
    const heard: string[] = [];
    const listening = listen(server, heard);
    await ask(kubeconfig, {});
    await waitFor("a request", () => heard.length > 0);
    assert.match(heard.join(""), /authorization: Bearer the-controllers-token/i);
    server.close();
    await listening;
  });
});
