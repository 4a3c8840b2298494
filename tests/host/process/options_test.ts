import assert from "node:assert/strict";
import { isConfigFile } from "../../../lib/host/process/options.ts";

Deno.test("isConfigFile() tells a local file from a ConfigMap's name", () => {
  for (const file of ["./config", "/etc/herald", "pools.yaml", "pools.yml", "pools.json"]) {
    assert.ok(isConfigFile(file), file);
  }
  for (const name of ["config", "metallb-config", "pools.yaml.d", "yaml"]) {
    assert.ok(!isConfigFile(name), name);
  }
});
