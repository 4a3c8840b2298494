/** What a request shows of who asks. */
export type Shown =
  | { readonly kind: "token"; readonly token: string }
  /** None, or not one in a form that is understood: `reason` says what is wrong. */
  | { readonly kind: "none" }
  | { readonly kind: "malformed"; readonly reason: string };

/** What may stand in a header beside it is short; the head of a request is as long as this and a bit. */
export const LONGEST_TOKEN = 7_168;

const SCHEME = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?: +(.*))?$/;
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

/**
 * Reads the token of a request (RFC 6750 §2.1), or the password that a browser asks for, which is the
 * token then (RFC 7617); the user name is nothing. Two of them are none: a proxy in front may have
 * looked at the other.
 */
export function readToken(authorization: string | undefined): Shown {
  if (authorization === undefined || authorization === "") return { kind: "none" };
  const [, scheme = "", rest = ""] = SCHEME.exec(authorization) ?? [];
  switch (scheme.toLowerCase()) {
    case "bearer":
      return checked(rest.trim());
    case "basic":
      return checked(passwordOf(rest.trim()));
    default:
      return { kind: "malformed", reason: "only Bearer and Basic are understood" };
  }
}

function checked(token: string): Shown {
  if (token === "") return { kind: "malformed", reason: "the token is empty" };
  if (token.length > LONGEST_TOKEN) {
    return { kind: "malformed", reason: `the token is longer than ${LONGEST_TOKEN} characters` };
  }
  if (!TOKEN.test(token)) return { kind: "malformed", reason: "what stands there is no one token" };
  return { kind: "token", token };
}

/** After the first colon; empty where there is none. */
function passwordOf(encoded: string): string {
  try {
    const pair = atob(encoded);
    const colon = pair.indexOf(":");
    return colon === -1 ? "" : pair.slice(colon + 1);
  } catch {
    return "";
  }
}

/**
 * When a token that is a JWT ends by its own words, in Unix time; undefined where it does not say.
 * It is not checked: it can only make a token that was found good end earlier.
 */
export function expiryOf(token: string): number | undefined {
  const [, payload] = token.split(".");
  if (payload === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    if (typeof claims !== "object" || claims === null || !("exp" in claims)) return undefined;
    return typeof claims.exp === "number" ? claims.exp * 1_000 : undefined;
  } catch {
    return undefined;
  }
}
