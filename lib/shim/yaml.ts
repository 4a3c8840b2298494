// `@std/yaml` lives on a registry that many sites cannot reach, and it keeps no line and column.
// The `yaml` package stands behind the same name; only what Herald uses is let through.
export {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parse,
  parseAllDocuments,
  stringify,
  visit,
} from "yaml";
export type { Document, Node, ParsedNode, Scalar, YAMLMap, YAMLSeq } from "yaml";
