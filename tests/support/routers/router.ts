/** A path of a router's table. */
export interface RouterPath {
  readonly prefix: string;
  readonly nextHop: string;
  readonly asPath: readonly number[];
  readonly localPref?: number;
  readonly origin: string;
  readonly communities: readonly string[];
  readonly largeCommunities: readonly string[];
}

export interface RouterNeighbor {
  readonly address: string;
  readonly asn: number;
  /** The router's end of the session, where it has several addresses; BIRD only. */
  readonly localAddress?: string;
  /** Of a link-local neighbour. */
  readonly interfaceName?: string;
  readonly password?: string;
  /** Hops to it beyond the link. */
  readonly multihop?: boolean;
  readonly ttlSecurity?: boolean;
  readonly bfd?: { readonly intervalMs: number; readonly multiplier: number };
}

export interface RouterOptions {
  readonly asn: number;
  readonly routerId: string;
  readonly neighbors: readonly RouterNeighbor[];
  /** Where it listens; default 179. */
  readonly port?: number;
  /** Keeps a restarting neighbour's routes (RFC 4724). */
  readonly gracefulRestart?: boolean;
}

/** A real router that runs inside a host's namespace. */
export interface Router extends AsyncDisposable {
  /** All paths of both families, by prefix and then next hop. */
  rib(): Promise<RouterPath[]>;
  /** Whether the session with that neighbour is established. */
  established(neighbor: string): Promise<boolean>;
  /** What it has logged so far. */
  log(): Promise<string>;
}

/** Orders paths by prefix and next hop, as tables compare them. */
export function sortPaths(paths: RouterPath[]): RouterPath[] {
  const key = ({ prefix, nextHop }: RouterPath) => `${prefix} ${nextHop}`;
  return paths.sort((a, b) => key(a) < key(b) ? -1 : 1);
}
