/** `part` again and again, up to so many characters. */
function fill(part: string, size: number): string {
  return part.repeat(Math.ceil(size / part.length)).slice(0, size);
}

/** Lines made by number, up to so many characters. */
function count(line: (at: number) => string, size: number): string {
  const lines: string[] = [];
  for (let at = 0, length = 0; length < size; at++) {
    const made = line(at);
    lines.push(made);
    length += made.length;
  }
  return lines.join("").slice(0, size);
}

const name = (at: number) => `n${at.toString(36)}`;
const POOL = "address-pools:\n- name: a\n  protocol: layer2\n  addresses:\n";
const BGP =
  "address-pools:\n- name: a\n  protocol: bgp\n  addresses: [10.0.0.0/24]\n  bgp-advertisements:\n";

/**
 * Texts of so many characters that cost a reader of YAML most, by what they are made of. Each has
 * been slow once, or is what makes a composer look through a document again and again.
 */
export const WORST_TEXTS: Readonly<Record<string, (size: number) => string>> = {
  "aliases of one anchor": (size) => `${POOL}  - &a 10.0.0.1/32\n${fill("  - *a\n", size)}`,
  "an alias for each anchor": (size) => count((at) => `- &${name(at)} x\n- *${name(at)}\n`, size),
  "aliases of all before them": (size) =>
    count((at) => `${name(at)}: &${name(at)} [*${name(at - 1)}, *${name(at - 1)}]\n`, size),
  "anchors": (size) => count((at) => `- &${name(at)} x\n`, size),
  "aliases without an anchor": (size) => fill("- *a\n", size),
  "deep lists": (size) => fill("[", size),
  "deep lists that end": (size) => fill("[", size / 2) + fill("]", size / 2),
  "deep maps": (size) => fill("{a: ", size),
  "deep maps of JSON": (size) => fill('{"a":', size / 2) + "1" + fill("}", size / 12),
  "deep keys": (size) => `${fill("[", 60)}a${fill("]: b", 240)}${fill(", [a]: b", size)}`,
  "deep dashes": (size) => fill("- ", size),
  "deep question marks": (size) => fill("? ", size),
  "deep lines": (size) => {
    let [text, at] = ["", 0];
    while (text.length < size) text += `${" ".repeat(at++)}a:\n`;
    return text;
  },
  "sixty levels again and again": (size) => fill(`${fill("[", 60)}${fill("]", 60)},\n`, size),
  "brackets after brackets": (size) => fill("{}", size),
  "quotes after quotes": (size) => fill('"', size),
  "apostrophes": (size) => fill("'", size),
  "lists without commas": (size) => `[${fill('a "b" ', size)}]`,
  "commas": (size) => `[${fill(",", size)}]`,
  "colons": (size) => fill(": ", size),
  "pairs in brackets": (size) => `{${fill("a: b, ", size)}}`,
  "short values in brackets": (size) => `[${fill("1,", size)}1]`,
  "a long key": (size) => `${fill("k", size)}: x\n`,
  "long keys": (size) => count((at) => `${fill("k", 1_000)}${name(at)}: x\n`, size),
  "keys of nobody": (size) => count((at) => `${name(at)}-${fill("address-pool", 50)}: x\n`, size),
  "equal keys": (size) => fill("peers: x\n", size),
  "different keys": (size) => count((at) => `${name(at)}: x\n`, size),
  "different keys in brackets": (size) => `{${count((at) => `${name(at)}: x, `, size)}}`,
  "merge keys": (size) => `a: &a {b: c}\n${fill("<<: *a\n", size)}`,
  "documents": (size) => fill("---\n", size),
  "documents with something": (size) => fill("---\n&a a\n", size),
  "documents that end": (size) => fill("a\n...\n", size),
  "directives": (size) => fill("%YAML 1.2\n---\n", size),
  "a long word": (size) => `a: ${fill("x", size)}\n`,
  "a long line": (size) => `a: ${fill("x y ", size)}\n`,
  "a word over many lines": (size) => `a:\n${fill("  x\n", size)}`,
  "a quotation over many lines": (size) => `a: "${fill("  x\n", size)}"\n`,
  "escapes": (size) => `a: "${fill("\\n", size)}"\n`,
  "backslashes": (size) => fill("\\", size),
  "a block of lines": (size) => `a: |\n${fill("  x\n", size)}`,
  "a folded block": (size) => `a: >\n${fill("  x\n\n", size)}`,
  "blocks": (size) => fill("- |\n x\n", size),
  "comments": (size) => fill("#\n", size),
  "comments behind values": (size) => `- a${fill(" #\n- a", size)}`,
  "comments of many depths": (size) => fill("a:\n  #\n    #\n", size),
  "a long comment": (size) => `#${fill(" x", size)}`,
  "tabulators": (size) => fill("\t", size),
  "tabulators and words": (size) => fill("a:\tb\n", size),
  "blanks": (size) => fill(" ", size),
  "empty lines": (size) => `a: b${fill("\n", size)}c: d\n`,
  "returns": (size) => fill("\r", size),
  "tags": (size) => fill("- !a b\n", size),
  "tags in brackets": (size) => `[${fill("!!str a,", size)}]`,
  "long tags": (size) => `!<${fill("a", size)}> b\n`,
  "templates": (size) => fill("{{ .Values.a }}\n", size),
  "list items": (size) => fill("- a\n", size),
  "addresses": (size) =>
    POOL + count((at) => `  - 10.${at >> 12}.${(at >> 4) & 255}.${at % 16}/32\n`, size),
  "addresses inside each other": (size) => POOL + fill("  - 10.0.0.0/8\n", size),
  "wrong addresses": (size) => POOL + fill("  - 10.0.0.x/99\n", size),
  "long addresses": (size) => `${POOL}  - ${fill("10.", size)}\n`,
  "pools": (size) =>
    "address-pools:\n" +
    count(
      (at) => `- {name: ${name(at)}, protocol: bgp, addresses: [fd00::${at % 9999}/128]}\n`,
      size,
    ),
  "equal pools": (size) => `address-pools:\n${fill("- {name: a, protocol: bgp}\n", size)}`,
  "peers": (size) =>
    "peers:\n" +
    count((at) => `- {my-asn: 1, peer-asn: 2, peer-address: 10.0.${at >> 8}.${at % 256}}\n`, size),
  "equal peers": (size) =>
    `peers:\n${fill("- {my-asn: 1, peer-asn: 2, peer-address: 10.0.0.1}\n", size)}`,
  "advertisements": (size) => BGP + count((at) => `  - {localpref: ${at}}\n`, size),
  "equal advertisements": (size) => BGP + fill("  - {localpref: 1}\n", size),
  "communities of nobody": (size) =>
    `${BGP}  - communities:\n${count((at) => `    - ${name(at)}\n`, size)}`,
  "names of communities": (size) =>
    `bgp-communities:\n${count((at) => `  ${name(at)}: 1:1\n`, size)}`,
  "numbers that are none": (size) => fill(`peers:\n- my-asn: ${fill("9", 60)}\n`, size),
};
