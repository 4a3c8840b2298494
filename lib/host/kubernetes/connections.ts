import type { Credentials } from "./credentials.ts";

/**
 * One connection for requests and one for streams: on a shared one, the answers to a burst of
 * writes hold up the events, and the server ends a watch whose events are not fetched at once.
 */
export interface Connections {
  readonly requests: Deno.HttpClient;
  readonly streams: Deno.HttpClient;
}

/** Makes the two clients; no connection is opened yet. */
export function connect({ authority, certificate, key }: Credentials): Connections {
  const caCerts = authority === undefined ? [] : [authority];
  const open = () =>
    certificate !== undefined && key !== undefined
      ? Deno.createHttpClient({ caCerts, cert: certificate, key })
      : Deno.createHttpClient({ caCerts });
  return { requests: open(), streams: open() };
}

/** Closes both; what is under way goes on to its end. */
export function disconnect({ requests, streams }: Connections): void {
  requests.close();
  streams.close();
}
