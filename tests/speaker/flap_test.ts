import assert from "node:assert/strict";
import { type Instant, instant } from "../../lib/base/time.ts";
import { createFlap, mayAnnounce, onAlone, setUsable } from "../../lib/speaker/flap.ts";
import { seededRandom } from "../support/random.ts";

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

Deno.test("three nodes whose links flap in every order never all hold back where a link has been up for a second", () => {
  const random = seededRandom(13);
  for (let round = 0; round < 200; round++) {
    const links = [0, 1, 2].map(() => ({ flap: createFlap(), upSince: 0, changeAt: 0 }));
    const serves = (link: typeof links[number], now: Instant) =>
      mayAnnounce(link.flap, now) === true;
    for (let ms = 0; ms < 60_000; ms += 50) {
      const now = instant(ms);
      for (const link of links) {
        if (ms >= link.changeAt) {
          const up = !link.flap.usable;
          link.upSince = up ? ms : Infinity;
          link.changeAt = ms + (up ? 4_000 : 1_500) * random();
          setUsable(link.flap, up, now);
        }
      }
      for (const link of links) {
        if (!links.some((other) => other !== link && serves(other, now))) onAlone(link.flap, now);
      }
      const isUp = links.some(({ upSince }) => ms >= upSince + 1_000);
      assert.ok(!isUp || links.some((link) => serves(link, now)), `round ${round}, ${ms} ms`);
    }
  }
});
