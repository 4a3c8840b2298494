import { openJanitor } from "./janitor.ts";
import { must, type Outcome, run, type RunningProcess, start } from "./process.ts";

let lans = 0;

export interface HostOptions {
  /** `10.77.1.11/24`. */
  readonly addresses: readonly string[];
  /** Default: 02:00:00:00:LAN:NUMBER. */
  readonly mac?: string;
  readonly gateway?: string;
}

/** A machine of the LAN: a network namespace with `eth0` on the switch. */
export interface Host {
  readonly name: string;
  readonly netns: string;
  readonly mac: string;
  /** `[command, arguments]` that run inside. */
  inside(command: string, ...args: string[]): [string, string[]];
  run(command: string, ...args: string[]): Promise<Outcome>;
  must(command: string, ...args: string[]): Promise<string>;
  start(command: string, args: readonly string[], env?: Record<string, string>): RunningProcess;
  /** The MAC that this host has learnt for an address. */
  neighbour(ip: string): Promise<string | undefined>;
  /** The MACs that answered, one for each reply. */
  arping(ip: string, count: number): Promise<string[]>;
}

/** A switch with hosts on it; disposing of it removes every namespace and what runs inside. */
export interface Lan extends AsyncDisposable {
  /** Every name of this LAN begins so. */
  readonly prefix: string;
  addHost(name: string, options: HostOptions): Promise<Host>;
  /** A namespace that is on no switch; for pods and routers behind hosts. */
  addNamespace(name: string): Promise<Host>;
  /** Takes the host's port of the switch down, so that the host is cut off without notice. */
  setPort(host: Host, state: "up" | "down"): Promise<void>;
  /** Takes a host's cable out, or puts it in again. */
  setCable(host: Host, state: "up" | "down"): Promise<void>;
}

/** Makes an empty LAN; needs root. */
export async function makeLan(): Promise<Lan> {
  const prefix = `herald-t-${Deno.pid}-${++lans}`;
  const number = lans;
  const bridge = `${prefix}-switch`;
  const namespaces: string[] = [];
  const janitor = openJanitor({ namespaces: `${prefix}-` });
  async function addNamespace(netns: string): Promise<void> {
    await must("ip", ["netns", "add", netns]);
    namespaces.push(netns);
    await must("ip", ["-n", netns, "link", "set", "lo", "up"]);
  }
  async function dispose(): Promise<void> {
    for (const netns of namespaces.reverse()) {
      for (const pid of (await run("ip", ["netns", "pids", netns])).stdout.split("\n")) {
        if (pid !== "") await run("kill", ["-9", pid]);
      }
      await run("ip", ["netns", "del", netns]);
    }
    await janitor[Symbol.asyncDispose]();
  }
  try {
    await addNamespace(bridge);
    await must("ip", ["-n", bridge, "link", "add", "br0", "type", "bridge", "forward_delay", "0"]);
    await must("ip", ["-n", bridge, "link", "set", "br0", "up"]);
  } catch (error) {
    await dispose();
    throw error;
  }
  let ports = 0;
  const portOf = new Map<string, string>();
  return {
    prefix,
    async addHost(name, { addresses, gateway, mac = macOf(number, ports + 1) }) {
      const netns = `${prefix}-${name}`;
      await addNamespace(netns);
      const port = `port${++ports}`;
      portOf.set(netns, port);
      await must("ip", [
        "-n",
        bridge,
        "link",
        "add",
        port,
        "type",
        "veth",
        "peer",
        "name",
        "eth0",
        "netns",
        netns,
      ]);
      await must("ip", ["-n", bridge, "link", "set", port, "master", "br0", "up"]);
      // Duplicate address detection would hold IPv6 back for a second.
      await must("ip", [
        "netns",
        "exec",
        netns,
        "sysctl",
        "-qw",
        "net.ipv6.conf.all.accept_dad=0",
        "net.ipv6.conf.eth0.accept_dad=0",
      ]);
      await must("ip", ["-n", netns, "link", "set", "eth0", "address", mac, "up"]);
      for (const address of addresses) {
        await must("ip", ["-n", netns, "addr", "add", address, "dev", "eth0"]);
      }
      if (gateway !== undefined) {
        await must("ip", ["-n", netns, "route", "add", "default", "via", gateway]);
      }
      return hostOf(name, netns, mac);
    },
    async addNamespace(name) {
      await addNamespace(`${prefix}-${name}`);
      return hostOf(name, `${prefix}-${name}`, "");
    },
    async setPort(host, state) {
      const port = portOf.get(host.netns) ?? "";
      await must("bridge", [
        "-n",
        bridge,
        "link",
        "set",
        "dev",
        port,
        "state",
        state === "up" ? "3" : "0",
      ]);
    },
    async setCable(host, state) {
      await must("ip", ["-n", host.netns, "link", "set", "eth0", state]);
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** Lays a cable from a new interface of a host to the `eth0` of a namespace that has none yet. */
export async function layCable(host: Host, name: string, to: Host, mac?: string): Promise<void> {
  const address = mac === undefined ? [] : ["address", mac];
  const peer = ["type", "veth", "peer", "name", "eth0", "netns", to.netns];
  await host.must("ip", "link", "add", name, ...address, ...peer);
  await to.must("ip", "link", "set", "eth0", "up");
  await host.must("ip", "link", "set", name, "up");
}

function macOf(lan: number, port: number): string {
  return ["02", "00", "00", "00", hex(lan & 255), hex(port)].join(":");
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

function hostOf(name: string, netns: string, mac: string): Host {
  const inside = (command: string, ...args: string[]): [string, string[]] => [
    "ip",
    ["netns", "exec", netns, command, ...args],
  ];
  return {
    name,
    netns,
    mac,
    inside,
    run: (command, ...args) => run(...inside(command, ...args)),
    must: (command, ...args) => must(...inside(command, ...args)),
    start: (command, args, env) => start(...inside(command, ...args), env),
    async neighbour(ip) {
      const table = await must("ip", ["-n", netns, "neigh", "show", ip]);
      return /lladdr (\S+)/.exec(table)?.[1];
    },
    async arping(ip, count) {
      const { stdout } = await run(
        ...inside("arping", "-I", "eth0", "-c", String(count), "-w", String(count), ip),
      );
      return [...stdout.matchAll(/reply from \S+ \[([0-9A-F:]+)\]/g)].map(([, found = ""]) =>
        found.toLowerCase()
      );
    },
  };
}
