// deno-lint-ignore-file no-console -- speaks to the test that started it
// A program that passes each frame on, as Cilium's does with ARP, at the head of an interface's tcx
// hook until the end.
// usage: pass_child.ts INTERFACE
import { BPF, linkCreate, progLoad } from "../../../ffi/bpf.ts";
import { openLibc } from "../../../ffi/libc.ts";

const [name = ""] = Deno.args;
const ifindex = Number(Deno.readTextFileSync(`/sys/class/net/${name}/ifindex`));
using libc = openLibc(BPF);
// r0 = TCX_PASS; exit
using program = progLoad(libc, "tcx", Uint8Array.fromHex("b7000000000000009500000000000000"));
using _link = linkCreate(libc, program, ifindex, "tcx");
console.log("attached");
await new Promise(() => setInterval(() => undefined, 60_000));
