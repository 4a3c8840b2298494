import assert from "node:assert/strict";
import { perform, type Performing } from "../../../../lib/host/linux/packet/perform.ts";
import type { Mac } from "../../../../lib/net/ethernet.ts";
import { recordedLog } from "../../../support/log.ts";
import { ip4 } from "../../../support/addresses.ts";
import { fakeOutlets } from "./fake_outlets.ts";

// What the machine decides, and in which order, layer2_test.ts has.

Deno.test("what the kernel refuses keeps neither the socket nor the groups from what is owned now", () => {
  const outlets = fakeOutlets({ withKernel: true });
  const { kernel } = outlets.backend;
  assert.ok(kernel !== undefined);
  const setOwned = () => {
    throw new Error("no room in the map");
  };
  const backend = { ...outlets.backend, kernel: { ...kernel, setOwned } };
  const driving: Performing = {
    outlets: { ...outlets, backend },
    log: recordedLog(),
    owned: [],
    usable: [],
  };
  const ips = [ip4(0x0a4d01dc)];
  assert.throws(() => perform(driving, { kind: "setOwned", ips }), /no room in the map/);
  assert.deepEqual(outlets.done, ["owns 10.77.1.220", "joins for 1 on "]);
  assert.deepEqual(driving.owned, ips);
});

Deno.test("perform() lets the kernel fall silent before the socket, and goes by the socket where the kernel refuses", () => {
  const outlets = fakeOutlets({ withKernel: true });
  const log = recordedLog();
  const driving: Performing = { outlets, log, owned: [], usable: [] };
  perform(driving, { kind: "setOwned", ips: [ip4(0x0a4d01dc)] });
  assert.deepEqual(outlets.done.splice(0).slice(0, 2), [
    "kernel owns 10.77.1.220",
    "owns 10.77.1.220",
  ]);
  outlets.failing.set(2, new Error("no room"));
  const interfaces = [{ ifindex: 2, mac: 1 as Mac, inner: false }];
  perform(driving, { kind: "setInterfaces", interfaces });
  assert.deepEqual(outlets.done.slice(0, 2), ["on 2", "kernel on 2"]);
  assert.deepEqual(log.messages("warn"), ["interface answers by socket"]);
});
