/** What changed between two keyed tables. */
export interface Difference<K, V> {
  readonly added: readonly (readonly [K, V])[];
  readonly changed: readonly (readonly [K, V, V])[];
  readonly removed: readonly (readonly [K, V])[];
}

/**
 * Compares two keyed tables: `changed` rows are `[key, before, after]`. Order is that of `after`,
 * removed rows in the order of `before`.
 */
export function diffMaps<K, V>(
  before: ReadonlyMap<K, V>,
  after: ReadonlyMap<K, V>,
  equal: (a: V, b: V) => boolean,
): Difference<K, V> {
  const added: [K, V][] = [];
  const changed: [K, V, V][] = [];
  const removed: [K, V][] = [];
  for (const [key, value] of after) {
    const old = before.get(key);
    if (old === undefined) added.push([key, value]);
    else if (!equal(old, value)) changed.push([key, old, value]);
  }
  for (const [key, value] of before) if (!after.has(key)) removed.push([key, value]);
  return { added, changed, removed };
}
