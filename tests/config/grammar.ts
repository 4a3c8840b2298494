/** What may stand as a field's value, as MetalLB v0.12.1 declares it, and Herald for its own. */
export type FieldType = "text" | "number" | "boolean" | "duration" | "word" | "list" | "map";

export interface Field {
  readonly map: keyof typeof MAPS;
  readonly key: string;
  readonly type: FieldType;
  readonly required?: boolean;
  /** A value that is right beside those of {@link MAPS}. */
  readonly good: string;
}

/**
 * A configuration for each map of the grammar, where that map's fields stand one in a line: `@`
 * stands for its first field, and what each required one has is in {@link Field.good}.
 */
export const MAPS = {
  top: "@",
  peer: "bfd-profiles: [{name: fast}]\npeers:\n- @",
  pool: "bgp-communities: {mark: 65000:1}\naddress-pools:\n- @",
  profile: "bfd-profiles:\n- @",
  advertisement:
    "address-pools:\n- name: a\n  protocol: bgp\n  addresses: [10.0.0.0/24]\n  bgp-advertisements:\n  - @",
  selector:
    "peers:\n- my-asn: 1\n  peer-asn: 2\n  peer-address: 10.9.0.1\n  node-selectors:\n  - @",
  expression:
    "peers:\n- my-asn: 1\n  peer-asn: 2\n  peer-address: 10.9.0.1\n  node-selectors:\n  - match-expressions:\n    - @",
  allocation:
    "address-pools:\n- name: a\n  protocol: layer2\n  addresses: [10.0.0.0/24]\n  service-allocation:\n    @",
} as const;

const fields = (
  map: Field["map"],
  rows: readonly (readonly [string, FieldType, string, "required"?])[],
): Field[] =>
  rows.map(([key, type, good, required]) => ({
    map,
    key,
    type,
    good,
    required: required !== undefined,
  }));

/** The whole grammar, field by field. */
export const FIELDS: readonly Field[] = [
  ...fields("top", [
    ["address-pools", "list", "[{name: a, protocol: bgp, addresses: [10.0.0.0/24]}]"],
    ["peers", "list", "[{my-asn: 1, peer-asn: 2, peer-address: 10.9.0.1}]"],
    ["bgp-communities", "map", "{mark: 65000:1}"],
    ["bfd-profiles", "list", "[{name: fast}]"],
  ]),
  ...fields("peer", [
    ["my-asn", "number", "64500", "required"],
    ["peer-asn", "number", "64501", "required"],
    ["peer-address", "text", "10.9.0.1", "required"],
    ["source-address", "text", "10.9.0.2"],
    ["peer-port", "number", "1179"],
    ["hold-time", "duration", "90s"],
    ["keepalive-time", "duration", "30s"],
    ["router-id", "text", "10.9.0.3"],
    ["password", "text", "open"],
    ["bfd-profile", "text", "fast"],
    ["ebgp-multihop", "boolean", "true"],
    ["ttl-security", "boolean", "false"],
    ["graceful-restart", "boolean", "true"],
    ["node-selectors", "list", "[{match-labels: {a: b}}]"],
  ]),
  ...fields("pool", [
    ["name", "text", "one", "required"],
    ["protocol", "word", "bgp", "required"],
    ["addresses", "list", "[10.0.0.0/24]", "required"],
    ["avoid-buggy-ips", "boolean", "true"],
    ["auto-assign", "boolean", "false"],
    ["reserved-addresses", "list", "[10.0.0.1]"],
    ["sticky-time", "duration", "1h"],
    ["service-allocation", "map", "{priority: 1}"],
    ["bgp-advertisements", "list", "[{localpref: 7}]"],
  ]),
  ...fields("profile", [
    ["name", "text", "fast", "required"],
    ["receive-interval", "number", "100"],
    ["transmit-interval", "number", "100"],
    ["detect-multiplier", "number", "5"],
    ["echo-interval", "number", "100"],
    ["echo-mode", "boolean", "true"],
    ["passive-mode", "boolean", "true"],
    ["minimum-ttl", "number", "250"],
  ]),
  ...fields("advertisement", [
    ["aggregation-length", "number", "28"],
    ["aggregation-length-v6", "number", "124"],
    ["localpref", "number", "7"],
    ["communities", "list", "[65000:1]"],
  ]),
  ...fields("selector", [
    ["match-labels", "map", "{a: b}"],
    ["match-expressions", "list", "[{key: a, operator: Exists}]"],
  ]),
  ...fields("expression", [
    ["key", "text", "rack", "required"],
    ["operator", "word", "In", "required"],
    ["values", "list", "[a]", "required"],
  ]),
  ...fields("allocation", [
    ["priority", "number", "3"],
    ["namespaces", "list", "[shop]"],
    ["namespace-selectors", "list", "[{match-labels: {a: b}}]"],
    ["service-selectors", "list", "[{match-labels: {a: b}}]"],
  ]),
];

