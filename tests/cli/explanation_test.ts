import assert from "node:assert/strict";
import { type Explanation, explanationText } from "../../lib/cli/explanation.ts";

const FOUND: Explanation = {
  service: "default/web",
  objects: "/srv/lb",
  address: { ips: [], written: false, reasons: ['pool "p" is full'], sharesWith: [] },
  endpoints: [],
  announcements: [],
  unread: [],
  speakers: { asked: ["node1"], silent: [], warnings: [] },
};

Deno.test("explanationText() tells no word of speakers where there is no address to announce", () => {
  assert.equal(
    explanationText(FOUND),
    'Service default/web (/srv/lb)\nIt has no address:\n  pool "p" is full\nIt has no endpoints.\n',
  );
});

Deno.test("explanationText() names those that share, and endpoints without a node", () => {
  const text = explanationText({
    ...FOUND,
    address: {
      ips: ["10.0.0.1", "fd00::1"],
      pool: "p",
      written: true,
      reasons: ["it keeps what it has"],
      sharesWith: ["default/dns", "default/mail"],
    },
    endpoints: [{ address: "10.244.0.1", ready: false }],
    announcements: [{
      ip: "10.0.0.1",
      seen: [],
      reason: "no endpoint of the Service is ready",
      candidates: [],
    }],
  });
  for (
    const line of [
      /^It has 10\.0\.0\.1 and fd00::1 of pool "p":$/m,
      /^It shares them with default\/dns, default\/mail\.$/m,
      /^Nobody announces 10\.0\.0\.1: no endpoint of the Service is ready$/m,
      /^ {2}10\.244\.0\.1 on an unnamed node, not ready$/m,
    ]
  ) assert.match(text, line);
});

Deno.test("explanationText() says that a speaker announces what by the cluster's objects nobody should", () => {
  const text = explanationText({
    ...FOUND,
    announcements: [{
      ip: "10.0.0.1",
      owner: "node1",
      seen: [{ node: "node1", announcing: true, reason: "owner" }],
      reason: "no endpoint of the Service is ready",
      candidates: [],
    }],
  });
  assert.match(
    text,
    /^node1 announces 10\.0\.0\.1 \(seen at node1's speaker\)\.\nBy what stands in/m,
  );
});
