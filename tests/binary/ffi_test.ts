import assert from "node:assert/strict";
import { makeLan } from "../support/lan.ts";
import { waitFor } from "../support/wait.ts";
import { CONFIG_MANIFEST, HERALD } from "../lan/scene.ts";

/** What the loader logs when a program calls dlopen for the C library. */
const DLOPEN_LIBC = /opening file=libc\.so\.6|opening file=\S*\/libc\.so\.6/;

/** Runs a role until it is ready and gives what the loader logged of it. */
async function loaderLog(role: "controller" | "speaker"): Promise<string> {
  await using lan = await makeLan();
  const host = await lan.addHost("node1", { addresses: ["10.77.1.11/24"] });
  const folder = await Deno.makeTempDir({ prefix: "herald-loader-" });
  try {
    await Deno.mkdir(`${folder}/store`);
    await Deno.writeTextFile(`${folder}/store/config.yaml`, CONFIG_MANIFEST);
    const flags = [
      "run",
      `--role=${role}`,
      `--store=${folder}/store`,
      "--log-format=json",
      "--port=7472",
    ];
    {
      await using herald = host.start(HERALD, flags, {
        LD_DEBUG: "files",
        LD_DEBUG_OUTPUT: `${folder}/ld`,
      });
      await waitFor(
        `a ready ${role}`,
        async () =>
          (await host.run("curl", "-s", "--max-time", "2", "http://127.0.0.1:7472/readyz"))
            .stdout === "ok\n",
      )
        .catch((error) => {
          throw new Error(herald.output(), { cause: error });
        });
    }
    let text = "";
    for await (const { name } of Deno.readDir(folder)) {
      if (name.startsWith("ld.")) text += await Deno.readTextFile(`${folder}/${name}`);
    }
    assert.match(text, /calling init:/, "the loader logged nothing at all");
    return text;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the controller never calls dlopen for the C library", async () => {
  assert.doesNotMatch(await loaderLog("controller"), DLOPEN_LIBC);
});

Deno.test("the speaker does, so the check would see it", async () => {
  assert.match(await loaderLog("speaker"), DLOPEN_LIBC);
});
