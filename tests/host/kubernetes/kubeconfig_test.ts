import assert from "node:assert/strict";
import { broken, MARK, MARKED_KUBECONFIGS } from "../../config/marked.ts";
import { findKubeSettings, readKubeconfig } from "../../../lib/host/kubernetes/kubeconfig.ts";

const SECRET = "c2VjcmV0LW9mLXRoZS10ZXN0";

interface Parts {
  cluster?: Record<string, unknown>;
  user?: Record<string, unknown>;
  rest?: Record<string, unknown>;
}

function kubeconfig({ cluster, user, rest }: Parts): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{
      name: "c",
      cluster: { server: "https://10.0.0.1:6443", "certificate-authority": "ca.crt", ...cluster },
    }],
    users: [{ name: "u", user: { token: SECRET, ...user } }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": "x",
    ...rest,
  });
}

async function withFile<T>(text: string, use: (path: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/config`, text);
    return await use(`${folder}/config`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const REFUSED: readonly [string, string, RegExp][] = [
  ["is empty", "", /empty or no mapping/],
  ["is no YAML", "clusters: [", /this is no YAML/],
  ["has clusters that are no list", '{"clusters": 5}', /clusters must be a list/],
  ["has no current-context", kubeconfig({ rest: { "current-context": "" } }), /no current-context/],
  [
    "names a context that is not there",
    kubeconfig({ rest: { "current-context": "prod" } }),
    /current-context "prod" is not among its contexts \("x"\)/,
  ],
  ["names a cluster that is not there", kubeconfig({ rest: { clusters: [] } }), /cluster "c"/],
  ["names a user that is not there", kubeconfig({ rest: { users: [] } }), /user "u"/],
  [
    "wants an exec plugin",
    kubeconfig({ user: { exec: { command: "aws" } } }),
    /exec is not supported.*ServiceAccount's token .* or a client certificate/,
  ],
  ["wants a provider", kubeconfig({ user: { "auth-provider": { name: "gcp" } } }), /auth-provider/],
  ["wants a password", kubeconfig({ user: { username: "a", password: SECRET } }), /password/],
  ["impersonates", kubeconfig({ user: { as: "root" } }), /impersonation/],
  [
    "uses http to another machine",
    kubeconfig({ cluster: { server: "http://10.0.0.1:8080" } }),
    /must be https/,
  ],
  ["has a server that is no URL", kubeconfig({ cluster: { server: "10.0.0.1" } }), /no URL/],
  ["has a server that is no text", kubeconfig({ cluster: { server: 5 } }), /server must be text/],
  [
    "holds a password in the server",
    kubeconfig({ cluster: { server: `https://a:${SECRET}@10.0.0.1` } }),
    /user name or password/,
  ],
  [
    "skips TLS verification",
    kubeconfig({ cluster: { "insecure-skip-tls-verify": true } }),
    /insecure-skip-tls-verify is refused/,
  ],
  ["has a proxy", kubeconfig({ cluster: { "proxy-url": "http://p:1" } }), /proxy-url/],
  ["has a TLS name", kubeconfig({ cluster: { "tls-server-name": "k" } }), /tls-server-name/],
  [
    "has no authority",
    kubeconfig({ cluster: { "certificate-authority": "" } }),
    /no certificate-authority/,
  ],
  [
    "has data that is not base64",
    kubeconfig({ user: { "client-certificate-data": "%%%", "client-key-data": SECRET } }),
    /client-certificate-data of .* is not base64/,
  ],
  [
    "has a certificate without a key",
    kubeconfig({ user: { "client-certificate": "a.crt" } }),
    /must be given together/,
  ],
];

for (const [what, text, message] of REFUSED) {
  Deno.test(`readKubeconfig() refuses a file that ${what}, without quoting secrets`, async () => {
    await withFile(text, async (path) => {
      await assert.rejects(readKubeconfig([path]), (error: Error) => {
        assert.match(error.message, message);
        assert.ok(error.message.includes(path) || /^Kubeconfig|server/.test(error.message));
        assert.ok(!error.message.includes(SECRET));
        return true;
      });
    });
  });
}

