/** Writes a file in one step, so that who watches the folder never reads half of it. */
export async function replaceFile(folder: string, name: string, text: string): Promise<void> {
  const fresh = `${folder}/.${name}.new`;
  await Deno.writeTextFile(fresh, text);
  await Deno.rename(fresh, `${folder}/${name}`);
}

/** The addresses in the status that a controller wrote for `default/NAME`. */
export async function statusAddresses(folder: string, name: string): Promise<string[]> {
  const text = await Deno.readTextFile(statusFile(folder, name)).catch(() => "");
  return [...text.matchAll(/ip: "?([0-9a-f.:]+)"?/g)].map(([, ip = ""]) => ip);
}

/** Where a controller writes the status of `default/NAME`. */
export function statusFile(folder: string, name: string): string {
  return `${folder}/status/default/${name}.yaml`;
}

/** The ConfigMap with this configuration, as an object of a folder or an API server. */
export function configMap(config: string): Record<string, unknown> {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "config", namespace: "metallb-system" },
    data: { config },
  };
}
