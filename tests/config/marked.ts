/** What no message may ever hold. */
export const MARK = "hunter2Marked";

/** A password in the forms that YAML knows, with what YAML takes for marks of its own before it. */
const FORMS = [
  "",
  "*",
  "&",
  "!",
  "!e!",
  "!!",
  "%",
  "@",
  "`",
  "|",
  ">",
  "#",
  "? ",
  "- ",
  "[",
  "{",
  "'",
]
  .map((before) => `${before}${MARK}`)
  .concat(`"${MARK}"`, `'${MARK}'`, `"${MARK}`, `${MARK}'`, `${MARK}: x`, `${MARK} #`, `[${MARK}]`);

const CONFIG = `bfd-profiles:
- name: fast
peers:
- peer-address: 10.0.0.1
  peer-asn: 64501
  my-asn: 64500
  hold-time: 90s
  password: @
  bfd-profile: fast
  node-selectors:
  - match-labels: {rack: a}
- my-asn: 64500
  peer-asn: 64502
  peer-address: 10.0.0.2
  md5: @
address-pools:
- name: one
  protocol: bgp
  addresses: [10.1.0.0/24]
`;
const FLOW =
  `{"peers": [{"my-asn": 1, "password": @, "peer-asn": 2, "peer-address": "10.0.0.1"}, ` +
  `{my-asn: 1, pwd: @, peer-asn: 2, peer-address: 10.0.0.2}], "address-pools": []}\n`;
const BLOCK = `peers:
- peer-address: 10.0.0.1
  password: |
    @
  my-asn: 64500
- peer-address: 10.0.0.2
  router-id:
  password: >-
    @
- peer-address: 10.0.0.3
  ebgp-multihop:
  tcp-md5-password:
    @
`;
const MANIFEST = `kind: Secret
metadata: {name: bgp}
type: Opaque
stringData:
  password: @
  token: @
---
kind: ConfigMap
metadata: {name: config, namespace: metallb-system}
data:
  config: |
    peers:
    - peer-address: 10.0.0.1
      hold-time:
      password: @
      my-asn: 64500
      peer-asn: 64501
`;
const LIST = `kind: List
items:
- kind: Secret
  metadata: {name: bgp}
  data: {password: @}
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: config}
  data:
    config: "{peers: [{password: ${MARK}, my-asn: 1}]}"
`;
const KUBECONFIG = `kind: Config
current-context: c
clusters: [{name: k, cluster: {server: "https://10.0.0.1:6443", certificate-authority: ca}}]
users:
- name: u
  user:
    token: @
    client-key-data: @
contexts: [{name: c, context: {cluster: k, user: u}}]
`;

/** Documents that hold the secret at each place where one can stand, in each form. */
export const MARKED: readonly string[] = [CONFIG, FLOW, BLOCK, MANIFEST, LIST]
  .flatMap((document) => FORMS.map((form) => document.replaceAll("@", form)));
export const MARKED_KUBECONFIGS: readonly string[] = FORMS.map((form) =>
  KUBECONFIG.replaceAll("@", form)
);

/** What a token may be replaced by: nothing, and a value of each other type. */
const OTHERS = ["", "~", "5", "[]", "{}", "x: y", "[x]", "- z\n", '"', "'", ":", "\n", "{{ .x }}"];

/**
 * All texts that one edit makes of this one: each character and each token gone or doubled, each
 * token of another type, each line gone or doubled. The secret itself is never cut.
 */
export function* broken(text: string): Generator<string> {
  const parts = text.match(new RegExp(`${MARK}|[\\w./-]+|[^\\S\\n]+|[^]`, "g")) ?? [];
  for (let at = 0; at < parts.length; at++) {
    const part = parts[at] ?? "";
    const [before, after] = [parts.slice(0, at).join(""), parts.slice(at + 1).join("")];
    yield `${before}${part}${part}${after}`;
    if (part === MARK) continue;
    for (const other of OTHERS) yield `${before}${other}${after}`;
    // The letters of a word are alike but for the first and the last.
    if (part.length > 1) {
      yield `${before}${part.slice(1)}${after}`;
      yield `${before}${part.slice(0, -1)}${after}`;
      yield `${before}${part.slice(0, 1)} ${part.slice(1)}${after}`;
    }
  }
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at++) {
    yield lines.toSpliced(at, 1).join("\n");
    yield lines.toSpliced(at, 0, lines[at] ?? "").join("\n");
    yield lines.with(at, ` ${lines[at]}`).join("\n");
  }
}
