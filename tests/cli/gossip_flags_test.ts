import assert from "node:assert/strict";
import type { Flags } from "../../lib/cli/flag_values.ts";
import { readGossip, readGossipSecret } from "../../lib/cli/gossip_flags.ts";
import { DEFAULT_TIMING } from "../../lib/heartbeat/monitor_state.ts";
import { NOWHERE } from "../support/surroundings.ts";

function gossip(
  flags: Flags,
  env: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
) {
  const readSecret = (path: string, name: string) => files[path] ?? files[`${path}/${name}`];
  return readGossip(flags, { ...NOWHERE, env: (name) => env[name], readSecret }, "speaker");
}

Deno.test("readGossip() reads MetalLB's gossip flags and environment", () => {
  assert.equal(gossip({}), undefined, "each speaker stands alone");
  const env = { METALLB_ML_BIND_ADDR: "10.0.0.1", METALLB_ML_SECRET_KEY: "key" };
  assert.deepEqual(gossip({}, env), {
    bindAddress: 0x0a00_0001,
    port: 7946,
    join: [],
    secret: "key",
    secretName: undefined,
    keyBytes: undefined,
    heartbeat: DEFAULT_TIMING,
  });
  const flags = { mlJoin: "10.0.0.2, fd00::2", mlBindport: "7000", mlKeyBytes: "16" };
  const found = gossip(flags);
  assert.deepEqual([found?.bindAddress, found?.port, found?.join.length, found?.keyBytes], [
    undefined,
    7000,
    2,
    16,
  ]);
  assert.throws(() => gossip({ mlJoin: "node2" }), /--ml-join=node2 is no IP address/);
  assert.equal(readGossip(flags, NOWHERE, "controller"), undefined);
});

Deno.test("readGossip() reads the gossip key of a file, or of a mounted Secret's folder", () => {
  const env = { METALLB_ML_BIND_ADDR: "10.0.0.1", METALLB_ML_SECRET_KEY_PATH: "/etc/ml" };
  const secretOf = (files: Record<string, string>) => gossip({}, env, files)?.secret;
  assert.equal(secretOf({ "/etc/ml/secretkey": "by folder\n" }), "by folder");
  assert.equal(secretOf({ "/etc/ml": "by file" }), "by file");
  assert.throws(() => secretOf({}), /cannot be read from \/etc\/ml; is the Secret mounted/);
  assert.equal(gossip({ mlSecretKey: "by flag" }, env)?.secret, "by flag");
});

Deno.test("readGossipSecret() names what a controller makes, and whose it is", () => {
  assert.equal(readGossipSecret({}, NOWHERE, "lb"), undefined);
  assert.deepEqual(readGossipSecret({ mlSecretName: "key", deployment: "c" }, NOWHERE, "lb"), {
    namespace: "lb",
    name: "key",
    deployment: "c",
  });
});
