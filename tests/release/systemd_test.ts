// deno-lint-ignore-file no-console -- prints the exposure scores
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { makeDeb } from "../../.ci/release/deb.ts";
import { cliTexts } from "../../.ci/release/texts.ts";
import { must, type Outcome, run, start } from "../support/process.ts";
import { waitFor } from "../support/wait.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const MACHINE = fileURLToPath(new URL("systemd_machine.sh", import.meta.url));
const ADDRESS = "10.99.0.100";
const CAP_NET_RAW = 1n << 13n;
const HIERARCHIES = ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup"];

/** A machine with a real systemd and Herald's package; all of it is gone at the end. */
interface Machine extends AsyncDisposable {
  try(...command: string[]): Promise<Outcome>;
  must(...command: string[]): Promise<string>;
  output(): string;
}

async function bootMachine(folder: string, deb: string): Promise<Machine> {
  await using unfinished = new AsyncDisposableStack();
  const hierarchy = HIERARCHIES.find((path) => isThere(`${path}/cgroup.procs`)) ?? "";
  const group = `${hierarchy}/herald-systemd-${Deno.pid}`;
  await Deno.mkdir(group);
  unfinished.defer(() => removeGroups(group));
  const apart = ["--mount", "--pid", "--fork", "--kill-child", "--net", "--uts", "--ipc"];
  const command = ["unshare", ...apart, "--cgroup", "--propagation=private", MACHINE, folder, deb];
  const inGroup = `echo $$ >${group}/cgroup.procs && exec "$@"`;
  const outer = unfinished.use(start("sh", ["-c", inGroup, "sh", ...command]));
  const init = await waitFor("the machine", async () => {
    const path = `/proc/${outer.pid}/task/${outer.pid}/children`;
    return /^\d+/.exec(await Deno.readTextFile(path))?.[0];
  });
  // systemd takes no SIGTERM for an order to end; with it ends all that it started.
  unfinished.defer(() => Deno.kill(Number(init), "SIGKILL"));
  const attempt = (...words: string[]) => run("nsenter", ["-t", init, "-a", ...words]);
  await waitFor("systemd to run", async () => {
    const { stdout } = await attempt("systemctl", "is-system-running");
    return /running|degraded/.test(stdout);
  }, { everyMs: 200 }).catch((cause) => {
    throw new Error(outer.output(), { cause });
  });
  const finished = unfinished.move();
  return {
    try: attempt,
    must: (...words) => must("nsenter", ["-t", init, "-a", ...words]),
    output: () => outer.output(),
    [Symbol.asyncDispose]: () => finished.disposeAsync(),
  };
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

async function removeGroups(group: string): Promise<void> {
  await waitFor("the control groups to be empty", async () => {
    await run("find", [group, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"]);
    return !await Deno.stat(group).then(() => true, () => false);
  });
}

/** A unit's property, as systemd shows it. */
async function property(machine: Machine, unit: string, name: string): Promise<string> {
  return (await machine.must("systemctl", "show", unit, `--property=${name}`, "--value")).trim();
}

async function processLine(machine: Machine, unit: string, name: string): Promise<string> {
  const pid = await property(machine, unit, "MainPID");
  const text = await machine.must("cat", `/proc/${pid}/status`);
  return new RegExp(`^${name}:\\s*(.*)$`, "m").exec(text)?.[1] ?? "";
}

Deno.test("the Debian package's units run under a real systemd, confined, watched and told of", async (t) => {
  const folder = await Deno.makeTempDir({ prefix: "herald-systemd-" });
  const { version } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const { completions, page: manPage } = cliTexts(version, 0);
  try {
    const deb = `${folder}/herald.deb`;
    const platform = Deno.build.arch === "aarch64" ? "arm64" : "amd64";
    const binary = `${ROOT}dist/herald`;
    const licenses = `${ROOT}dist/licenses.txt`;
    const facts = { platform, version, epoch: 0, binary, licenses, manPage, completions } as const;
    await makeDeb({ ...facts, compression: "none" }, `${folder}/work`, deb);
    await Deno.mkdir(`${folder}/machine`);
    await using machine = await bootMachine(`${folder}/machine`, deb);
    const units = ["controller", "speaker"].map((role) => `herald@${role}.service`);

    await t.step("systemd-analyze finds no mistake, and tells how exposed they are", async () => {
      for (const unit of [...units, "herald@all.service"]) {
        const told = await machine.try("systemd-analyze", "verify", "--man=no", unit);
        assert.deepEqual([told.code, told.stderr], [0, ""], unit);
        const { stdout } = await machine.try("systemd-analyze", "security", "--offline=1", unit);
        const score = Number(/exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1]);
        console.log(`${unit}: exposure ${score}`);
        assert.ok(score < 3, stdout);
      }
    });
    await t.step("the package lays down what people look for", async () => {
      await machine.must("man", "--where", "herald");
      assert.match(await machine.must("herald", "version"), new RegExp(version));
      assert.equal(
        (await machine.must("stat", "-c", "%A %U:%G", "/etc/herald")).trim(),
        "drwxr-x--- root:herald",
      );
      assert.match(await machine.must("herald", "validate", "/etc/herald/config.yaml"), /./);
      // As the page has it: before the first start.
      await machine.must("cp", "/usr/share/doc/herald/examples/service.yaml", "/var/lib/herald/");
    });
    await t.step(
      "`systemctl start` comes back when they are ready, each with its capabilities",
      async () => {
        await machine.must("systemctl", "enable", "--now", ...units);
        for (const [at, unit] of units.entries()) {
          assert.equal(await property(machine, unit, "StatusText"), "ready");
          const caps = BigInt(`0x${await processLine(machine, unit, "CapEff")}`);
          assert.equal(caps, at === 0 ? 0n : CAP_NET_RAW, unit);
          const bounds = BigInt(`0x${await processLine(machine, unit, "CapBnd")}`);
          assert.equal(bounds, caps, unit);
          assert.equal(await processLine(machine, unit, "NoNewPrivs"), "1");
          assert.equal(await processLine(machine, unit, "Seccomp"), "2");
          assert.notEqual((await processLine(machine, unit, "Uid")).split("\t")[0], "0");
        }
      },
    );
    await t.step(
      "the controller gives an address, and the speaker answers ARP for it",
      async () => {
        const pools = `address-pools: [{name: a, protocol: layer2, addresses: [${ADDRESS}/32]}]`;
        await machine.must("sh", "-c", `echo '${pools}' >/etc/herald/config.yaml`);
        await waitFor("the reply", async () => {
          const ask = ["arping", "-c", "1", "-w", "1", "-I", "v1", ADDRESS];
          return (await machine.try("ip", "netns", "exec", "client", ...ask)).code === 0;
        }).catch(async (cause) => {
          throw new Error(await machine.must("herald", "status"), { cause });
        });
        assert.match(
          await machine.must("cat", "/var/lib/herald/status/default/web.yaml"),
          new RegExp(ADDRESS),
        );
      },
    );
    await t.step("a role that hangs is missed, ended and started again", async () => {
      const [unit = ""] = units;
      const before = await property(machine, unit, "MainPID");
      const dropIn = `/run/systemd/system/${unit}.d`;
      await machine.must(
        "sh",
        "-c",
        `mkdir ${dropIn} && printf '[Service]\\nWatchdogSec=2\\n' >${dropIn}/brief.conf`,
      );
      await machine.must("systemctl", "daemon-reload");
      await machine.must("systemctl", "restart", unit);
      const pid = await property(machine, unit, "MainPID");
      assert.notEqual(pid, before);
      await machine.must("kill", "-STOP", pid);
      await waitFor(
        "another process",
        async () =>
          await property(machine, unit, "NRestarts") === "1" &&
          await property(machine, unit, "ActiveState") === "active",
      );
      assert.equal(await property(machine, unit, "StatusText"), "ready");
    });
    await t.step(
      "an upgrade comes to its end while the configuration is bad, and the roles to a good one later",
      async () => {
        await machine.must(
          "rm",
          "-r",
          ...units.slice(0, 1).map((unit) => `/run/systemd/system/${unit}.d`),
        );
        const good = await machine.must("cat", "/etc/herald/config.yaml");
        const write = (text: string) =>
          machine.must("sh", "-c", `printf '%s' "$0" >/etc/herald/config.yaml`, text);
        await write("address-pools: [{name: a}]");
        const pids = await Promise.all(units.map((unit) => property(machine, unit, "MainPID")));
        await machine.must("timeout", "60", "dpkg", "--install", "/herald.deb");
        for (const unit of units) {
          await waitFor(
            "the new program to wait for a good configuration",
            async () =>
              !pids.includes(await property(machine, unit, "MainPID")) &&
              /configuration/.test(await property(machine, unit, "StatusText")),
          );
        }
        await write(good);
        for (const unit of units) {
          await waitFor(
            "the role",
            async () => await property(machine, unit, "ActiveState") === "active",
          );
        }
        assert.equal(await property(machine, "herald@all.service", "ActiveState"), "inactive");
      },
    );
    await t.step(
      "they stop by themselves when the package is removed, and purge leaves nothing of theirs",
      async () => {
        await machine.must("dpkg", "--purge", "herald");
        for (const unit of units) {
          assert.notEqual(await property(machine, unit, "ActiveState"), "active");
        }
        assert.deepEqual(
          (await machine.must("ls", "-A", "/var/lib/herald")).trim(),
          "service.yaml",
        );
        const links = ["find", "/etc/systemd", "-name", "herald@*"];
        assert.equal(await machine.must(...links), "", "they would start at the next boot");
        for (const path of ["/etc/herald", "/run/herald", "/usr/bin/herald"]) {
          assert.notEqual((await machine.try("ls", path)).code, 0, path);
        }
      },
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
