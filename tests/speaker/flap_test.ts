import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import { createFlap, mayAnnounce, setUsable } from "../../lib/speaker/flap.ts";

Deno.test("a link that comes up once may announce at once (row L13)", () => {
  const flap = createFlap();
  assert.equal(mayAnnounce(flap, instant(0)), false);
  setUsable(flap, true, instant(0));
  assert.equal(mayAnnounce(flap, instant(0)), true);
  setUsable(flap, false, instant(5_000));
  setUsable(flap, true, instant(60_000));
  assert.equal(mayAnnounce(flap, instant(60_000)), true, "down for long is no flapping");
});

Deno.test("twenty flaps in ten seconds change owners twice at most, and end within thirty (row L13)", () => {
  const flap = createFlap();
  setUsable(flap, true, instant(0));
  let changes = 0;
  let announcing = true;
  for (let ms = 100_000; ms < 145_000; ms += 10) {
    const since = ms - 100_000;
    setUsable(flap, since >= 10_000 || since % 500 >= 250, instant(ms));
    const now = mayAnnounce(flap, instant(ms)) === true;
    if (now !== announcing) changes++;
    announcing = now;
    if (since > 40_000) assert.ok(announcing, "not thirty seconds after the last one");
  }
  assert.equal(changes, 2);
});
