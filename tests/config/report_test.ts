import assert from "node:assert/strict";
import { readSource } from "../../lib/config/manifest.ts";
import { parseConfig } from "../../lib/config/parse.ts";
import { placeText, problemsInLine, renderProblems, reported } from "../../lib/config/report.ts";

function report(text: string): string {
  return renderProblems(parseConfig(text, "c.yaml").problems, text);
}

Deno.test("renderProblems() puts the caret under the place", () => {
  assert.equal(
    report("peers: 7\n"),
    'c.yaml:1:8: "peers" must be a list, not "7"; begin each item with "- "\n    peers: 7\n           ^\n',
  );
  // A wide character takes two columns of the terminal, a tabulator stays one.
  assert.match(report("{ '名': 1, peers: 7 }\n"), /\n {4}\{ '名': 1, peers: 7 \}\n {4} {2}\^\n/);
  assert.match(report("{ '名': 1, peers: 7 }\n"), /\n {4} {18}\^\n$/);
});

Deno.test("a problem of an object is told by its field, and has no line to show", () => {
  const place = { kind: "field", object: "ippool a/b", path: "spec.addresses[0]" } as const;
  const problem = { severity: "error", place, message: "wrong", hint: "mend it" } as const;
  assert.equal(placeText(place), "ippool a/b spec.addresses[0]");
  assert.equal(
    renderProblems([problem], "a: b\n"),
    "ippool a/b spec.addresses[0]: wrong; mend it\n",
  );
  assert.deepEqual(reported(problem), {
    severity: "error",
    source: "ippool a/b",
    field: "spec.addresses[0]",
    message: "wrong",
    hint: "mend it",
  });
});

Deno.test("problemsInLine() gives the first problems with their lines, and how many more there are", () => {
  const { problems } = parseConfig("peers: 7\nadress-pools: []\n", "c.yaml");
  assert.equal(
    problemsInLine(problems, 800),
    '(1) line 1:8: "peers" must be a list, not "7"; begin each item with "- " ' +
      '(2) line 2:1: unknown key "adress-pools" in the configuration; did you mean "address-pools"?',
  );
  assert.equal(
    problemsInLine(problems, 100),
    '(1) line 1:8: "peers" must be a list, not "7"; begin each item with "- " and 1 more',
  );
});

Deno.test("reported() lays a problem of a text out as it always was in JSON", () => {
  const [problem] = parseConfig("peers: 7\n", "c.yaml").problems;
  assert.ok(problem);
  assert.equal(
    JSON.stringify(reported(problem)),
    '{"severity":"error","source":"c.yaml","line":1,"column":8,' +
      '"message":"\\"peers\\" must be a list, not \\"7\\"","hint":"begin each item with \\"- \\""}',
  );
});

Deno.test("renderProblems() marks warnings, and shows no control characters", () => {
  const text = "address-pools: [{name: a, protocol: layer2, addresses: [10.0.0.5/24]}]\n";
  assert.match(report(text), /^c\.yaml:1:57: warning: "10\.0\.0\.5\/24" has host bits/);
  const escape = report('peers: "\\e[31m"\n# \u001b[31m\n'.replace("\u001b", "\u009b"));
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(escape, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});

Deno.test("renderProblems() shows no password, however it is written and whatever is wrong", () => {
  const secret = `s3cr3t-${"x".repeat(90)}`;
  const texts = [
    `peers:\n- my-asn: 1\n  password: ${secret}\n`,
    `peers:\n- my-asn: 1\n  password: "${secret}"\n`,
    `peers: [{my-asn: 1, "password": "${secret}"}]\n`,
    `peers: [{password: ${secret}, my-asn: x}]\n`,
    `peers:\n- my-asn: 1\n  'password' : ${secret}\n  password: ${secret}\n`,
    `peers:\n- my-asn: 1\n  password: "${secret}\n`,
    `peers:\n- my-asn: 1\n  password: [${secret}]\n`,
    `peers:\n- my-asn: 1\n  password: |\n    ${secret}\n`,
    `peers:\n- pasword: ${secret}\n`,
  ];
  for (const text of texts) {
    const shown = report(text);
    assert.ok(shown.length > 0, text);
    assert.ok(!shown.includes("s3cr3t"), shown);
  }
});

/** Where a password may stand, well written and badly; `<>` is the password. */
const WRITTEN = [
  "password: <>",
  'password: "<>"',
  "password: [<>]",
  "password: { <>: x }",
  "password:\n    <>: x",
  "password: |\n    <>",
  "password: >-\n    a\n     <>",
  'password: "a\n   <>"',
  "password: 'a\n<>'",
  "password: <>: x",
  "password: *<>",
  "password:<>",
  "password=<>",
  "? password\n  : <>",
  "password\n    : <>",
  "pasword: <>",
  "PASSWORD: <>",
  "pass word: <>",
  "md5-password: <>",
  "passphrase: <>",
  "secret: <>",
  "password-file: <>",
  "password <>: x",
];
/** What goes wrong behind it, so that the line with the password, or one near it, is shown. */
const WRONG = ["", "\n  my-asn: x", "\n  hold-time: [", ' \\q"', "\n  foo", "\n\tx: y", ": {", "}"];

Deno.test("no problem tells a password, whatever it is written in and whatever is wrong around it", () => {
  const secret = "hunter2-of-mine";
  let wrong = 0;
  for (const written of WRITTEN) {
    for (const behind of WRONG) {
      const peer = `peers:\n- peer-address: 10.0.0.1\n  ${
        written.replaceAll("<>", secret)
      }${behind}\n`;
      const asMap = `kind: ConfigMap\nmetadata: { name: config }\ndata:\n  config: |\n${
        peer.replace(/^(?=.)/gm, "    ")
      }`;
      for (const text of [peer, asMap]) {
        const problems = readSource(text, "f").flatMap((part) =>
          part.kind === "configuration" ? part.found.problems : []
        );
        const told = `${renderProblems(problems, text)}${JSON.stringify(problems.map(reported))}`;
        assert.ok(!told.includes("hunter2"), `${text}\n${told}`);
        wrong += problems.length;
      }
    }
  }
  assert.ok(wrong > 300);
});
