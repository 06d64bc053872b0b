import {
  decodeEntries,
  entrySource,
  fitLayout,
  isPointer,
  relocationRule,
  type Architecture,
  type Kernel,
  type Pointer,
} from '@kelp/core';
import { SHT_NULL, type ObjectFile, type Section } from '@kelp/core/elf';

/** What a real or a fixture module shows about one row. */
export interface ModuleResult {
  /** `relocation/NAME` or `section/NAME`, as in the row. */
  readonly feature: string;
  readonly check: 'recognized' | 'decoded';
  /** Why the module contradicts the row; undefined where it agrees. */
  readonly contradiction: string | undefined;
}

/**
 * Hold a module of a kernel against the tables: every relocation type that occurs must have a row that the kernel
 * accepts; every section with a row must fit the row's layout for that kernel, and its pointers must lead somewhere.
 * What the tables do not know gives no result; a scan lists it.
 */
export function checkModule(
  architecture: Architecture,
  kernel: Kernel,
  object: ObjectFile,
): readonly ModuleResult[] {
  return [
    ...checkRelocationTypes(architecture, kernel, object),
    ...checkSections(architecture, kernel, object),
  ];
}

function checkRelocationTypes(
  architecture: Architecture,
  kernel: Kernel,
  object: ObjectFile,
): readonly ModuleResult[] {
  const types = new Set<number>();
  for (const section of object.sections) {
    const relocations =
      object.sections[section.info]?.isAllocated === true ? object.relocations(section) : undefined;
    for (let index = 0; index < (relocations?.count ?? 0); index++) {
      if (relocations !== undefined) types.add(relocations.type(index));
    }
  }
  return [...types].flatMap((number): readonly ModuleResult[] => {
    const type = architecture.relocationType(number);
    if (type === undefined) return [];
    const verdict = relocationRule(type, kernel)?.verdict ?? 'refused';
    const contradiction =
      verdict === 'refused'
        ? 'a module of this kernel uses a type that the table says is refused'
        : undefined;
    return [{ feature: `relocation/${type.name}`, check: 'recognized', contradiction }];
  });
}

function checkSections(
  architecture: Architecture,
  kernel: Kernel,
  object: ObjectFile,
): readonly ModuleResult[] {
  return object.sections.flatMap((section): readonly ModuleResult[] => {
    const row = section.type === SHT_NULL ? undefined : architecture.specialSection(section.name, kernel);
    if (row === undefined) return [];
    const feature = `section/${row.name}`;
    const recognized: ModuleResult = { feature, check: 'recognized', contradiction: undefined };
    if (row.layouts.length === 0 || section.size === 0) return [recognized];
    return [
      recognized,
      { feature, check: 'decoded', contradiction: decodeSection(object, section, architecture, kernel) },
    ];
  });
}

function decodeSection(
  object: ObjectFile,
  section: Section,
  architecture: Architecture,
  kernel: Kernel,
): string | undefined {
  const row = architecture.specialSection(section.name, kernel);
  const source = entrySource(object, section);
  const fitted = row === undefined ? undefined : fitLayout(row, kernel, source);
  if (fitted === undefined) return `no layout of the row fits ${section.size} bytes`;
  if (fitted.foreign)
    return `the bytes fit the layout of another kernel, ${fitted.layout.size} bytes an entry`;
  const pointers = Object.entries(fitted.layout.fields).filter(([, field]) => isPointer(field));
  const symbols = object.symbols()?.count ?? 0;
  for (const entry of decodeEntries(fitted.layout, source)) {
    const stray = pointers.find(([name]) => pointsNowhere(entry[name], symbols));
    if (stray !== undefined) return `field ${stray[0]} names a symbol that is not in the symbol table`;
  }
  return undefined;
}

function pointsNowhere(value: bigint | number | Pointer | Uint8Array | undefined, symbols: number): boolean {
  return typeof value === 'object' && 'symbol' in value && value.symbol >= symbols;
}
