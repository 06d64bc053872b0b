import { relocationRule, type RelocationRule } from '@kelp/core';
import {
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_WRITE,
  SHN_ABS,
  SHN_UNDEF,
  SHT_NOBITS,
  SHT_PROGBITS,
  SHT_RELA,
  STT_SECTION,
  writeObjectFile,
  type RelocationSpecification,
  type SectionSpecification,
  type SymbolSpecification,
} from '@kelp/core/elf';
import type { LoadedModule } from '@kelp/loader';
import type { LinkerProfile } from './linkers.ts';
import type { MadeUpKernel } from './made-up-kernel.ts';
import type { LoaderTable, Slots } from './slots.ts';

/** A relocated field, at its place. */
export interface ComparedField {
  /** Index of the section in the module. */
  readonly section: number;
  readonly offset: number;
  /** Bytes of the container. */
  readonly size: number;
  readonly type: number;
  readonly external: boolean;
}

/** A section that both the loader and the linker lay out. */
export interface LinkedSection {
  readonly index: number;
  /** In the module. Untrusted. */
  readonly name: string;
  /** In the linker's input and, with a dot in front, in its output. */
  readonly linkedName: string;
  readonly address: bigint;
  readonly size: number;
  readonly noBits: boolean;
}

/** A module for the linker. */
export interface LinkerInput {
  readonly object: Uint8Array;
  readonly script: string;
  readonly sections: readonly LinkedSection[];
  readonly fields: readonly ComparedField[];
  readonly tables: readonly LoaderTable[];
  /** Relocations for whose target no entry of a table, or more than one, leads there. */
  readonly withoutSlot: readonly string[];
  /** Branches for whose target there are several entries, all right. */
  readonly choices: number;
}

/**
 * Rewrite a loaded module so that GNU ld can link it at the same addresses: sections with names of their own and no flags
 * that would merge, order or drop them, relocations through tables led to the loader's entries.
 */
export function linkerInput(kernel: MadeUpKernel, profile: LinkerProfile, loaded: LoadedModule): LinkerInput {
  return new InputBuilder(kernel, profile, loaded).build();
}

const keptFlags = SHF_ALLOC | SHF_WRITE | SHF_EXECINSTR;
const tocName = '.toc';
const tocSymbol = '.TOC.';

class InputBuilder {
  readonly #kernel: MadeUpKernel;
  readonly #profile: LinkerProfile;
  readonly #loaded: LoadedModule;
  readonly #sections: LinkedSection[];
  readonly #specifications: SectionSpecification[] = [];
  /** Index in the input by index in the module. */
  readonly #numbers = new Map<number, number>();
  readonly #symbols: SymbolSpecification[] = [];
  readonly #fields: ComparedField[] = [];
  readonly #withoutSlot: string[] = [];
  /** Addresses of undefined symbols, by name. */
  readonly #defined = new Map<string, bigint>();
  readonly #slotSymbols = new Map<bigint, number>();
  readonly #tables: readonly LoaderTable[];
  readonly #slots = new Map<number, Slots>();
  #choices = 0;

