import assert from "node:assert/strict";
import { assemble, moveImmediate } from "../../lib/ebpf/assembler.ts";
import { beginning, needs } from "../../lib/ebpf/frame.ts";

// That frames in fragments are read, the kernel tells: ebpf_responder_test.ts of the host.

const stepsOf = (attach: "tcx" | "xdp"): readonly string[] => {
  const steps = [...beginning(attach, { arp: 42, ndp: 86 }), ...needs(42), { label: "pass" }];
  return assemble([...steps, moveImmediate(0, 0)]).toHex().match(/.{16}/g) ?? [];
};

Deno.test("a program at tcx pulls what it reads out of fragments, one at XDP need not", () => {
  const pull = "8500000027000000"; // call 39
  assert.equal(stepsOf("tcx").filter((step) => step === pull).length, 1);
  assert.ok(!stepsOf("xdp").includes(pull));
});

Deno.test("a program goes on only with as many octets as it reads", () => {
  assert.ok(stepsOf("xdp").includes("070400002a000000"), "42");
});
