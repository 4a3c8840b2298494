import assert from "node:assert/strict";
import { encodeMessage, TYPE } from "../../lib/bgp/frame.ts";
import { encodeEndOfRib, type Update } from "../../lib/bgp/update.ts";
import { encodeUpdate, endOfRib } from "./codec.ts";
import { bytesOf, decode, texts } from "./vectors.ts";

const ORIGIN = "40010100";
const PATH = "40020602010000fbf4";
const HOP = "4003040a000001";
const LOCAL_PREF = "40050400000064";
const ROUTE = "200a000009";

interface Parts {
  readonly withdrawn?: string;
  readonly attributes?: readonly string[];
  readonly nlri?: string;
  readonly ebgp?: boolean;
  readonly asnBytes?: 2 | 4;
}

function read({ withdrawn = "", attributes = [], nlri = "", ebgp, asnBytes }: Parts) {
  const all = attributes.join("");
  const u16 = (text: string) => (text.length / 2).toString(16).padStart(4, "0");
  const body = bytesOf(u16(withdrawn) + withdrawn + u16(all) + all + nlri);
  return decode(encodeMessage(TYPE.update, body), ebgp, asnBytes);
}

/** A route with one more attribute, as an external peer of four octets would send it. */
function withAttribute(attribute: string, parts: Parts = {}) {
  return read({ attributes: [ORIGIN, PATH, HOP, attribute], nlri: ROUTE, ...parts });
}

function update(message: ReturnType<typeof read>): Update {
  assert.ok(message.kind === "update", JSON.stringify(message, (_, v) => `${v}`));
  return message;
}

function actions(message: ReturnType<typeof read>): string[] {
  return update(message).mistakes.map(({ code, action }) => `${code} ${action}`);
}

function answer(message: ReturnType<typeof read>): string {
  assert.ok(message.kind === "wire-error");
  return `${message.answer?.code}/${message.answer?.subcode}`;
}

const TAW:
  readonly (readonly [row: string, message: () => ReturnType<typeof read>, code: number])[] = [
    [
      "ORIGIN of two bytes (§7.1)",
      () => read({ attributes: ["4001020000", PATH, HOP], nlri: ROUTE }),
      1,
    ],
    ["ORIGIN 3 (§7.1)", () => read({ attributes: ["40010103", PATH, HOP], nlri: ROUTE }), 1],
    [
      "AS_PATH with an unknown segment (§7.2)",
      () => read({ attributes: [ORIGIN, "40020605010000fbf4", HOP], nlri: ROUTE }),
      2,
    ],
    [
      "AS_PATH whose segment runs over (§7.2)",
      () => read({ attributes: [ORIGIN, "40020602020000fbf4", HOP], nlri: ROUTE }),
      2,
    ],
    [
      "AS_PATH with a segment of length zero (§7.2)",
      () => read({ attributes: [ORIGIN, "4002020200", HOP], nlri: ROUTE }),
      2,
    ],
    [
      "NEXT_HOP of five bytes (§7.3)",
      () => read({ attributes: [ORIGIN, PATH, "4003050a00000100"], nlri: ROUTE }),
      3,
    ],
    ["MED of three bytes (§7.4)", () => withAttribute("800403000001"), 4],
    [
      "LOCAL_PREF of three bytes within the AS (§7.5)",
      () => withAttribute("400503000001", { ebgp: false }),
      5,
    ],
    ["COMMUNITIES of length 0 (§7.8)", () => withAttribute("c00800"), 8],
    ["COMMUNITIES of six bytes (§7.8)", () => withAttribute("c00806000000000000"), 8],
    [
      "ORIGINATOR_ID of two bytes within the AS (§7.9)",
      () =>
        withAttribute("8009020000", {
          attributes: [ORIGIN, PATH, HOP, LOCAL_PREF, "8009020000"],
          ebgp: false,
        }),
      9,
    ],
    [
      "CLUSTER_LIST of length 0 within the AS (§7.10)",
      () =>
        read({ attributes: [ORIGIN, PATH, HOP, LOCAL_PREF, "800a00"], nlri: ROUTE, ebgp: false }),
      10,
    ],
    [
      "EXTENDED COMMUNITIES of nine bytes (§7.14)",
      () => withAttribute("c01009000000000000000000"),
      16,
    ],
    [
      "LARGE_COMMUNITY of eleven bytes (RFC 8092)",
      () => withAttribute("c0200b" + "00".repeat(11)),
      32,
    ],
    ["COMMUNITIES with the Optional bit missing (§3 c)", () => withAttribute("400804fbf40001"), 8],
    ["a missing ORIGIN (§3 d)", () => read({ attributes: [PATH, HOP], nlri: ROUTE }), 1],
    ["a missing NEXT_HOP (§3 d)", () => read({ attributes: [ORIGIN, PATH], nlri: ROUTE }), 3],
    ["an attribute past the total length (§4)", () => withAttribute("c008"), 8],
  ];

for (const [row, message, code] of TAW) {
  Deno.test(`B9: ${row} is treated as withdraw`, () => {
    assert.ok(actions(message()).includes(`${code} treat-as-withdraw`), actions(message()).join());
    assert.deepEqual(texts(update(message()).nlri), ["10.0.0.9/32"]);
  });
}

