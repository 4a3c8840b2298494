import fc from "fast-check";
import { type Config, FOR_ALL, type LabelSelector } from "../../../lib/config/types.ts";
import { type ServiceFacts, serviceKey, type ServicePort } from "../../../lib/model/facts.ts";
import type { Ip } from "../../../lib/net/ip.ts";
import { config, ips, pool, range, service } from "../fixture.ts";
import type { Fate } from "./world.ts";

const V4 = "10.0.0.254-10.0.1.1";
const V6 = "fd00::1-fd00::2";
const MORE = "10.0.2.1-10.0.2.2";
const TEAM = selector("team", "yes");
const GOLD = selector("tier", "gold");

function selector(label: string, value: string): LabelSelector {
  return { matchLabels: new Map([[label, value]]), matchExpressions: [] };
}

/** Small pools over the same addresses, so that full pools, moves and refusals are common. */
export const CONFIGS: readonly Config[] = [
  config(pool("a", [V4, V6]), pool("b", MORE, { autoAssign: false })),
  config(pool("b", MORE), pool("a", [V6, V4])),
  config(pool("a", [V4, V6], { avoidBuggyIps: true }), pool("b", MORE)),
  config(
    pool("a", ["10.0.0.254-10.0.0.255", "fd00::1"]),
    pool("c", ["10.0.1.0-10.0.1.1", "fd00::2"], { stickyMs: 60_000 }),
  ),
  config(pool("c", [V4, MORE, "fd00::1-fd00::3"])),
  config(pool("b", MORE)),
  config(),
  config(
    pool("a", [V4, V6], { stickyMs: 60_000, reserved: [range("10.0.0.254-10.0.0.255")] }),
    pool("b", MORE, { stickyMs: 5_000 }),
  ),
  config(
    pool("a", [V4, V6], {
      stickyMs: 60_000,
      serviceAllocation: { ...FOR_ALL, priority: 10 },
    }),
    pool("b", MORE, { serviceAllocation: { ...FOR_ALL, namespaceSelectors: [TEAM] } }),
  ),
  config(
    pool("a", V4, { reserved: [range("10.0.1.0")] }),
    pool("c", V6, {
      serviceAllocation: { ...FOR_ALL, priority: 7, namespaces: ["default"] },
    }),
    pool("b", MORE, {
      autoAssign: false,
      serviceAllocation: { ...FOR_ALL, priority: 3, serviceSelectors: [GOLD] },
    }),
  ),
  config(
    pool("a", V4),
    pool("c", ["10.0.2.1", V6], { serviceAllocation: { ...FOR_ALL, priority: 1 } }),
    pool("b", "10.0.2.2", { stickyMs: 60_000, reserved: [range("10.0.2.2")] }),
  ),
];

/** The configuration that a sequence begins with, by its place. */
export const first: fc.Arbitrary<number> = fc.nat(CONFIGS.length - 1);

/** A Service of the sequences; one whose name begins with `t` lives in the namespace `team`. */
export function bare(name: string): ServiceFacts {
  const namespace = name.startsWith("t") ? "team" : "default";
  const at = NAMES.indexOf(name);
  return {
    ...service(name),
    key: serviceKey(namespace, name),
    namespace,
    createdMs: at % 3,
  };
}

export const NAMES: readonly string[] = ["s0", "s1", "s2", "s3", "s4", "t5", "t6", "t7"];
const PORTS: readonly ServicePort[] = [
  { protocol: "TCP", port: 80 },
  { protocol: "TCP", port: 443 },
  { protocol: "UDP", port: 80 },
];

const mostly = <T>(usual: T, ...others: T[]) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constant(usual) },
    { weight: 3, arbitrary: fc.constantFrom(...others) },
  );
