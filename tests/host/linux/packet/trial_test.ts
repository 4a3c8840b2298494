import assert from "node:assert/strict";
import { ARP_REPLY } from "../../../../lib/arp/packet.ts";
import { failedTrial } from "../../../../lib/host/linux/packet/trial.ts";
import type { Mac } from "../../../../lib/net/ethernet.ts";

const MAC = 0x0200_0000_0001 as Mac;

// That the program of Herald passes, each start on a kernel with eBPF tells.

Deno.test("a program that passes a question on has failed its trial", () => {
  const failed = failedTrial((frame) => ({ verdict: -1, frame }), "tcx", MAC);
  assert.equal(failed, "an ARP request, to which it gave verdict -1");
});

Deno.test("a program that sends back another frame than the answer has failed its trial", () => {
  const reflect = (frame: Uint8Array<ArrayBuffer>) => ({
    verdict: 3,
    frame: frame.with(21, ARP_REPLY),
  });
  assert.match(failedTrial(reflect, "xdp", MAC) ?? "", /^an ARP request, to which it replied ffff/);
});