Deno.test("no secret of a kubeconfig is told, whatever form it has and wherever it is broken (fault 9)", async () => {
  const folder = await Deno.makeTempDir();
  let [turn, refused] = [0, 0];
  try {
    for (const document of MARKED_KUBECONFIGS) {
      for (const text of [document, ...broken(document)]) {
        if (text !== document && turn++ % 53 !== 0) continue;
        await Deno.writeTextFile(`${folder}/config`, text);
        await readKubeconfig([`${folder}/config`]).catch((error: Error) => {
          refused++;
          assert.ok(!error.message.includes(MARK), `${text}\n=> ${error.message}`);
        });
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  assert.ok(refused > 50, `${refused} refused`);
});

Deno.test("readKubeconfig() names a file that is absent or a folder", async () => {
  await assert.rejects(readKubeconfig(["/nonexistent/config"]), /\/nonexistent\/config/);
  await assert.rejects(readKubeconfig(["/tmp"]), /Cannot read kubeconfig \/tmp/);
});

Deno.test("readKubeconfig() takes servers with a path, in IPv6, and plain ones on this machine", async () => {
  for (
    const [server, expected] of [
      ["https://[2001:db8::1]:6443", "https://[2001:db8::1]:6443"],
      ["https://rancher.example/k8s/clusters/c-1/", "https://rancher.example/k8s/clusters/c-1"],
      ["http://127.0.0.1:8001", "http://127.0.0.1:8001"],
      ["http://[::1]:8001/", "http://[::1]:8001"],
      ["http://localhost:8001", "http://localhost:8001"],
    ] as const
  ) {
    await withFile(kubeconfig({ cluster: { server } }), async (path) => {
      assert.equal((await readKubeconfig([path])).server, expected);
    });
  }
});

Deno.test("readKubeconfig() lets tokenFile win over token, and finds files beside itself", async () => {
  await withFile(kubeconfig({ user: { tokenFile: "t" } }), async (path) => {
    const folder = path.slice(0, -"/config".length);
    const settings = await readKubeconfig([path]);
    assert.deepEqual(settings.token, { kind: "file", path: `${folder}/t`, otherwise: SECRET });
    assert.deepEqual(settings.authority, { kind: "file", path: `${folder}/ca.crt` });
  });
});

Deno.test("readKubeconfig() merges files, the first that names something wins", async () => {
  await withFile(kubeconfig({ cluster: { server: "https://10.0.0.2" } }), async (second) => {
    await withFile(JSON.stringify({ users: [], "current-context": "x" }), async (first) => {
      assert.equal((await readKubeconfig([first, second])).server, "https://10.0.0.2");
    });
  });
});

Deno.test("findKubeSettings() prefers the flag, then the pod, then $KUBECONFIG, then the home", async () => {
  await withFile(kubeconfig({}), async (path) => {
    const folder = path.slice(0, -"/config".length);
    await Deno.writeTextFile(`${folder}/token`, "t");
    await Deno.mkdir(`${folder}/.kube`);
    await Deno.copyFile(path, `${folder}/.kube/config`);
    const pod: Record<string, string> = {
      KUBERNETES_SERVICE_HOST: "fd00::1",
      KUBERNETES_SERVICE_PORT: "443",
      KUBECONFIG: path,
    };
    const origins = async (kubeconfig: string | undefined, environment: Record<string, string>) =>
      await findKubeSettings({
        kubeconfig,
        environment: (name) => environment[name],
        serviceAccountFolder: folder,
      });
    assert.match((await origins(path, pod)).origin, /config context "x"/);
    assert.equal((await origins(undefined, pod)).server, "https://[fd00::1]");
    assert.match((await origins(undefined, { KUBECONFIG: path })).origin, /\/config context/);
    assert.match((await origins(undefined, { HOME: folder })).origin, /\.kube\/config context/);
    await assert.rejects(
      origins(undefined, {}),
      /--kubeconfig=FILE, or a folder of manifests: --store=DIR \(validate: --against=DIR\)/,
    );
  });
});