  constructor(kernel: MadeUpKernel, profile: LinkerProfile, loaded: LoadedModule) {
    this.#kernel = kernel;
    this.#profile = profile;
    this.#loaded = loaded;
    this.#tables = profile.tables(loaded.image);
    this.#sections = loaded.image.areas.flatMap(({ area, address }) =>
      area.placements.map(({ section, offset, size, noBits }) => ({
        index: section.index,
        name: section.name,
        linkedName: `s${section.index}`,
        address: address + BigInt(offset),
        size,
        noBits,
      })),
    );
  }

  build(): LinkerInput {
    for (const section of this.#sections) this.#addSection(section);
    this.#addSymbols();
    for (const section of this.#loaded.image.object.sections) {
      if (section.type === SHT_RELA && !section.isLivepatchRelocation && this.#numbers.has(section.info))
        this.#addRelocations(section.index, section.info);
    }
    const { machine, byteOrder, flags } = this.#loaded.image.object;
    const object = writeObjectFile({
      machine,
      byteOrder,
      flags,
      sections: this.#specifications,
      symbols: this.#symbols,
    });
    return {
      object,
      script: this.#script(),
      sections: this.#sections,
      fields: this.#fields,
      tables: this.#tables,
      withoutSlot: this.#withoutSlot,
      choices: this.#choices,
    };
  }

  #addSection({ index, linkedName, size, noBits }: LinkedSection): void {
    const section = this.#loaded.image.object.sections[index];
    if (section === undefined) return;
    const bytes = new Uint8Array(noBits ? 0 : size);
    if (!noBits) bytes.set(section.bytes);
    this.#specifications.push({
      name: linkedName,
      type: noBits ? SHT_NOBITS : SHT_PROGBITS,
      flags: (section.flags & keptFlags) | SHF_ALLOC,
      // Addresses are given for each section, so that the linker has nothing to align.
      alignment: 1,
      ...(noBits ? { size } : { bytes }),
    });
    this.#numbers.set(index, this.#specifications.length);
  }

  #addSymbols(): void {
    const table = this.#loaded.image.object.symbols();
    for (let index = 1; index < (table?.count ?? 0); index++) {
      if (table === undefined) break;
      const common = {
        name: table.name(index),
        binding: table.binding(index),
        other: table.other(index),
        size: table.size(index),
      };
      const section = table.sectionIndex(index);
      const number = section === undefined ? undefined : this.#numbers.get(section);
      if (table.rawSectionIndex(index) === SHN_UNDEF) {
        this.#symbols.push({ ...common, section: SHN_UNDEF });
        if (common.name !== tocSymbol && common.name !== '')
          this.#defined.set(common.name, this.#kernel.symbol(common.name));
      } else if (number === undefined) {
        // Not laid out: per-CPU data, or what only the file has.
        const value = table.value(index) + this.#base(section);
        this.#symbols.push({ ...common, value, section: SHN_ABS, reserved: true });
      } else {
        const type = table.type(index);
        // The name of a section's symbol is the section's, which has changed.
        const name = type === STT_SECTION ? '' : common.name;
        this.#symbols.push({ ...common, name, type, value: table.value(index), section: number });
      }
    }
  }

  #base(section: number | undefined): bigint {
    const name = section === undefined ? '' : this.#loaded.image.object.sections[section]?.name;
    return name === '.data..percpu' ? this.#kernel.perCpuAddress : 0n;
  }

  #addRelocations(relocations: number, target: number): void {
    const { object, kernel } = this.#loaded.image;
    const section = object.sections[relocations];
    const records = section === undefined ? undefined : object.relocations(section);
    const place = this.#sections.find(({ index }) => index === target)?.address ?? 0n;
    const written: RelocationSpecification[] = [];
    const rules = new Map<number, RelocationRule | undefined>();
    for (let index = 0; index < (records?.count ?? 0); index++) {
      if (records === undefined) break;
      const type = records.type(index);
      const row = this.#kernel.architecture.relocationType(type);
      if (!rules.has(type)) rules.set(type, row === undefined ? undefined : relocationRule(row, kernel));
      const rule = rules.get(type);
      if (rule?.verdict !== 'applied') continue;
      const symbol = records.symbol(index);
      const offset = records.offset(index);
      const external = object.symbols()?.isExternal(symbol) ?? false;
      const reference = {
        type,
        external,
        S: this.#value(symbol),
        A: records.addend(index),
        P: place + BigInt(offset),
      };
      const redirected = this.#redirected(reference, { offset, type, symbol, addend: reference.A });
      if (redirected === undefined) {
        this.#withoutSlot.push(`section ${target}+0x${offset.toString(16)}, type ${type}`);
        continue;
      }
      written.push(redirected);
      this.#fields.push({ section: target, offset, size: rule.field.size, type, external });
    }
    this.#specifications.push({
      name: `.rela${this.#sections.find(({ index }) => index === target)?.linkedName ?? ''}`,
      type: SHT_RELA,
      relocations: written,
      info: this.#numbers.get(target) ?? 0,
    });
  }

  /** st_value as the loader has it. */
  #value(index: number): bigint {
    const table = this.#loaded.image.object.symbols();
    if (table === undefined || index === 0) return 0n;
    if (table.rawSectionIndex(index) === SHN_UNDEF) return this.#defined.get(table.name(index)) ?? 0n;
    const section = table.sectionIndex(index);
    const placed = this.#sections.find((one) => one.index === section);
    return table.value(index) + (placed?.address ?? this.#base(section));
  }

  #redirected(
    reference: Parameters<LinkerProfile['redirect']>[0],
    original: RelocationSpecification,
  ): RelocationSpecification | undefined {
    const redirection = this.#profile.redirect(reference);
    if (redirection.kind === 'same') return original;
    const { type, target, addend } = redirection;
    const slots = this.#slots.get(type) ?? this.#profile.slots(this.#tables, redirection);
    this.#slots.set(type, slots);
    const slot = this.#chooseSlot(slots.get(BigInt.asUintN(64, target)) ?? [], reference.P);
    return slot === undefined
      ? undefined
      : { offset: original.offset, type, symbol: this.#slotSymbol(slot), addend };
  }

  /** Among entries that all lead to the target the loader may take any; the linker has to be told which it took. */
  #chooseSlot(slots: readonly bigint[], place: bigint): bigint | undefined {
    const { tableForInit, destination } = this.#profile;
    const usable =
      tableForInit === true ? slots.filter((slot) => this.#isInit(slot) === this.#isInit(place)) : slots;
    if (usable.length === 1) return usable[0];
    const taken = destination?.(this.#loaded.image, place);
    if (taken === undefined || !usable.includes(taken)) return undefined;
    this.#choices++;
    return taken;
  }

  #isInit(address: bigint): boolean {
    return this.#loaded.image.areas.some(
      ({ area, address: start, bytes }) =>
        area.init && address >= start && address < start + BigInt(bytes.length),
    );
  }

  /** An undefined symbol that the script defines at the address of a slot. */
  #slotSymbol(slot: bigint): number {
    const known = this.#slotSymbols.get(slot);
    if (known !== undefined) return known;
    const name = `slot_${slot.toString(16)}`;
    this.#defined.set(name, slot);
    const index = this.#symbols.push({ name, binding: 1, section: SHN_UNDEF });
    this.#slotSymbols.set(slot, index);
    return index;
  }

  #script(): string {
    const symbols = [...this.#defined].map(([name, address]) => `"${name}" = ${hex(address)};`);
    const sections = this.#sections.map(
      ({ name, linkedName, address }) =>
        `${outputName(name, linkedName)} ${hex(address)} : { *(${linkedName}) }`,
    );
    return `${symbols.join('\n')}\nSECTIONS\n{\n${sections.join('\n')}\n}\n`;
  }
}

/** ld takes the TOC pointer of ppc64le from the section `.got`. */
export function outputName(name: string, linkedName: string): string {
  return name === tocName ? '.got' : `.${linkedName}`;
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
