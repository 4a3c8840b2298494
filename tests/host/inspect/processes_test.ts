import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { RUN_FOLDER } from "../../../lib/host/process/options.ts";
import {
  askLocalProcesses,
  askProcess,
  closedPages,
  isTaken,
} from "../../../lib/host/inspect/processes.ts";
import { waitFor } from "../../support/wait.ts";

const SERVER = fileURLToPath(new URL("../status_server.ts", import.meta.url));

interface Server extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  end(signal: Deno.Signal): Promise<void>;
}

async function serve(): Promise<Server> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--allow-all", SERVER],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const socket = `${RUN_FOLDER}/${child.pid}.sock`;
  const end = async (signal: Deno.Signal) => {
    try {
      child.kill(signal);
    } catch {
      // It has ended already.
    }
    await child.status;
  };
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value = "" } = await reader.read();
  await waitFor(`${socket}`, () => Deno.stat(socket).then(() => true));
  return {
    pid: child.pid,
    port: Number(value.trim()),
    end,
    async [Symbol.asyncDispose]() {
      await end("SIGKILL");
      await reader.cancel();
      await Deno.remove(socket).catch(() => undefined);
    },
  };
}

async function localPids(): Promise<number[]> {
  return (await askLocalProcesses()).map(({ pid }) => pid);
}

Deno.test("askLocalProcesses() finds the roles of this machine and leaves out those that died", async () => {
  await using first = await serve();
  await using second = await serve();
  const found = await askLocalProcesses();
  const ours = found.find(({ pid }) => pid === first.pid);
  assert.equal(ours?.role, "controller");
  assert.equal(ours?.objects, "store /srv/lb");
  assert.ok(found.some(({ pid }) => pid === second.pid));
  // Killed, it leaves its socket file behind.
  await first.end("SIGKILL");
  assert.ok(await Deno.stat(`${RUN_FOLDER}/${first.pid}.sock`));
  const left = await localPids();
  assert.ok(!left.includes(first.pid) && left.includes(second.pid), left.join());
});

Deno.test("askLocalProcesses() passes over files that are no sockets", async () => {
  await Deno.mkdir(RUN_FOLDER, { recursive: true });
  const file = `${RUN_FOLDER}/test-${Deno.pid}-${crypto.randomUUID()}.sock`;
  await Deno.writeTextFile(file, "not a socket");
  try {
    assert.ok(!(await localPids()).includes(Deno.pid));
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("askProcess() gives the status behind an address", async () => {
  await using server = await serve();
  const status = await askProcess(`http://127.0.0.1:${server.port}`);
  assert.equal(status?.pid, server.pid);
});

Deno.test("askProcess() gives undefined where nobody listens or something else answers", async () => {
  const answers = [
    () => new Response("hello"),
    () => new Response("{}", { status: 404, headers: { "content-type": "application/json" } }),
    () => new Response("{ half", { headers: { "content-type": "application/json" } }),
    () => new Response(null, { status: 302, headers: { location: "/status" } }),
    () => Response.json(null),
    () => Response.json("text"),
    () => Response.json({ pid: "1" }),
  ];
  for (const [place, answer] of answers.entries()) {
    const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, answer);
    const url = `http://127.0.0.1:${server.addr.port}`;
    try {
      assert.equal(await askProcess(url), undefined, String(place));
    } finally {
      await server.shutdown();
    }
    assert.equal(await askProcess(url), undefined, "after it ended");
  }
});

Deno.test("isTaken() knows whether anything listens, by either family", async () => {
  for (const hostname of ["127.0.0.1", "::1"]) {
    const listener = Deno.listen({ hostname, port: 0 });
    const host = hostname.includes(":") ? `[${hostname}]` : hostname;
    const url = `http://${host}:${listener.addr.port}`;
    assert.equal(await isTaken(url), true, url);
    listener.close();
    assert.equal(await isTaken(url), false, url);
  }
});

Deno.test("closedPages() says what to type", () => {
  assert.match(closedPages("lb/speaker-1"), /kubectl -n lb exec speaker-1 -- herald status$/);
});
