import { parseIp } from "../net/ip.ts";

/**
 * Ends of names that no stranger can point anywhere: they are not in the public DNS (RFC 6761, 6762,
 * 8375, and ICANN's `internal`), or are those of Services in a cluster.
 */
const PRIVATE_ENDS = ["localhost", "local", "internal", "svc", "home.arpa"];

/**
 * Sent with a request, it shows that no page in a browser made it: a script can set any header but
 * those whose name begins so (Fetch §2.2.2). It passes an API server's proxy, which keeps the name
 * by which it was asked itself.
 */
export const NO_BROWSER_FIELD = "sec-herald";

/**
 * Whether a request with this Host header is meant for this process. A page of another site can let
 * its own name lead here, and would read what is answered (DNS rebinding); it cannot do so with an
 * address, a name without a dot, or one that is not in the public DNS. `own` are further names;
 * `*.example.com` is all below it, `*` is any.
 */
export function isOwnHost(host: string, own: readonly string[]): boolean {
  const name = nameOf(host);
  if (name === undefined) return false;
  if (parseIp(name) !== undefined || !name.includes(".")) return true;
  if (PRIVATE_ENDS.some((end) => name.endsWith(`.${end}`))) return true;
  return own.some((one) => covers(one.toLowerCase(), name));
}

/**
 * Patterns of the names below the domains in which this machine looks names up (resolv.conf(5)):
 * those of its cluster and its site.
 */
export function searchedNames(resolvConf: string): string[] {
  const [, domains = ""] = [...resolvConf.matchAll(/^\s*(?:search|domain)[ \t]+(.*)$/gm)].at(-1) ??
    [];
  return domains.split(/\s+/).map((domain) => domain.replace(/^\.|\.$/g, ""))
    .filter((domain) => domain !== "").map((domain) => `*.${domain}`);
}

function covers(pattern: string, name: string): boolean {
  return pattern === "*" || pattern === name ||
    (pattern.startsWith("*.") && name.endsWith(pattern.slice(1)));
}

/** Without the port, the brackets of IPv6 and the dot at the end. */
function nameOf(host: string): string | undefined {
  const [, bracketed, plain] =
    /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_.-]+))(?::\d{0,5})?$/.exec(host) ??
      [];
  return (bracketed ?? plain)?.toLowerCase().replace(/\.$/, "");
}
