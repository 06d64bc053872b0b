import { SHT_NOBITS, type ObjectFile, type Section } from '@kelp/core/elf';
import type { ListingLine } from './listing.ts';
import {
  compareSection,
  type Difference,
  type RelocatedField,
  type SectionResult,
} from './section-comparison.ts';

/** A difference in a named section. */
export interface SectionDifference extends Difference {
  readonly section: string;
}

/** What was compared in one module or several. */
export interface Counts {
  readonly sections: number;
  readonly bytes: number;
  readonly instructions: number;
  readonly invalid: number;
  readonly targets: number;
  readonly relocations: number;
}

/** Result for one module. */
export interface ModuleResult {
  readonly counts: Counts;
  readonly differences: readonly SectionDifference[];
}

/** Bytes that the relocation types of x86-64 modules write (x86-64 psABI, table 4.9). */
const fieldSizes: ReadonlyMap<number, number> = new Map([
  [0, 0], // R_X86_64_NONE
  [1, 8], // R_X86_64_64
  [2, 4], // R_X86_64_PC32
  [4, 4], // R_X86_64_PLT32
  [10, 4], // R_X86_64_32
  [11, 4], // R_X86_64_32S
  [24, 8], // R_X86_64_PC64
]);

/**
 * Compares all executable sections of a module with objdump's listing of it.
 *
 * @throws Error where the listing has other sections than the module, or a relocation type writes an unknown size.
 */
export async function checkModule(
  module: ObjectFile,
  listing: AsyncIterable<ListingLine>,
): Promise<ModuleResult> {
  const waiting = executableSections(module);
  const results: { readonly section: Section; readonly result: SectionResult }[] = [];
  let open: { readonly section: Section; readonly comparison: ReturnType<typeof compareSection> } | undefined;
  const close = (): void => {
    if (open !== undefined) results.push({ section: open.section, result: open.comparison.end() });
  };
  for await (const line of listing) {
    if (line.kind === 'section') {
      close();
      const section = waiting.shift();
      if (section?.name !== line.name) {
        throw new Error(`objdump lists section ${line.name}, expected ${section?.name ?? 'none'}`);
      }
      open = { section, comparison: compareSection(section.bytes, relocatedFields(module, section)) };
    } else {
      if (open === undefined) throw new Error('objdump prints an instruction outside any section');
      open.comparison.instruction(line.address, line.text);
    }
  }
  close();
  if (waiting.length > 0)
    throw new Error(`objdump does not list ${waiting.map(({ name }) => name).join(', ')}`);
  return {
    counts: addCounts(
      results.map(({ section, result }) => ({ ...result, sections: 1, bytes: section.size })),
    ),
    differences: results.flatMap(({ section, result }) =>
      result.differences.map((difference) => ({ ...difference, section: section.name })),
    ),
  };
}

/** Sums the figures of several results. */
export function addCounts(all: readonly Counts[]): Counts {
  const sum = (key: keyof Counts): number => all.reduce((total, counts) => total + counts[key], 0);
  return {
    sections: sum('sections'),
    bytes: sum('bytes'),
    instructions: sum('instructions'),
    invalid: sum('invalid'),
    targets: sum('targets'),
    relocations: sum('relocations'),
  };
}

function executableSections(module: ObjectFile): Section[] {
  return module.sections.filter(
    (section) => section.isExecutable && section.type !== SHT_NOBITS && section.size > 0,
  );
}

function relocatedFields(module: ObjectFile, section: Section): readonly RelocatedField[] {
  const fields: RelocatedField[] = [];
  for (const candidate of module.sections) {
    const table = module.relocations(candidate);
    if (table?.target !== section.index) continue;
    for (let index = 0; index < table.count; index++) {
      const size = fieldSizes.get(table.type(index));
      if (size === undefined)
        throw new Error(`unknown relocation type ${table.type(index)} in ${candidate.name}`);
      if (size > 0) fields.push({ offset: table.offset(index), size });
    }
  }
  return fields.toSorted((a, b) => a.offset - b.offset);
}