const address = fc.constantFrom(
  ...ips("10.0.0.254", "10.0.0.255", "10.0.1.0", "10.0.1.1", "10.0.2.1", "10.0.2.2"),
  ...ips("fd00::1", "fd00::2", "192.0.2.1"),
);
const request: fc.Arbitrary<ServiceFacts["addressRequest"]> = fc.oneof(
  { weight: 8, arbitrary: fc.constant({ kind: "none" as const }) },
  { weight: 2, arbitrary: address.map((one) => ({ kind: "addresses" as const, ips: [one] })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<ServiceFacts["addressRequest"]>(
      { kind: "addresses", ips: ips("fd00::1", "10.0.0.254") },
      { kind: "invalid", event: "LoadBalancerFailed", message: "unreadable" },
    ),
  },
);
const edit: fc.Arbitrary<Partial<ServiceFacts>> = fc.record({
  isLoadBalancer: mostly(true, true, false),
  loadBalancerClass: mostly<string | undefined>(undefined, undefined, undefined, "x/y"),
  families: mostly<ServiceFacts["families"]>([4], [6], [4, 6], [6, 4], []),
  prefersDualStack: fc.boolean(),
  ports: fc.subarray([...PORTS], { minLength: 1, maxLength: 2 }),
  externalTrafficPolicy: mostly<ServiceFacts["externalTrafficPolicy"]>("Cluster", "Local"),
  selector: mostly("one", "two"),
  labels: mostly<ServiceFacts["labels"]>(new Map(), new Map([["tier", "gold"]])),
  sharingKey: mostly<string | undefined>("k", undefined, "j"),
  poolRequest: mostly<string | undefined>(undefined, undefined, "a", "b", "gone"),
  addressRequest: request,
}, { requiredKeys: [] });

interface Edit {
  readonly name: string;
  readonly part: Partial<ServiceFacts>;
}

/** One thing that happens. */
export type Step =
  | { readonly kind: "put"; readonly edits: readonly Edit[] }
  | { readonly kind: "meddle" | "foreign"; readonly name: string; readonly ip: Ip | undefined }
  | { readonly kind: "delete" | "markDeleting" | "recreate"; readonly name: string }
  | { readonly kind: "config" | "unheard"; readonly index: number }
  | { readonly kind: "depose" }
  | { readonly kind: "rights"; readonly granted: boolean }
  | { readonly kind: "relabel"; readonly team: boolean }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "hear"; readonly count: number }
  | { readonly kind: "land"; readonly index: number; readonly fate: Fate }
  | { readonly kind: "takeOver" | "settle"; readonly seed: number };

const name = fc.constantFrom(...NAMES);
const edits = fc.oneof(
  fc.array(fc.record({ name, part: edit }), { minLength: 1, maxLength: 1 }),
  fc.array(fc.record({ name, part: edit }), { minLength: 2, maxLength: 4 }),
);
const seed = fc.nat(1000);

function of<T extends Step>(weight: number, arbitrary: fc.Arbitrary<T>) {
  return { weight, arbitrary };
}

const kind = <K extends Step["kind"]>(...kinds: K[]) => fc.constantFrom(...kinds);

export const step: fc.Arbitrary<Step> = fc.oneof(
  of(9, fc.record({ kind: kind("put"), edits })),
  of(
    2,
    fc.record({
      kind: kind("meddle", "foreign", "foreign"),
      name,
      ip: fc.option(address, { nil: undefined }),
    }),
  ),
  of(3, fc.record({ kind: kind("delete", "markDeleting", "recreate"), name })),
  of(
    2,
    fc.record({ kind: kind("config", "config", "unheard"), index: fc.nat(CONFIGS.length - 1) }),
  ),
  of(1, fc.record({ kind: kind("relabel"), team: fc.boolean() })),
  of(1, fc.record({ kind: kind("wait"), ms: fc.constantFrom(4_000, 30_000, 61_000) })),
  of(5, fc.record({ kind: kind("hear"), count: fc.constantFrom(1, 2, 3, 100) })),
  of(
    6,
    fc.record({
      kind: kind("land"),
      index: fc.nat(7),
      fate: fc.constantFrom<Fate>("answered", "answered", "answered", "mute", "timeout", "lost"),
    }),
  ),
  of(1, fc.record({ kind: kind("takeOver"), seed })),
  of(1, fc.record({ kind: kind("rights"), granted: fc.boolean() })),
  of(1, fc.record({ kind: kind("depose") })),
  of(7, fc.record({ kind: kind("settle"), seed })),
);
