import { stringify } from "@std/yaml";
import { HERALD } from "../cluster/stage.ts";
import { controllerReady, freePort } from "../cluster/controller_process.ts";
import { start } from "../support/process.ts";
import { configMap, replaceFile, statusAddresses } from "../support/folder.ts";
import { manifestOf, type Place, SCENARIOS } from "./table.ts";

/** A folder of manifests with a controller on it. */
async function inFolder(config: string, play: (place: Place) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "herald-scenario-" });
  const write = (name: string, object: unknown) =>
    replaceFile(folder, `${name}.yaml`, stringify(object));
  const configure = (text: string) => write("config", configMap(text));
  try {
    await configure(config);
    const port = freePort();
    const flags = ["--role=controller", `--store=${folder}`, `--port=${port}`, "--log-format=json"];
    await using controller = start(HERALD, ["run", ...flags]);
    await controllerReady(port);
    await play({
      configure,
      apply: (service) => write(`service-${service.name}`, manifestOf(service)),
      remove: (name) => Deno.remove(`${folder}/service-${name}.yaml`),
      addresses: (name) => statusAddresses(folder, name),
      log: () => controller.output(),
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const { name, config, play } of SCENARIOS) {
  Deno.test(`a folder: ${name}`, () => inFolder(config, play));
}
