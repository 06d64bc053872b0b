import type { ObjectFile } from './elf/object-file.ts';
import type { Applicability, Kernel } from './kernel.ts';
import type { Machine } from './machine.ts';
import type { ModuleImage } from './module-image.ts';
import type { Errno, KernelSource, Refusal } from './relocation-type.ts';

/** A letter of the ABI's formulas beyond S, A and P. */
export interface LinkageLetter {
  /** What the letter stands for in a kernel module. */
  readonly meaning: string;
  /** A formula that gives its value where the target is in reach and no stub, PLT entry or veneer is needed. */
  readonly direct?: string;
}

/** A section that the loader must find, or it refuses the module. */
export interface RequiredSection {
  readonly name: string;
  readonly applies?: readonly Applicability[];
  readonly errno: Errno;
  readonly source: KernelSource;
}

/** How the loader changes a section before it lays out the module. Absent members stay as in the file. */
export interface SectionChange {
  readonly size?: number;
  readonly alignment?: number;
  /** The section becomes SHT_NOBITS: zero at first, whatever the file holds. */
  readonly noBits?: true;
  /** The section gets SHF_ALLOC and SHF_EXECINSTR. */
  readonly executable?: true;
}

/** What module_frob_arch_sections() does, before layout. */
export interface LinkagePlan {
  /** By section index. */
  readonly sections: ReadonlyMap<number, SectionChange>;
  /** Bytes that the loader keeps free at the start of the text area. */
  readonly textPrefix: number;
  /** Order in which the records of relocation sections are applied, by section index; absent: as in the file. */
  readonly order: ReadonlyMap<number, Uint32Array>;
  /** The architecture has no memory that is freed after init: `.init` sections are laid out with the others. */
  readonly withoutInit?: true;
  /** Start relocating a module that has been laid out. */
  link(image: ModuleImage): Linker;
}

/** One relocation that asks for letters. */
export interface LinkedRelocation {
  /** ELF64_R_TYPE. */
  readonly type: number;
  /** Index into the symbol table. */
  readonly symbol: number;
  /** Untrusted. */
  readonly symbolName: string;
  /** st_shndx is SHN_UNDEF or SHN_LIVEPATCH. */
  readonly external: boolean;
  /** st_other. */
  readonly other: number;
  readonly S: bigint;
  readonly A: bigint;
  readonly P: bigint;
}

/** What a linker says about one relocation. */
export type LinkResult =
  | {
      readonly kind: 'letters';
      /** Values beside S, A and P. An S among them replaces the symbol's value: `.TOC.` is r2 wherever it is used. */
      readonly letters: Readonly<Record<string, bigint>>;
    }
  /** The linker has written the place itself, with what no row can say: an instruction of another kind. */
  | { readonly kind: 'written' }
  | ({ readonly kind: 'refused' } & Refusal);

/** What the loader remembers of a module beside its memory, such as the stub_count of ppc64le. */
export interface LoaderStateChange {
  /** The kernel's name of it, with the symbol's index where there is one for each symbol. */
  readonly name: string;
  readonly old: number;
  readonly new: number;
}

/** A slot of GOT, PLT, stubs or veneers that the loader has filled. */
export interface LinkageSlot {
  readonly kind: 'got' | 'plt' | 'stub' | 'veneer';
  readonly address: bigint;
  /** In bytes. */
  readonly size: number;
  /** The address that it holds or leads to. */
  readonly target: bigint;
}

/**
 * Fills GOT, PLT, stubs and veneers while relocations are applied, in the kernel's order. It goes on where it was when
 * relocations of a livepatch are applied late.
 */
export interface Linker {
  /** Values of the letters beyond S, A and P for one relocation. Writes what the loader writes for it. */
  letters(relocation: LinkedRelocation): LinkResult;
  /** Undo what the linker itself has written at a place (`written`), whatever the row says. */
  restore?(relocation: LinkedRelocation): void;
  /** Filled slots that nothing uses: none of the relocations, and nothing that finalization made. */
  unused?(inUse: Iterable<LinkedRelocation>): readonly LinkageSlot[];
  /**
   * Give back what nothing uses, as far as everything that is used stays as it is and can still be found. The bytes
   * become zero, and the loader forgets the slots. No kernel does so; this is what clearing would need.
   *
   * @param inUse - every relocation that is applied and stays.
   */
  release?(inUse: Iterable<LinkedRelocation>): readonly LoaderStateChange[];
}

/** How a symbol of a special name is resolved before relocations are applied. */
export type SymbolRule =
  /** Keeps the value of the file. */
  | { readonly kind: 'keep' }
  /** Is looked up under another name. */
  | { readonly kind: 'lookup'; readonly name: string }
  /** Has the value of a letter, once the module is laid out. */
  | { readonly kind: 'letter'; readonly letter: string };

/** The tables that an architecture's loader builds beside the module: GOT, PLT, TOC, stubs, veneers. */
export interface Linkage {
  /** Letters by name; a formula may use no other. */
  readonly letters: Readonly<Record<string, LinkageLetter>>;
  readonly requiredSections?: readonly RequiredSection[];
  /** Special rule for an undefined symbol, by its name. */
  readonly symbolRule?: (name: string) => SymbolRule | undefined;
  /**
   * Count what a module needs and plan its layout.
   *
   * @throws KelpError for relocation or symbol tables that cannot be read.
   */
  readonly plan?: (object: ObjectFile, kernel: Kernel, machine: Machine) => LinkagePlan;
}
