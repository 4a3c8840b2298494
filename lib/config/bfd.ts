import type { ConfigPlace } from "../base/errors.ts";
import {
  fault,
  type Findings,
  readBoolean,
  readFields,
  readInteger,
  readList,
  readText,
  shownName,
} from "./fields.ts";
import type { BfdProfile } from "./types.ts";
import type { TreeEntry, TreeNode } from "./tree.ts";

const KEYS = [
  "name",
  "receive-interval",
  "transmit-interval",
  "detect-multiplier",
  "echo-interval",
  "echo-mode",
  "passive-mode",
  "minimum-ttl",
];

/** The routing daemon's word for it, which pages about BFD use. */
const FORMERLY = new Map([["echo-receive-interval", "echo-interval"]]);

/** Reads `bfd-profiles`, within MetalLB's bounds. */
export function readProfiles(entry: TreeEntry | undefined, to: Findings): BfdProfile[] {
  const names = new Map<string, ConfigPlace>();
  return readList(entry, to).map((node) => readProfile(node, names, to)).filter((one) =>
    one !== undefined
  );
}

function readProfile(
  node: TreeNode,
  names: Map<string, ConfigPlace>,
  to: Findings,
): BfdProfile | undefined {
  const fields = readFields(node, "a BFD profile", KEYS, to, {
    required: ["name"],
    formerly: FORMERLY,
  });
  if (fields === undefined) return undefined;
  const entry = fields.get("name");
  const name = readText(entry, to);
  if (name === undefined || entry === undefined) return undefined;
  const before = names.get(name);
  if (before !== undefined) {
    fault(
      to,
      entry.value,
      `a BFD profile named "${shownName(name)}" stands here again`,
      undefined,
      before,
    );
  } else names.set(name, entry.value.place);
  const interval = (key: string, otherwise: number) =>
    readInteger(fields.get(key), 10, 60_000, to) ?? otherwise;
  return {
    name,
    receiveIntervalMs: interval("receive-interval", 300),
    transmitIntervalMs: interval("transmit-interval", 300),
    detectMultiplier: readInteger(fields.get("detect-multiplier"), 2, 255, to) ?? 3,
    echoIntervalMs: interval("echo-interval", 50),
    echoMode: readBoolean(fields.get("echo-mode"), false, to),
    passiveMode: readBoolean(fields.get("passive-mode"), false, to),
    minimumTtl: readInteger(fields.get("minimum-ttl"), 1, 254, to) ?? 254,
  };
}
