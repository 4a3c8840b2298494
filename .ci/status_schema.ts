// Writes docs/status.schema.json from the types as the code declares them. usage: status_schema.ts
import { fileURLToPath } from "node:url";
import { isObject, type JsonObject, listOr, objectOr } from "../lib/model/json.ts";

const FILE = new URL("../docs/status.schema.json", import.meta.url);
/** Where the types stand of which the outputs are made. */
const SOURCES = ["lib/status/types.ts", "lib/config/report.ts"];
/** What `/status` and `herald status --output=json` give. */
const OUTPUTS = ["ProcessStatus", "StatusReport"];
/** Types that are one of a few words, which the code has as a list. */
const WORDS: ReadonlySet<string> = new Set(["ElectionRule", "Judge", "Severity"]);

/** The schema as JSON. */
export async function statusSchema(): Promise<JsonObject> {
  const declared = new Map(
    (await Promise.all(SOURCES.map(interfacesOf))).flat().map((one) => [String(one.name), one]),
  );
  const defs: Record<string, JsonObject> = {};
  const wanted = [...OUTPUTS];
  for (const name of wanted) {
    if (defs[name] !== undefined) continue;
    const found = declared.get(name);
    if (found === undefined) throw new Error(`Say in .ci/status_schema.ts where ${name} is`);
    defs[name] = schemaOfInterface(found, declared, (other) => wanted.push(other));
  }
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: "urn:herald:status:1",
    title: "What Herald says of itself",
    description: "A ProcessStatus is what /status gives, a StatusReport what herald status " +
      "--output=json gives. The number under `schema` stays where something is added, and counts " +
      "up where something goes or means something else.",
    anyOf: OUTPUTS.map((name) => ({ $ref: `#/$defs/${name}` })),
    $defs: Object.fromEntries(Object.entries(defs).sort(([a], [b]) => a < b ? -1 : 1)),
  };
}

/** What `deno doc` tells of a file's interfaces. */
async function interfacesOf(file: string): Promise<JsonObject[]> {
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", fileURLToPath(new URL(`../${file}`, import.meta.url))],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`deno doc cannot read ${file}`);
  const { nodes } = objectOr(JSON.parse(new TextDecoder().decode(stdout)));
  return listOr(nodes).filter(isObject).filter(({ kind }) => kind === "interface");
}

type Refer = (name: string) => void;

function schemaOfInterface(
  found: JsonObject,
  declared: ReadonlyMap<string, JsonObject>,
  refer: Refer,
): JsonObject {
  return { ...described(found.jsDoc), ...schemaOfProperties(propertiesOf(found, declared), refer) };
}

/** Those of the interfaces that it extends before its own. */
function propertiesOf(
  { interfaceDef }: JsonObject,
  declared: ReadonlyMap<string, JsonObject>,
): readonly unknown[] {
  const { extends: parents, properties } = objectOr(interfaceDef);
  const inherited = listOr(parents).flatMap((parent) => {
    const name = String(objectOr(objectOr(parent).typeRef).typeName);
    const found = declared.get(name);
    if (found === undefined) throw new Error(`Say in .ci/status_schema.ts where ${name} is`);
    return propertiesOf(found, declared);
  });
  return [...inherited, ...listOr(properties)];
}

function schemaOfProperties(properties: readonly unknown[], refer: Refer): JsonObject {
  const all = properties.map(objectOr).map(({ jsDoc, name, optional, tsType }) => {
    const type = objectOr(tsType);
    const members = listOr(type.union).map(objectOr);
    const present = members.filter(({ keyword }) => keyword !== "undefined");
    const isOptional = optional === true || present.length < members.length;
    const schema = schemaOfType(isOptional && members.length > 0 ? unionOf(present) : type, refer);
    return { name: String(name), isOptional, schema: { ...described(jsDoc), ...schema } };
  });
  return {
    type: "object",
    properties: Object.fromEntries(all.map(({ name, schema }) => [name, schema])),
    required: all.filter(({ isOptional }) => !isOptional).map(({ name }) => name),
  };
}

function unionOf(members: readonly JsonObject[]): JsonObject {
  const [only] = members;
  return only !== undefined && members.length === 1 ? only : { kind: "union", union: members };
}

function schemaOfType(type: JsonObject, refer: Refer): JsonObject {
  switch (type.kind) {
    case "keyword":
      // Anything at all.
      return type.keyword === "unknown" ? {} : { type: type.keyword };
    case "literal": {
      const literal = objectOr(type.literal);
      return { const: literal[String(literal.kind)] };
    }
    case "array":
      return { type: "array", items: schemaOfType(objectOr(type.array), refer) };
    case "typeOperator":
      return schemaOfType(objectOr(objectOr(type.typeOperator).tsType), refer);
    case "parenthesized":
      return schemaOfType(objectOr(type.parenthesized), refer);
    case "typeLiteral":
      return schemaOfProperties(listOr(objectOr(type.typeLiteral).properties), refer);
    case "union": {
      const members = listOr(type.union).map((one) => schemaOfType(objectOr(one), refer));
      const words = members.map(({ const: word }) => word);
      return words.includes(undefined) ? { anyOf: members } : { enum: words };
    }
    case "typeRef":
      return schemaOfReference(objectOr(type.typeRef), refer);
    default:
      throw new Error(`No schema is known for ${JSON.stringify(type).slice(0, 200)}`);
  }
}

function schemaOfReference({ typeName, typeParams }: JsonObject, refer: Refer): JsonObject {
  const name = String(typeName);
  const [first, second] = listOr(typeParams).map(objectOr);
  if (name === "Readonly" && first !== undefined) return schemaOfType(first, refer);
  if (name === "Record" && second !== undefined) {
    return { type: "object", additionalProperties: schemaOfType(second, refer) };
  }
  if (WORDS.has(name)) return { type: "string" };
  refer(name);
  return { $ref: `#/$defs/${name}` };
}

function described(jsDoc: unknown): JsonObject {
  const { doc } = objectOr(jsDoc);
  return typeof doc === "string" ? { description: doc.replaceAll(/\s+/g, " ") } : {};
}

if (import.meta.main) {
  await Deno.writeTextFile(FILE, `${JSON.stringify(await statusSchema(), null, 2)}\n`);
}
