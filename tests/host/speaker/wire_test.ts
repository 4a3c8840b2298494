import assert from "node:assert/strict";
import { wireOf } from "../../../lib/host/speaker/wire.ts";
import { ip } from "../../controller/fixture.ts";
import { MAC } from "./parts.ts";

const VIP = ip("10.77.1.1");
const ETH0 = { name: "eth0", mac: MAC, ifindex: 2 };

function bench() {
  const at = {
    interfaces: [ETH0],
    leftOut: [] as string[],
    problem: undefined as string | undefined,
    silence: undefined as string | undefined,
    claimed: undefined as string | undefined,
    heldBack: undefined as string | undefined,
    lingers: undefined as string | undefined,
  };
  const wire = () =>
    wireOf({
      layer2: {
        heldBack: () => at.heldBack,
        interfaces: () => at.interfaces,
        leftOut: () => at.leftOut,
        problem: () => at.problem,
      },
      handover: {
        silence: () => at.silence,
        answersElsewhere: (_, planned) => at.claimed ?? planned,
        lingers: () => at.lingers,
      },
      bgp: { isTold: (address) => address === VIP, routesOf: () => ["told"] },
    });
  return { at, wire };
}

Deno.test("wireOf() says why an address is not answered, the widest reason first", () => {
  const { at, wire } = bench();
  const unanswered = () => wire().unanswered(VIP);
  assert.equal(unanswered(), undefined);
  at.heldBack = "it is being probed";
  assert.equal(unanswered(), "it is being probed");
  at.silence = "node2 claims it too";
  assert.equal(wire().answersElsewhere(VIP, "node3"), "node3");
  at.claimed = "node2";
  assert.equal(wire().answersElsewhere(VIP, "node3"), "node2");
  assert.equal(unanswered(), "node2 claims it too");
  at.lingers = "node1";
  assert.equal(wire().lingers(VIP), "node1");
  at.interfaces = [];
  assert.equal(wire().lingers(VIP), undefined, "nothing is answered at all");
  assert.equal(unanswered(), "no interface answers ARP and NDP");
  at.leftOut = ["cni0", "docker0"];
  assert.equal(
    unanswered(),
    "no interface answers ARP and NDP; their names keep out cni0, docker0 (--interface)",
  );
  at.problem = "CAP_NET_RAW is missing";
  assert.equal(unanswered(), "layer 2 does not work: CAP_NET_RAW is missing");
  assert.equal(wire().layer2Problem, "CAP_NET_RAW is missing");
});

Deno.test("wireOf() asks BGP what its peers were told", () => {
  const { wire } = bench();
  assert.deepEqual([wire().isTold(VIP), wire().isTold(ip("10.77.1.2"))], [true, false]);
  assert.deepEqual(wire().routesOf(VIP), ["told"]);
});
