import { parseKernel, type Architecture, type Kernel } from '@kelp/core';
import type { KernelCounts } from '@kelp/census';
import type { Feature } from './feature.ts';
import type { UsageCell } from './matrix.ts';

/** What a census says about one section name or relocation type in one release. */
interface Use {
  readonly modules: number;
  readonly count: number | null;
}

/** How often the modules of some releases of one architecture use its features. */
export class Usage {
  readonly #releases: readonly KernelCounts[];
  readonly #uses: readonly ReadonlyMap<string, readonly Use[]>[];

  constructor(architecture: Architecture, releases: readonly KernelCounts[]) {
    this.#releases = releases;
    this.#uses = releases.map((release) => usesByFeature(architecture, release));
  }

  /** Null where no release was scanned, and for capabilities, which files do not show. */
  of({ id, kind, rows }: Feature): UsageCell | null {
    if (kind === 'capability' || this.#releases.length === 0) return null;
    const uses = this.#uses.map((features) => features.get(id) ?? []);
    const counts = uses.flat().flatMap(({ count }) => count ?? []);
    const hasEntries =
      kind === 'relocation' || rows.some((row) => 'layouts' in row && row.layouts.length > 0);
    const isCounted = hasEntries && (counts.length > 0 || uses.flat().length === 0);
    return {
      modules: uses.reduce((sum, ofRelease) => sum + mostModules(ofRelease), 0),
      of: this.#releases.reduce((sum, { modules }) => sum + modules, 0),
      count: isCounted ? counts.reduce((sum, count) => sum + count, 0) : null,
    };
  }
}

/**
 * The files of one release that use a feature. A pattern may match several section names, and a census does not tell
 * which files have several of them: the most that one name has is what is certain.
 */
function mostModules(uses: readonly Use[]): number {
  return uses.reduce((most, { modules }) => Math.max(most, modules), 0);
}

function usesByFeature(
  architecture: Architecture,
  counts: KernelCounts,
): ReadonlyMap<string, readonly Use[]> {
  const kernel = kernelOfRelease(counts.release);
  const uses = new Map<string, Use[]>();
  const add = (feature: string, use: Use): void => {
    const known = uses.get(feature);
    if (known === undefined) uses.set(feature, [use]);
    else known.push(use);
  };
  for (const { name, modules, entries } of counts.sections) {
    // A row of another kernel, too: that modules have what the table says they cannot have should be seen.
    const row = architecture.specialSection(name, kernel) ?? architecture.specialSection(name);
    if (row !== undefined) add(`section/${row.name}`, { modules, count: entries });
  }
  for (const { type, modules, count } of counts.relocations) {
    const row = architecture.relocationType(type);
    if (row !== undefined) add(`relocation/${row.name}`, { modules, count });
  }
  return uses;
}

/** The kernel of a release in a census, which may be any text: `unknown` where a file names none. */
export function kernelOfRelease(release: string): Kernel | undefined {
  try {
    return parseKernel(release);
  } catch {
    return undefined;
  }
}
