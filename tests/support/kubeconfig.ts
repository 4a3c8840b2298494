/** Writes a kubeconfig that leads to a server with a token, of no meaning unless one is given. */
export async function writeKubeconfig(path: string, server: string, token = "t"): Promise<void> {
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "test",
    contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
    clusters: [{ name: "test", cluster: { server } }],
    users: [{ name: "test", user: { token } }],
  };
  await Deno.writeTextFile(path, JSON.stringify(config));
}

/** The same in a file that is there as long as it is used. */
export async function withKubeconfig(
  server: string,
  use: (path: string) => Promise<void>,
): Promise<void> {
  const path = await Deno.makeTempFile({ prefix: "herald-kubeconfig-", suffix: ".json" });
  try {
    await writeKubeconfig(path, server);
    await use(path);
  } finally {
    await Deno.remove(path);
  }
}
