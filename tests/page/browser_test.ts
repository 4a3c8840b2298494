import assert from "node:assert/strict";
import { freePort } from "../cluster/controller_process.ts";
import { CONFIG_MANIFEST, HERALD, serviceManifest } from "../lan/scene.ts";
import { must, start } from "../support/process.ts";
import { waitFor } from "../support/wait.ts";

/** The page as a real browser has it after loading: markup of the document. */
async function visit(url: string): Promise<string> {
  const profile = await Deno.makeTempDir({ prefix: "herald-browser-" });
  try {
    return await must("chromium", [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      `--user-data-dir=${profile}`,
      "--virtual-time-budget=2000",
      "--dump-dom",
      url,
    ]);
  } finally {
    await Deno.remove(profile, { recursive: true });
  }
}

Deno.test("the page shows pools and Services in a real browser, and names from outside stay text", async () => {
  const folder = await Deno.makeTempDir({ prefix: "herald-page-" });
  try {
    await Deno.writeTextFile(
      `${folder}/config.yaml`,
      CONFIG_MANIFEST.replace("name: default", 'name: "<b>pool</b>"'),
    );
    await Deno.writeTextFile(`${folder}/web.yaml`, serviceManifest("web"));
    const port = freePort();
    await using herald = start(HERALD, [
      "run",
      "--role=controller",
      `--store=${folder}`,
      "--host=127.0.0.1",
      `--port=${port}`,
    ]);
    await waitFor(
      "an address",
      () => Deno.stat(`${folder}/status/default/web.yaml`).then(() => true, () => false),
    );
    const page = await visit(`http://127.0.0.1:${port}/`);
    assert.match(page, /<title>Herald controller<\/title>/);
    assert.match(page, /<p class="good">\s*Ready\s*<\/p>/);
    assert.match(
      page,
      /<td>default\/web<\/td>\s*<td>10\.77\.1\.220<\/td>\s*<td>\s*&lt;b&gt;pool&lt;\/b&gt;/,
    );
    assert.doesNotMatch(page, /<b>pool<\/b>/);
    assert.equal(await herald.end(), 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
