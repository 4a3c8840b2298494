import assert from "node:assert/strict";
import { OPEN_KEYS, shownLine, withoutSecret } from "../../lib/config/secrets.ts";
import { FIELDS } from "./grammar.ts";

/** The line that holds `here`, as it is shown. */
function shown(text: string): string {
  const lines = text.split("\n");
  return shownLine(lines, lines.findIndex((line) => line.includes("here")));
}

Deno.test("shownLine() shows lines that hold no secret as they are", () => {
  const config = "peers:\n- my-asn: here\n  password: x\n  hold-time: 9s\n";
  for (
    const [text, line] of [
      [config, "- my-asn: here"],
      [config.replace("9s", "here").replace("here", "1"), "  hold-time: here"],
      ["  password-file: /etc/here\n", "  password-file: /etc/here"],
      ["kind: ConfigMap\ndata:\n  config: here\n", "  config: here"],
      [
        "- kind: Secret\n  data: { a: b }\n- kind: ConfigMap\n  data:\n    config: here\n",
        "    config: here",
      ],
    ] as const
  ) assert.equal(shown(text), line);
});

Deno.test("shownLine() hides what a password holds, on its line and on those after it", () => {
  for (
    const [text, line] of [
      ["- { password: here, my-asn: x }", "- { password: ********"],
      ["  pass word : here", "  ******** ********"],
      ["  password-file: here", "  password-file: ********"],
      ["  password: |\n    a: b\n   here", "   ********"],
      ["  password:\n    here: x", "    ********"],
      ['  password: "a\n  here: x', "  ********"],
    ] as const
  ) assert.equal(shown(text), line);
});

Deno.test("shownLine() hides what a Secret holds, in a List and in one line too", () => {
  for (
    const [text, line] of [
      ['{"kind":"Secret","stringData":{"token":"here"', '{"kind":"Secret","stringData":********'],
      ['{"data":{"a":"here"},"kind":"Secret"', '{"data":********'],
      ["- kind: Secret\n  data:\n    a: here", "    ********"],
      ["- data:\n    a: here\n  kind: Secret", "    ********"],
      ["- stringData:\n    a: here: x", "    ********"],
    ] as const
  ) assert.equal(shown(text), line);
});

Deno.test("withoutSecret() leaves what looks like a value of the grammar, and no word", () => {
  for (const text of ["password=x y", "password x", "passphrase", "90s word", "10.0.0.1 word"]) {
    assert.equal(withoutSecret(text), "********");
  }
  for (
    const text of [
      ...["90", "90s", "1m30s", "-5", "0x10", "1e3", "1.5", "x"],
      ...["10.0.0.0/24", "10.0.0.1-10.0.0.9", "10.0.0.1 - 10.0.0.9", "10.0.0.300", "fd00::1/64"],
      ...["fe80::1%eth0", "64512:100", "large:1:2:3", "70000:1", "0x0a000001"],
    ]
  ) assert.equal(withoutSecret(text), text);
});

Deno.test("shownLine() and withoutSecret() take no longer for a text of a megabyte", () => {
  const long = 1_000_000;
  const lines = [
    "a".repeat(long),
    `a${" ".repeat(long)}b: c`,
    "pass ".repeat(long / 5),
    "- ".repeat(long / 2),
    ...Array.from({ length: 5_000 }, () => "- x"),
  ];
  const begun = performance.now();
  for (let at = 0; at < lines.length; at++) {
    withoutSecret(lines[at] ?? "");
    shownLine(lines, at);
  }
  // It took minutes where a pattern went over the whole line again and again.
  assert.ok(performance.now() - begun < 5_000);
});

Deno.test("OPEN_KEYS has each key of the grammar but the password", () => {
  const keys = FIELDS.map(({ key }) => key).filter((key) => key !== "password");
  assert.deepEqual(keys.filter((key) => !OPEN_KEYS.has(key)), []);
});
