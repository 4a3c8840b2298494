import { selectsLabels } from "../config/selectors.ts";
import type { Pool } from "../config/types.ts";
import type { NamespaceFacts, ServiceFacts } from "../model/facts.ts";
import { LABEL } from "../model/names.ts";
import type { PoolState } from "./pool_state.ts";

/**
 * Whether a pool is for a Service by its `service-allocation`: its namespace is named or selected,
 * and its labels are selected. Asked only when an address is given: what a Service has it keeps.
 */
export function isFor(
  { serviceAllocation }: Pool,
  facts: ServiceFacts,
  namespaces: ReadonlyMap<string, NamespaceFacts>,
): boolean {
  const { namespaces: names, namespaceSelectors, serviceSelectors } = serviceAllocation;
  const anyNamespace = names.length === 0 && namespaceSelectors.length === 0;
  const ofNamespace = anyNamespace || names.includes(facts.namespace) ||
    (namespaceSelectors.length > 0 &&
      selectsLabels(namespaceSelectors, labelsOf(facts.namespace, namespaces)));
  return ofNamespace && selectsLabels(serviceSelectors, facts.labels);
}

/** The name is a label of every Namespace; one that is in no manifest has no other. */
function labelsOf(
  name: string,
  namespaces: ReadonlyMap<string, NamespaceFacts>,
): ReadonlyMap<string, string> {
  const known = namespaces.get(name)?.labels;
  return known?.has(LABEL.namespaceName)
    ? known
    : new Map([...known ?? [], [LABEL.namespaceName, name]]);
}

/** Whether the pool is for some Services only: it comes before the pools for all. */
function isForSome({ serviceAllocation }: Pool): boolean {
  const { namespaces, namespaceSelectors, serviceSelectors } = serviceAllocation;
  return namespaces.length > 0 || namespaceSelectors.length > 0 || serviceSelectors.length > 0;
}

/** Whether the labels of Namespaces decide which Service gets addresses of which pool. */
export function needsNamespaces(pools: readonly Pool[]): boolean {
  return pools.some(({ serviceAllocation }) => serviceAllocation.namespaceSelectors.length > 0);
}

/**
 * Pools in the order of their turn (rule A7): those for some Services first, then by priority,
 * lower first and 0 last, then as written.
 */
export function inTurn(pools: readonly PoolState[]): readonly PoolState[] {
  return [...pools].sort((a, b) =>
    Number(isForSome(b.pool)) - Number(isForSome(a.pool)) || rank(a.pool) - rank(b.pool)
  );
}

function rank({ serviceAllocation: { priority } }: Pool): number {
  return priority === 0 ? Number.MAX_SAFE_INTEGER : priority;
}
