/**
 * From here on a TLS connection of this process trusts the authorities that it names, and no other.
 * Deno adds those to the store of its runtime, Mozilla's or the system's, for which any public
 * authority can vouch; the store is read from these variables once, before the first connection.
 */
export function trustOnlyNamed(): void {
  Deno.env.set("DENO_TLS_CA_STORE", "");
  Deno.env.delete("DENO_CERT");
}