/** A text in which these fields of one map have these values, and the required ones a good one. */
export function textWith(map: Field["map"], values: ReadonlyMap<string, string>): string {
  const rest = FIELDS.filter((field) => field.map === map && field.required)
    .filter(({ key }) => !values.has(key)).map(({ key, good }) => `${key}: ${good}`);
  const lines = [...values].map(([key, value]) => `${key}: ${value}`.trimEnd());
  return linesIn(map, [...rest, ...lines]);
}

/** A text in which a map has these lines and no others. */
export function linesIn(map: Field["map"], lines: readonly string[]): string {
  const [head = "", last = ""] = [MAPS[map].slice(0, -1), MAPS[map].split("\n").at(-1)];
  const indent = " ".repeat(last.indexOf("@"));
  if (lines.length === 0) return `${head}{}\n`;
  return `${head}${lines.join(`\n${indent}`)}\n`;
}

/** Values that give a field nothing. */
export const NOTHING = ["", "~", "null"];
/** Values of each kind that a field can be given by mistake. */
export const KINDS = {
  emptyText: ['""', "''"],
  /** Nothing in some places of MetalLB's, 0 in others. */
  oddNull: ["Null", "NULL"],
  list: ["[]", "[~]", "[[]]", "[{}]", "[x y]"],
  map: ["{}", "{nobody: 1}", "{{ .Values.thing }}"],
  word: ["<no value>", "${VALUE}", "x y", "=", "-"],
  number: ["-1", "1.5", "0x10", "1e3", "99999999999"],
  boolean: ["true", "no"],
} as const;

/**
 * What a field makes of a value, as a rule: `absent` as if the field were not there, `refused` with
 * its place, or `read`, where the value decides.
 */
export function ruleOf(field: Field, value: string): "absent" | "refused" | "read" {
  const isNothing = NOTHING.includes(value);
  const isEmptyText = (KINDS.emptyText as readonly string[]).includes(value);
  const isText = ["text", "word", "duration"].includes(field.type);
  if (isNothing || isEmptyText && isText) return field.required ? "refused" : "absent";
  if (value === "[]" && field.type === "list") return field.required ? "refused" : "absent";
  if (value === "{}" && field.type === "map") return "absent";
  if (value === "Null" || value === "NULL") return "refused";
  if (value === field.good) return "read";
  const kind = (Object.keys(KINDS) as (keyof typeof KINDS)[])
    .find((one) => (KINDS[one] as readonly string[]).includes(value));
  if (kind === "list") return field.type === "list" ? "read" : "refused";
  if (kind === "map") return field.type === "map" ? "read" : "refused";
  // A plain text, whatever it looks like, is no value of the other kinds.
  if (field.type === "boolean") return kind === "boolean" ? "read" : "refused";
  return field.type === "text" ? "read" : "refused";
}
