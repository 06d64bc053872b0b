import type { ArchitectureCensus } from './census-json.ts';

/** What one kernel's scan says about the claims that the proof makes. */
export interface TreeSummary {
  readonly modules: number;
  readonly relocations: number;
  readonly sections: number;
  /** Anything that makes the proof fail. */
  readonly faults: readonly string[];
  /** Sections that look special and that no table row knows: worth reading, no failure. */
  readonly unexplained: readonly string[];
}

/** Checks the census of one kernel against the number of its module files. */
export function summarize(census: ReadonlyMap<string, ArchitectureCensus>, moduleFiles: number): TreeSummary {
  const parts = [...census].filter(([, { modules, failed }]) => modules > 0 || failed.length > 0);
  const all = parts.map(([, part]) => part);
  const modules = sum(all.map((part) => part.modules));
  const sections = all.flatMap((part) => part.sections);
  return {
    modules,
    relocations: sum(all.flatMap((part) => part.relocations.map(({ count }) => count))),
    sections: sections.length,
    faults: [
      ...(modules === moduleFiles ? [] : [`${moduleFiles} module files, ${modules} of them in the census`]),
      ...(parts.length === 1 ? [] : [`modules of ${parts.length} architectures, expected one`]),
      ...all.flatMap((part) => part.failed.map(({ file, code, message }) => `${file}: ${code}: ${message}`)),
      ...all.flatMap((part) =>
        part.relocations
          .filter(({ name }) => name === undefined || name.startsWith('unknown('))
          .map(({ type, count }) => `${count} relocations of unknown type ${type}`),
      ),
    ],
    unexplained: sections.filter(({ special, known }) => special && !known).map(({ name }) => name),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
