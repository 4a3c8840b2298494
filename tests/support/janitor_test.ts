import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { openJanitor } from "./janitor.ts";
import { must, run, start } from "./process.ts";
import { waitFor } from "./wait.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
/** Makes a LAN with a process on it, a control group with another, a folder, and is killed or goes. */
const PROGRAM = `
import { openJanitor } from "${HERE}janitor.ts";
import { makeLan } from "${HERE}lan.ts";
const [group, folder] = Deno.args;
await Deno.mkdir(folder);
await Deno.writeTextFile(folder + "/file", "");
const janitor = openJanitor({ group, folder });
for (const hierarchy of ["memory", "pids"]) {
  await Deno.mkdir("/sys/fs/cgroup/" + hierarchy + "/" + group + "/inner", { recursive: true });
}
const quiet = { stdin: "null", stdout: "null", stderr: "null" };
const sleeper = new Deno.Command("setsid", { args: ["sleep", "600"], ...quiet }).spawn();
await Deno.writeTextFile("/sys/fs/cgroup/memory/" + group + "/inner/cgroup.procs", String(sleeper.pid));
const lan = await makeLan();
const host = await lan.addHost("a", { addresses: ["10.77.3.1/24"] });
const [command, args] = ["setsid", ["sleep", "600"]];
const second = host.start(command, args);
console.log("ready", lan.prefix, sleeper.pid, second.pid);
await new Promise((resolve) => setTimeout(resolve, 600_000));
`;

/** What is left of it, one line each. */
async function traces(prefix: string, group: string, folder: string, pids: readonly string[]) {
  const names = (await must("ip", ["netns", "list"])).split("\n");
  const alive = await Promise.all(
    pids.map((pid) => Deno.stat(`/proc/${pid}`).then(() => [pid], () => [])),
  );
  const there = await Promise.all(
    [`/sys/fs/cgroup/memory/${group}`, `/sys/fs/cgroup/pids/${group}`, folder].map((path) =>
      Deno.stat(path).then(() => [path], () => [])
    ),
  );
  return [...names.filter((name) => name.startsWith(prefix)), ...alive.flat(), ...there.flat()];
}

for (const signal of ["SIGKILL", "SIGINT"] as const) {
  Deno.test(`nothing is left of a test's process that ${signal} ended: no namespace, process, control group or folder`, async () => {
    const group = `herald-janitor-${Deno.pid}-${signal}`;
    const folder = await Deno.makeTempDir({ prefix: "herald-janitor-" });
    await Deno.writeTextFile(`${folder}/program.ts`, PROGRAM);
    try {
      const config = `--config=${HERE}../../deno.json`;
      await using process = start(Deno.execPath(), [
        "run",
        "-A",
        "--no-check",
        config,
        `${folder}/program.ts`,
        group,
        `${folder}/made`,
      ]);
      const [, prefix = "", ...pids] = await waitFor("the program", () => {
        const told = /^ready (.*)$/m.exec(process.output())?.[0];
        return told?.split(" ");
      });
      const left = () => traces(prefix, group, `${folder}/made`, pids);
      assert.equal((await left()).length, 7, "two namespaces, two processes, two groups, a folder");
      await run("kill", [`-${signal}`, String(process.pid)]);
      await waitFor("everything to go", async () => {
        assert.deepEqual(await left(), []);
        return true;
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("a janitor that is not needed any more takes nothing away", async () => {
  const folder = await Deno.makeTempDir({ prefix: "herald-janitor-" });
  {
    await using _janitor = openJanitor({ folder });
  }
  await Deno.remove(folder);
});
