import assert from "node:assert/strict";
import { insteadOfResource, isResourceKind } from "../../lib/config/custom_resources.ts";

Deno.test("insteadOfResource() knows the kinds that configure MetalLB, and only of its group", () => {
  for (
    const kind of [
      "IPAddressPool",
      "AddressPool",
      "L2Advertisement",
      "BGPAdvertisement",
      "BGPPeer",
      "BFDProfile",
      "Community",
    ]
  ) {
    assert.ok(isResourceKind(kind));
    assert.ok(insteadOfResource("metallb.io/v1beta2", kind), kind);
    assert.equal(insteadOfResource("frrk8s.metallb.io/v1beta1", kind), undefined);
  }
  assert.equal(insteadOfResource("metallb.io/v1beta1", "ServiceL2Status"), undefined);
});
