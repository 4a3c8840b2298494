import { fileURLToPath } from "node:url";
import { parse } from "yaml";

export const RULES = fileURLToPath(
  new URL("../../deploy/prometheus/herald-rules.yaml", import.meta.url),
);

/** An alert as Prometheus' rule file has it. */
export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The alerts of the shipped rule file, in their order. */
export async function alertsOf(file: string = RULES): Promise<readonly Alert[]> {
  const { groups } = parse(await Deno.readTextFile(file)) as {
    readonly groups: readonly { readonly rules: readonly Alert[] }[];
  };
  return groups.flatMap(({ rules }) => rules);
}
