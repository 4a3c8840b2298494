// What is in an image, as SPDX 2.3: https://spdx.github.io/spdx-spec/v2.3/
import type { BundledPackage } from "../licenses.ts";
import { BASE, hexSha256, type Platform } from "./base.ts";
import type { ImageFacts } from "./layout.ts";

interface Part {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly purl: string;
  readonly supplier: string;
}

/** The parts of one platform's image: Herald, its runtime, its libraries, its base. */
function partsOf(
  { name: arch }: Platform,
  { version }: ImageFacts,
  deno: string,
  npm: readonly BundledPackage[],
): Part[] {
  return [
    {
      id: "herald",
      name: "herald",
      version,
      license: "Apache-2.0",
      purl: `pkg:generic/herald@${version}`,
      supplier: "Organization: Herald",
    },
    {
      id: "deno",
      name: "deno",
      version: deno,
      license: "MIT",
      purl: `pkg:github/denoland/deno@v${deno}`,
      supplier: "Organization: Deno Land Inc.",
    },
    ...npm.map(({ license, name, version }) => ({
      id: `npm-${name}-${version}`,
      name,
      version,
      license,
      purl: `pkg:npm/${encodeURIComponent(name).replace("%2F", "/")}@${version}`,
      supplier: "NOASSERTION",
    })),
    ...BASE.map(({ license, name, version }) => ({
      id: `deb-${name}`,
      name,
      version,
      license,
      purl: `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${arch}&distro=bookworm`,
      supplier: "Organization: Debian",
    })),
  ];
}

/** The SPDX document of one platform's image. */
export async function sbomOf(
  platform: Platform,
  facts: ImageFacts,
  deno: string,
  npm: readonly BundledPackage[],
): Promise<unknown> {
  const parts = partsOf(platform, facts, deno, npm);
  const text = new TextEncoder().encode(JSON.stringify([facts, parts]));
  const spdxId = (id: string) => `SPDXRef-${id.replace(/[^A-Za-z0-9.-]+/g, "-")}`;
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: `herald-${facts.version}-linux-${platform.name}`,
    documentNamespace: `https://spdx.org/spdxdocs/herald-${(await hexSha256(text)).slice(0, 32)}`,
    creationInfo: {
      created: `${new Date(facts.epoch * 1000).toISOString().slice(0, 19)}Z`,
      creators: [`Tool: herald-image-${facts.version}`],
    },
    packages: parts.map((part) => ({
      SPDXID: spdxId(part.id),
      name: part.name,
      versionInfo: part.version,
      supplier: part.supplier,
      downloadLocation: "NOASSERTION",
      filesAnalyzed: false,
      licenseConcluded: "NOASSERTION",
      licenseDeclared: part.license,
      copyrightText: "NOASSERTION",
      externalRefs: [{
        referenceCategory: "PACKAGE-MANAGER",
        referenceType: "purl",
        referenceLocator: part.purl,
      }],
    })),
    relationships: [
      { from: "DOCUMENT", type: "DESCRIBES", to: spdxId("herald") },
      ...parts.slice(1).map(({ id }) => ({
        from: spdxId("herald"),
        type: id.startsWith("deb-") ? "DEPENDS_ON" : "CONTAINS",
        to: spdxId(id),
      })),
    ].map(({ from, to, type }) => ({
      spdxElementId: from === "DOCUMENT" ? "SPDXRef-DOCUMENT" : from,
      relationshipType: type,
      relatedSpdxElement: to,
    })),
  };
}