const DISCARDED:
  readonly (readonly [row: string, message: () => ReturnType<typeof read>, code: number])[] = [
    ["LOCAL_PREF from another AS (§7.5)", () => withAttribute(LOCAL_PREF), 5],
    ["ATOMIC_AGGREGATE of one byte (§7.6)", () => withAttribute("40060100"), 6],
    [
      "AGGREGATOR of six bytes with AS numbers of four (§7.7)",
      () => withAttribute("c00706fbf40a000001"),
      7,
    ],
    [
      "AGGREGATOR of eight bytes with AS numbers of two (§7.7)",
      () =>
        withAttribute("c007080000fbf40a000001", {
          asnBytes: 2,
          attributes: [ORIGIN, "4002040201fbf4", HOP, "c007080000fbf40a000001"],
        }),
      7,
    ],
    ["ORIGINATOR_ID from another AS (§7.9)", () => withAttribute("8009040a000001"), 9],
    ["CLUSTER_LIST from another AS (§7.10)", () => withAttribute("800a040a000001"), 10],
    [
      "AS4_PATH from a peer with AS numbers of four octets (RFC 6793)",
      () => withAttribute("c0110602010000fbf4"),
      17,
    ],
    [
      "AS4_AGGREGATOR from such a peer (RFC 6793)",
      () => withAttribute("c012080000fbf40a000001"),
      18,
    ],
    [
      "a second MED (§3 g)",
      () =>
        read({ attributes: [ORIGIN, PATH, HOP, "80040400000001", "80040400000002"], nlri: ROUTE }),
      4,
    ],
  ];

for (const [row, message, code] of DISCARDED) {
  Deno.test(`B9: ${row} is discarded alone`, () => {
    assert.deepEqual(actions(message()), [`${code} attribute-discard`]);
  });
}

const RESETS:
  readonly (readonly [row: string, message: () => ReturnType<typeof read>, answer: string])[] = [
    [
      "MP_REACH_NLRI with a next hop of five bytes (§7.11)",
      () => withAttribute("800e0a00020105000000000000"),
      "3/9",
    ],
    [
      "MP_REACH_NLRI whose prefixes cannot be read (§7.11)",
      () => withAttribute("800e1700020110" + "20".repeat(16) + "0081" + "20"),
      "3/10",
    ],
    [
      "MP_REACH_NLRI twice (§3 g)",
      () =>
        read({
          attributes: [ORIGIN, PATH, ...Array(2).fill("800e1500020110" + "20".repeat(16) + "00")],
        }),
      "3/1",
    ],
    ["MP_UNREACH_NLRI of two bytes (§7.12)", () => withAttribute("800f020002"), "3/9"],
    [
      "MP_UNREACH_NLRI whose prefixes cannot be read (§7.12)",
      () => withAttribute("800f05000201ff20"),
      "3/10",
    ],
    ["an unknown well-known attribute", () => withAttribute("406300"), "3/2"],
    [
      "an error that leaves no route to withdraw (§5.2)",
      () => read({ attributes: ["4001020000"] }),
      "3/1",
    ],
    [
      "withdrawn routes past the end",
      () => decode(encodeMessage(TYPE.update, bytesOf("00ff0000"))),
      "3/1",
    ],
    [
      "attributes past the end",
      () => decode(encodeMessage(TYPE.update, bytesOf("000000ff"))),
      "3/1",
    ],
    [
      "a prefix length of 33 (§5.3)",
      () => read({ attributes: [ORIGIN, PATH, HOP], nlri: "210a00000900" }),
      "3/10",
    ],
    [
      "a prefix that is cut off (§3 j)",
      () => read({ attributes: [ORIGIN, PATH, HOP], nlri: "200a00" }),
      "3/10",
    ],
    ["a withdrawn prefix length of 33", () => read({ withdrawn: "21000000" }), "3/10"],
  ];

for (const [row, message, wanted] of RESETS) {
  Deno.test(`B9: ${row} ends the session with ${wanted}`, () => {
    assert.equal(answer(message()), wanted);
  });
}

Deno.test("B9: unknown optional attributes are no mistake", () => {
  for (const flags of ["80", "c0", "e0"]) {
    assert.deepEqual(actions(withAttribute(`${flags}630101`)), []);
  }
});

Deno.test("AS numbers of two octets are read where four were not agreed upon", () => {
  const message = update(
    read({ attributes: [ORIGIN, "4002040201fbf4", HOP], nlri: ROUTE, asnBytes: 2 }),
  );
  const path = message.attributes.find(({ kind }) => kind === "as-path");
  assert.deepEqual(path && "segments" in path && path.segments, [{
    kind: "sequence",
    asns: [64500],
  }]);
});

Deno.test("encodeEndOfRib() is what endOfRib() knows, for both families (RFC 4724 §2)", () => {
  for (const family of [4, 6] as const) {
    const bytes = encodeEndOfRib(family);
    assert.equal(bytes.length, family === 4 ? 23 : 29);
    assert.equal(endOfRib(update(decode(bytes))), family);
  }
  assert.equal(endOfRib(update(withAttribute("80040400000001"))), undefined);
  const plain = encodeUpdate(bytesOf("200a000001"), [], new Uint8Array(0));
  assert.equal(endOfRib(update(decode(plain))), undefined);
});
