import { validateArchitecture } from './architecture-validation.ts';
import { KelpError } from './errors.ts';
import type { ByteOrder } from './field.ts';
import type { Finalization } from './finalization.ts';
import type { FtraceSiteEncoder, JumpLabelEncoder, StaticCallEncoder } from './code-sites.ts';
import { appliesTo, type Kernel } from './kernel.ts';
import type { Linkage } from './linkage.ts';
import type { LivepatchSupport } from './livepatch-support.ts';
import type { MachineSupport } from './machine.ts';
import type { RelocationType } from './relocation-type.ts';
import { matchesName, type SpecialSection } from './special-section.ts';
import type { Support } from './support.ts';

/**
 * Everything Kelp knows about one CPU architecture: an immutable value that a plugin package exports.
 *
 * To add one: `elf`, `relocationTypes` and `specialSections` are enough to scan and inspect; `finalization`,
 * `livepatch` and `support` fill the coverage matrix; `linkage` is for architectures whose loader builds a GOT, PLT,
 * TOC, stubs or veneers. What an architecture lacks is an absent member.
 */
export interface ArchitectureDefinition {
  /** Kelp's name: `x86`, `ppc64le`, `s390x`, `arm64`. */
  readonly id: string;
  /** For people: `x86-64`. */
  readonly title: string;
  /** Other spellings in use: `x86_64`, `amd64`. */
  readonly aliases: readonly string[];
  readonly elf: {
    /** e_machine. */
    readonly machine: number;
    readonly byteOrder: ByteOrder;
  };
  /** The documents that define the relocation types. */
  readonly abi: string;
  readonly relocationTypes: readonly RelocationType[];
  readonly specialSections: readonly SpecialSection[];
  readonly linkage?: Linkage;
  readonly finalization: Finalization;
  /** Encodes the sites of jump labels; absent: modules of the architecture have none. */
  readonly jumpLabel?: JumpLabelEncoder;
  /** Encodes ftrace call sites at load. */
  readonly ftraceSite?: FtraceSiteEncoder;
  /** Encodes inline static calls; absent: the architecture has none. */
  readonly staticCall?: StaticCallEncoder;
  /** Reads what a machine tells about itself: features, mitigations, states of static keys and static calls. */
  readonly machine?: MachineSupport;
  readonly livepatch?: LivepatchSupport;
  readonly support: Support;
}

/** A checked architecture with its tables compiled for lookup. Made by {@link defineArchitecture}. */
export interface Architecture extends ArchitectureDefinition {
  /** The row of a type number, or undefined: unknown numbers are refused by every loader. */
  relocationType(number: number): RelocationType | undefined;
  /** The row that knows a section name in a kernel; without a kernel, in any. Exact names win over patterns. */
  specialSection(name: string, kernel?: Kernel): SpecialSection | undefined;
}

/**
 * Check an architecture once and compile its tables.
 *
 * @throws KelpError `architecture/invalid` naming the first row that contradicts itself or another.
 */
export function defineArchitecture(definition: ArchitectureDefinition): Architecture {
  validateArchitecture(definition);
  const types: (RelocationType | undefined)[] = [];
  for (const type of definition.relocationTypes) types[type.number] = type;
  const exact = new Map<string, SpecialSection[]>();
  for (const row of definition.specialSections) {
    const rows = exact.get(row.name);
    if (rows === undefined) exact.set(row.name, [row]);
    else rows.push(row);
  }
  const patterns = definition.specialSections.filter((row) => row.name.endsWith('*'));
  return Object.freeze({
    ...definition,
    relocationType: (number: number) => types[number],
    specialSection: (name: string, kernel?: Kernel) => {
      const known = (row: SpecialSection): boolean => kernel === undefined || appliesTo(row.applies, kernel);
      return exact.get(name)?.find(known) ?? patterns.find((row) => matchesName(row, name) && known(row));
    },
  });
}

/** The architecture whose machine and byte order a file has, or undefined. */
export function selectArchitecture(
  elf: { readonly machine: number; readonly byteOrder: ByteOrder },
  architectures: readonly Architecture[],
): Architecture | undefined {
  return architectures.find((one) => one.elf.machine === elf.machine && one.elf.byteOrder === elf.byteOrder);
}

/**
 * The architecture of a file.
 *
 * @throws KelpError `architecture/unsupported` naming what was found and what there is.
 */
export function requireArchitecture(
  elf: { readonly machine: number; readonly byteOrder: ByteOrder; readonly file?: string | undefined },
  architectures: readonly Architecture[],
): Architecture {
  const architecture = selectArchitecture(elf, architectures);
  if (architecture !== undefined) return architecture;
  const known = architectures.map(({ id }) => id).join(', ');
  const message = `ELF machine ${elf.machine}, ${elf.byteOrder} endian, is none of ${known}`;
  throw new KelpError('architecture/unsupported', message, { file: elf.file, offset: 18 });
}
