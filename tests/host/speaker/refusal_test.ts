import assert from "node:assert/strict";
import { instant } from "../../../lib/base/time.ts";
import { refusalText, refusedBeatText, vouchedText } from "../../../lib/host/speaker/refusal.ts";
import { ip } from "../../controller/fixture.ts";

const never = instant(Infinity);
const rival = (isDead: boolean) =>
  ({ address: ip("10.0.0.9"), port: 7946, isDead, until: never, askAt: never }) as const;

Deno.test("refusalText() says where the other of this name is, and what helps", () => {
  assert.equal(refusalText("n1", undefined), undefined);
  assert.match(
    refusalText("n1", rival(false)) ?? "",
    /node name n1, at 10\.0\.0\.9; set --node-name/,
  );
  assert.match(refusalText("n1", rival(true)) ?? "", /knew n1 at 10\.0\.0\.9; .* half a minute/);
});

Deno.test("refusedBeatText() asks for the key only where a speaker may have sent", () => {
  assert.match(refusedBeatText("bad-signature"), /the same key/);
  assert.doesNotMatch(refusedBeatText("unknown-address"), /key/);
});

Deno.test("vouchedText() asks for the filter where gossip passes and the heartbeat does not", () => {
  assert.match(vouchedText(true), /is UDP port 7947 filtered/);
  assert.doesNotMatch(vouchedText(false), /7947/);
});
