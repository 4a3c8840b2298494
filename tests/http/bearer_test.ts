import assert from "node:assert/strict";
import fc from "fast-check";
import { expiryOf, LONGEST_TOKEN, readToken } from "../../lib/http/bearer.ts";

const JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln_-nature";

Deno.test("readToken() takes the token of a header, whatever the case of its scheme", () => {
  for (const header of [`Bearer ${JWT}`, `bearer ${JWT}`, `BEARER   ${JWT}`, `Bearer ${JWT} `]) {
    assert.deepEqual(readToken(header), { kind: "token", token: JWT }, header);
  }
});

Deno.test("readToken() takes the password that a browser asked for", () => {
  for (const user of ["", "me", "ünï"]) {
    const octets = new TextEncoder().encode(`${user}:${JWT}`);
    assert.deepEqual(readToken(`Basic ${octets.toBase64()}`), { kind: "token", token: JWT });
  }
});

Deno.test("readToken() takes nothing else for a token", () => {
  assert.deepEqual(readToken(undefined), { kind: "none" });
  assert.deepEqual(readToken(""), { kind: "none" });
  for (
    const header of [
      "Bearer",
      "Bearer ",
      "Bearer a b",
      // As two headers are joined.
      `Bearer ${JWT}, Bearer ${JWT}`,
      `Bearer ${JWT}, Basic OmE=`,
      `Bearer ${"a".repeat(LONGEST_TOKEN + 1)}`,
      `Digest username="a"`,
      JWT,
      "Basic ",
      "Basic !",
      `Basic ${btoa("nocolon")}`,
      `Basic ${btoa("user:")}`,
      `Basic ${btoa("user:two words")}`,
      "Bearer =",
      "Bearer a\x7f",
    ]
  ) assert.equal(readToken(header).kind, "malformed", header);
});

Deno.test("readToken() never tells the token in its reason, and is total", () => {
  fc.assert(fc.property(
    fc.constantFrom("Bearer ", "Basic ", "bearer", "Digest ", ""),
    fc.string({ minLength: 12, unit: "binary" }),
    (scheme, rest) => {
      const shown = readToken(scheme + rest);
      if (shown.kind === "malformed") assert.ok(!shown.reason.includes(rest));
      if (shown.kind === "token") assert.match(shown.token, /^[\x21-\x7e]+$/);
    },
  ));
});

Deno.test("expiryOf() reads when a JWT ends, and nothing of what is none", () => {
  const jwt = (claims: unknown) =>
    `a.${btoa(JSON.stringify(claims)).replaceAll("=", "").replaceAll("+", "-")}.b`;
  assert.equal(expiryOf(jwt({ exp: 1_800_000_000, sub: "x>>>?" })), 1_800_000_000_000);
  for (
    const token of ["opaque", jwt({}), jwt({ exp: "1" }), jwt(null), jwt(7), "a.%.b", "..", JWT]
  ) {
    assert.equal(expiryOf(token), undefined, token);
  }
});
