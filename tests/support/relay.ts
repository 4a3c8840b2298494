// Runs inside a namespace: hands each connection on a unix socket to a TCP address of that network.
// usage: relay.ts SOCKET HOST:PORT
const [path = "", target = ""] = Deno.args;
const { hostname, port } = new URL(`tcp://${target}`);

async function relay(from: Deno.UnixConn): Promise<void> {
  const to = await Deno.connect({ hostname, port: Number(port) });
  to.setNoDelay(true);
  await Promise.allSettled([from.readable.pipeTo(to.writable), to.readable.pipeTo(from.writable)]);
}

for await (const connection of Deno.listen({ transport: "unix", path })) {
  relay(connection).catch(() => connection.close());
}
