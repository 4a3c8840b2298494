import assert from "node:assert/strict";
import { holdFast, perform, type Performing } from "../../../../lib/host/linux/packet/perform.ts";
import type { Mac } from "../../../../lib/net/ethernet.ts";
import type { UsableLink } from "../../../../lib/netlink/link.ts";
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
    withoutProgram: new Set(),
  };
  const ips = [ip4(0x0a4d01dc)];
  assert.throws(() => perform(driving, { kind: "setOwned", ips }), /no room in the map/);
  assert.deepEqual(outlets.done, ["joins for 1 on ", "owns 10.77.1.220"]);
  assert.deepEqual(driving.owned, ips);
});

Deno.test("perform() lets the kernel fall silent before the socket, and goes by the socket where the kernel refuses", () => {
  const outlets = fakeOutlets({ withKernel: true });
  const log = recordedLog();
  const driving: Performing = {
    outlets,
    log,
    owned: [],
    usable: [],
    withoutProgram: new Set(),
  };
  const [one, two] = [ip4(0x0a4d01dc), ip4(0x0a4d01dd)];
  perform(driving, { kind: "setOwned", ips: [one, two] });
  // The answers begin last: what takes its time comes before.
  assert.deepEqual(outlets.done.splice(0), [
    "joins for 2 on ",
    "owns 10.77.1.220 10.77.1.221",
    "kernel owns 10.77.1.220 10.77.1.221",
  ]);
  perform(driving, { kind: "setOwned", ips: [two] });
  assert.equal(outlets.done.splice(0)[0], "kernel owns 10.77.1.221");
  outlets.failing.set(2, new Error("no room"));
  const interfaces = [{ ifindex: 2, mac: 1 as Mac, inner: false }];
  perform(driving, { kind: "setInterfaces", interfaces });
  assert.deepEqual(outlets.done.slice(0, 2), ["on 2", "kernel on 2"]);
  assert.deepEqual(log.messages("warn"), ["interface answers by socket"]);
});

Deno.test("after each change of the interfaces the program and the groups are there again, and a refusal is told once", () => {
  const outlets = fakeOutlets({ withKernel: true });
  const log = recordedLog();
  const usable: UsableLink[] = [{
    ifindex: 2,
    name: "eth0",
    mac: 1 as Mac,
    up: true,
    running: true,
    broadcast: true,
    noArp: false,
    loopback: false,
    master: undefined,
    kind: undefined,
    sharesCableOf: undefined,
  }];
  const withoutProgram = new Set<number>();
  const driving: Performing = { outlets, log, owned: [], usable, withoutProgram };
  holdFast(driving);
  assert.deepEqual(outlets.done.splice(0), ["kernel on 2", "looks for groups", "joins for 0 on 2"]);
  const warnings = () => log.messages("warn").length;
  outlets.failing.set(2, new Error("no room"));
  holdFast(driving);
  holdFast(driving);
  assert.equal(warnings(), 1);
  outlets.failing.clear();
  holdFast(driving);
  outlets.failing.set(2, new Error("no room"));
  holdFast(driving);
  assert.equal(warnings(), 2);
  const groups = {
    ...outlets.groups,
    forgetLost() {
      throw new Error("EMFILE");
    },
  };
  holdFast({ ...driving, outlets: { ...outlets, groups } });
  assert.equal(warnings(), 3, "it does not end the watch over the interfaces");
});
