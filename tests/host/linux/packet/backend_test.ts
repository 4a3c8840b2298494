import assert from "node:assert/strict";
import { openBackend } from "../../../../lib/host/linux/packet/backend.ts";
import {
  type EbpfResponder,
  EbpfUnavailable,
} from "../../../../lib/host/linux/packet/ebpf_responder.ts";
import { ARP_BACKENDS } from "../../../../lib/host/process/options.ts";
import { recordedLog } from "../../../support/log.ts";

const KERNEL: EbpfResponder = {
  setOwned() {},
  setInterfaces: () => new Map(),
  isFirst: () => true,
  replyLeaseMapFd: 7,
  replies: () => 0,
  [Symbol.dispose]() {},
};

const unavailable = () => {
  throw new EbpfUnavailable("the kernel is too old");
};

const NAMES: Readonly<Record<string, readonly [name: string, attach: string | undefined]>> = {
  auto: ["ebpf", "tcx"],
  ebpf: ["ebpf", "tcx"],
  xdp: ["xdp", "xdp"],
  socket: ["socket", undefined],
};

for (const wanted of ARP_BACKENDS) {
  const [name, attach] = NAMES[wanted] ?? assert.fail(`${wanted} is new`);
  Deno.test(`openBackend() gives ${name} for --arp-backend=${wanted} where the machine allows it`, () => {
    const log = recordedLog();
    const attached: unknown[] = [];
    const backend = openBackend(wanted, log, (how) => {
      attached.push(how);
      return KERNEL;
    });
    assert.equal(backend.name, name);
    assert.deepEqual(attached, attach === undefined ? [] : [attach]);
    assert.equal(backend.kernel, attach === undefined ? undefined : KERNEL);
    assert.deepEqual(log.messages(), ["ARP and NDP responder ready"]);
    assert.equal(log.lines[0]?.fields.backend, name);
  });
}

for (const [wanted, level] of [["auto", "info"], ["ebpf", "warn"], ["xdp", "warn"]] as const) {
  Deno.test(`without eBPF the socket answers, and ${wanted} makes that a line of ${level}`, () => {
    const log = recordedLog();
    const backend = openBackend(wanted, log, unavailable);
    assert.deepEqual(backend, { name: "socket", kernel: undefined });
    assert.deepEqual(log.lines.map(({ level, fields }) => [level, fields]), [
      [level, { backend: "socket", reason: "the kernel is too old" }],
    ]);
  });
}

Deno.test("openBackend() passes on what is no lack of eBPF", () => {
  const broken = () => {
    throw new TypeError("a mistake");
  };
  assert.throws(() => openBackend("auto", recordedLog(), broken), /^TypeError: a mistake$/);
});
