import assert from "node:assert/strict";
import { instant } from "../../../lib/base/time.ts";
import { createRefusedBeats, refusalText, vouchedText } from "../../../lib/host/speaker/refusal.ts";
import { ip } from "../../controller/fixture.ts";
import { speakerContext } from "./parts.ts";

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

Deno.test("createRefusedBeats() counts each, and asks for the key only where a speaker may have sent", async () => {
  const { clock, log, metrics } = speakerContext();
  const refused = createRefusedBeats({ clock, log, metrics });
  refused({ "bad-signature": 2, "unknown-address": 1 });
  refused({ "bad-signature": 3 });
  const [key, address, ...more] = log.messages("warn");
  assert.match(key ?? "", /the same key/);
  assert.doesNotMatch(address ?? "", /key/);
  assert.deepEqual(more, [], "one line of each in a minute");
  clock.advance(60_000);
  refused({ "bad-signature": 1 });
  assert.equal(log.messages("warn").length, 3);
  const text = await metrics.gossip.heartbeatRefused.get();
  assert.deepEqual(text.values.map(({ value }) => value).sort(), [1, 6]);
});

Deno.test("vouchedText() asks for the filter where gossip passes and the heartbeat does not", () => {
  assert.match(vouchedText(true), /is UDP port 7947 filtered/);
  assert.doesNotMatch(vouchedText(false), /7947/);
});
