// `@std/yaml` lives on a registry that many sites cannot reach, and it keeps no line and column.
// The `yaml` package stands behind the same name; only what Herald uses is let through, and nothing
// that reads a text without bounds.
export { Composer, isAlias, isMap, isScalar, isSeq, Lexer, Parser, stringify, visit } from "yaml";
export type { CST, Document, ErrorCode, Node } from "yaml";
