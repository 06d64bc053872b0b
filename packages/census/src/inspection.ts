import {
  decodeEntries,
  entrySource,
  fitLayout,
  parseKernel,
  refusedLoads,
  requireArchitecture,
  type Architecture,
  type Configuration,
  type Finding,
  type Kernel,
  type RefusedLoad,
  type SpecialSection,
} from '@kelp/core';
import {
  ET_REL,
  modinfoValue,
  parseModinfo,
  SHT_NULL,
  type ModinfoTag,
  type ObjectFile,
  type Section,
  type SymbolTable,
} from '@kelp/core/elf';
import { describeEntry, type EntryFieldText } from './entry-text.ts';
import { Inventory, type ModuleInventory, type SectionUse } from './inventory.ts';

export interface InspectOptions {
  readonly architectures: readonly Architecture[];
  /** Release to judge by; absent: the one in vermagic. */
  readonly kernel?: string;
  readonly configuration?: Configuration;
  /** Decode the entries of these special sections; `true`: of all. */
  readonly entries?: readonly string[] | true;
}

/** A special section of a file. */
export interface InspectedSection {
  /** Untrusted. */
  readonly name: string;
  readonly bytes: number;
  /** Bytes of an entry in the layout that fits; null where the row has no layout or none fits. */
  readonly entrySize: number | null;
  readonly count: number | null;
  /** The layout is that of another kernel than the one asked for. */
  readonly foreignLayout: boolean;
  readonly row: SpecialSection | null;
  /** Decoded entries, field by field, where they were asked for. */
  readonly entries: readonly (readonly EntryFieldText[])[] | null;
}

/** One section header. */
export interface SectionHeader {
  readonly index: number;
  /** Untrusted. */
  readonly name: string;
  readonly type: number;
  readonly flags: string;
  readonly bytes: number;
  readonly offset: number;
  readonly alignment: number;
  readonly entrySize: number;
  readonly link: number;
  readonly info: number;
}

/** What is in a file, and whether a kernel would take it. */
export interface Inspection {
  readonly file: string;
  readonly architecture: Architecture;
  /** The kernel that rules and layouts were chosen for; undefined where neither the file nor the caller names one. */
  readonly kernel: Kernel | undefined;
  readonly type: number;
  readonly flags: number;
  /** Untrusted. */
  readonly vermagic: string | undefined;
  readonly modinfo: readonly ModinfoTag[];
  readonly sections: readonly SectionHeader[];
  readonly inventory: ModuleInventory;
  readonly special: readonly InspectedSection[];
  /** Undefined symbols and those that livepatch resolves. Untrusted. */
  readonly neededSymbols: readonly string[];
  /** Null where no kernel is known or the file is no module. */
  readonly refused: readonly RefusedLoad[] | null;
  readonly findings: readonly Finding[];
}

/**
 * Look into one file.
 *
 * @throws KelpError `architecture/unsupported`, `kernel/release`, or `elf/...` for damaged tables.
 */
export function inspect(object: ObjectFile, file: string, options: InspectOptions): Inspection {
  const architecture = requireArchitecture(object, options.architectures);
  const inventory = new Inventory(options.architectures).take(object);
  const modinfo = parseModinfo(object.section('.modinfo')?.bytes ?? new Uint8Array());
  const kernel = chooseKernel(inventory, options);
  // The inventory leaves out the null section.
  const first = object.sections.length - inventory.sections.length;
  const special = inventory.sections.flatMap((use, index) =>
    isSpecial(use, architecture, kernel)
      ? (inspectSection(object, first + index, use, { architecture, kernel, wanted: options.entries }) ?? [])
      : [],
  );
  const refused =
    kernel === undefined || object.type !== ET_REL ? null : [...refusedLoads(object, architecture, kernel)];
  return {
    file,
    architecture,
    kernel,
    type: object.type,
    flags: object.flags,
    vermagic: modinfoValue(modinfo, 'vermagic'),
    modinfo,
    sections: object.sections.map(headerOf),
    inventory,
    special,
    neededSymbols: neededSymbols(object.symbols()),
    refused,
    findings: [
      ...kernelFindings(kernel),
      ...special.flatMap(sectionFindings),
      ...wantedFindings(special, options.entries),
    ],
  };
}

