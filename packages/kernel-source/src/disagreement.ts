/** Where a table of Kelp and a source tree say different things. */
export interface Disagreement {
  /** `relocation/verdict`, `relocation/clear` and the like: stable, for the list of accepted ones. */
  readonly code: `${string}/${string}`;
  /** Ids of the architectures whose tables it is about. */
  readonly architectures: readonly string[];
  /** The relocation type, section or hook. */
  readonly subject: string;
  readonly tree: string;
  readonly table: string;
  /** Options under which they differ, as `PPC_KERNEL_PCREL=y`; empty: in any configuration. */
  readonly configuration: string;
  /** Where the tree says it, or where it was looked for. */
  readonly place: string;
}

/** Say once what is said of several architectures. */
export function mergeArchitectures(found: readonly Disagreement[]): readonly Disagreement[] {
  const merged = new Map<string, { readonly one: Disagreement; readonly architectures: Set<string> }>();
  for (const one of found) {
    const key = JSON.stringify({ ...one, architectures: [] });
    const known = merged.get(key) ?? { one, architectures: new Set() };
    one.architectures.forEach((id) => known.architectures.add(id));
    merged.set(key, known);
  }
  return [...merged.values()].map(({ one, architectures }) => ({
    ...one,
    architectures: [...architectures],
  }));
}