/** By the kernel that was chosen; the inventory goes by vermagic. */
function isSpecial(
  { name, special }: SectionUse,
  architecture: Architecture,
  kernel: Kernel | undefined,
): boolean {
  return special || architecture.specialSection(name, kernel) !== undefined;
}

function chooseKernel({ release }: ModuleInventory, options: InspectOptions): Kernel | undefined {
  if (options.kernel !== undefined) return parseKernel(options.kernel, options.configuration);
  try {
    return parseKernel(release, options.configuration);
  } catch {
    // A file may name any release; one that is no version tells nothing about the kernel.
    return undefined;
  }
}

interface SectionOptions {
  readonly architecture: Architecture;
  readonly kernel: Kernel | undefined;
  readonly wanted: readonly string[] | true | undefined;
}

function inspectSection(
  object: ObjectFile,
  index: number,
  use: SectionUse,
  options: SectionOptions,
): InspectedSection | undefined {
  const section = object.sections[index];
  if (section === undefined) return undefined;
  const { name, bytes } = use;
  const row =
    options.architecture.specialSection(name, options.kernel) ??
    options.architecture.specialSection(name) ??
    null;
  const source = entrySource(object, section);
  const fitted = row === null || bytes === 0 ? undefined : fitLayout(row, options.kernel, source);
  const wanted = options.wanted === true || options.wanted?.includes(name) === true;
  const symbols = object.symbols();
  const decoded = fitted === undefined || !wanted ? null : [...decodeEntries(fitted.layout, source)];
  return {
    name,
    bytes,
    entrySize: fitted?.layout.size ?? null,
    count: fitted?.count ?? null,
    foreignLayout: fitted?.foreign ?? false,
    row,
    entries: decoded?.map((entry) => describeEntry(entry, object, symbols)) ?? null,
  };
}

function headerOf(section: Section): SectionHeader {
  const { index, name, type, flags, size, offset, alignment, entrySize, link, info } = section;
  return {
    index,
    name: index === 0 && type === SHT_NULL ? '' : name,
    type,
    flags: `0x${flags.toString(16)}`,
    bytes: size,
    offset,
    alignment: Number(alignment),
    entrySize: Number(entrySize),
    link,
    info,
  };
}

function neededSymbols(symbols: SymbolTable | undefined): readonly string[] {
  const names = new Set<string>();
  for (let index = 1; index < (symbols?.count ?? 0); index++) {
    if (symbols?.isExternal(index) === true) names.add(symbols.name(index));
  }
  return [...names].toSorted((a, b) => (a < b ? -1 : 1));
}

function kernelFindings(kernel: Kernel | undefined): readonly Finding[] {
  if (kernel !== undefined) return [];
  const message = 'the file names no kernel release, so no kernel rules were applied; give one with --kernel';
  return [{ code: 'kernel/unknown', severity: 'warning', message }];
}

function sectionFindings({
  name,
  bytes,
  row,
  entrySize,
  foreignLayout,
}: InspectedSection): readonly Finding[] {
  const place = { section: name, offset: 0 };
  if (row === null) {
    return [
      {
        code: 'special-section/unknown',
        severity: 'warning',
        place,
        message: 'looks like a special section, and no row knows it',
      },
    ];
  }
  if (row.layouts.length === 0 || bytes === 0) return [];
  if (entrySize === null) {
    return [
      {
        code: 'special-section/layout',
        severity: 'warning',
        place,
        message: `${bytes} bytes fit no entry layout that is known`,
      },
    ];
  }
  if (!foreignLayout) return [];
  const message = `entries of ${entrySize} bytes are those of another kernel than the one asked for; decoded by the layout that fits`;
  return [{ code: 'special-section/foreign-layout', severity: 'note', place, message }];
}

/** Names whose entries were asked for and cannot be shown. */
function wantedFindings(
  special: readonly InspectedSection[],
  wanted: InspectOptions['entries'],
): readonly Finding[] {
  if (wanted === undefined || wanted === true) return [];
  return wanted.flatMap((name): readonly Finding[] => {
    const found = special.filter((section) => section.name === name);
    if (found.some(({ entries }) => entries !== null)) return [];
    const place = { section: name, offset: 0 };
    const message =
      found.length === 0
        ? 'the file has no special section of this name, so no entries are shown'
        : 'no entries are shown: the section is empty, or its entries have no fixed size that is known';
    return [{ code: 'special-section/no-entries', severity: 'note', place, message }];
  });
}
