import type { KeyKind } from './patching-costs.ts';
import type { ShapeTarget } from './section-shape.ts';

/** Version of the census format; a reader refuses what it does not know. */
export const censusSchema = 2;

/** A file that could not be scanned. */
export interface FailedFile {
  /** Untrusted. */
  readonly file: string;
  /** Code of the KelpError. */
  readonly code: string;
  readonly message: string;
}

export interface RelocationCount {
  /** ELF64_R_TYPE. */
  readonly type: number;
  /** Name in the architecture's table; `unknown(N)` where it has none. */
  readonly name: string;
  readonly count: number;
  /** Files that use it. */
  readonly modules: number;
}

export interface SectionCount {
  /** Untrusted. */
  readonly name: string;
  /** Files that contain a section of this name. */
  readonly modules: number;
  /** Sum of sh_size. */
  readonly bytes: number;
  /** Sum of the entries where the size of an entry is known; null where it is not known in any file. */
  readonly entries: number | null;
  /** A row or the detector says that it is special, in some file. */
  readonly special: boolean;
  /** A row knows it, in every file. */
  readonly known: boolean;
}

export interface SectionRelocationCount {
  /** The section that is relocated. Untrusted. */
  readonly section: string;
  readonly type: number;
  readonly count: number;
}

/** Counts over a set of files. Relocations: those against SHF_ALLOC sections and all that livepatch applies. */
export interface Counts {
  /** Files counted, kernel images included. */
  readonly modules: number;
  /** Those of them that are linked kernel images. */
  readonly images: number;
  readonly failed: readonly FailedFile[];
  readonly relocations: readonly RelocationCount[];
  readonly sections: readonly SectionCount[];
  readonly relocationsBySection: readonly SectionRelocationCount[];
}

/** Functions of the modules of one subsystem. */
export interface SubsystemCount {
  /** Two folders below `kernel` in the tree of modules: `drivers/net`; `other` outside of such a tree. Untrusted. */
  readonly subsystem: string;
  readonly modules: number;
  /** Symbols of functions that the modules define, parts and aliases included. */
  readonly functions: number;
  /** Functions with an entry in a table of keys: jump labels, static calls. */
  readonly keyed: number;
  /** Those whose keys all lie in their module and are left out by the livepatch tools: tracepoints, pr_debug(). */
  readonly losing: number;
}

/** How many functions of a subsystem the entries of a special section name. */
export interface FunctionSectionCount {
  readonly subsystem: string;
  /** Untrusted. */
  readonly section: string;
  readonly functions: number;
  /** Entries that name a function; one that names two counts for both. */
  readonly entries: number;
  /** Entries that name code outside of all functions. */
  readonly outside: number;
}

/** Functions of one module that use one key. */
export interface KeyUseCount {
  /** Path in the tree of modules. Untrusted, as all names here. */
  readonly module: string;
  /** The table that ties them together: `__jump_table`. */
  readonly table: string;
  /** Empty for tracepoints and pr_debug() of the module itself: all of them together. */
  readonly key: string;
  readonly kind: KeyKind;
  /** Another file defines the key: the kernel image, or a module if one of `exports` is it. */
  readonly external: boolean;
  /** Names, with their place where the module has several of one name. */
  readonly functions: readonly string[];
}

/** What the functions of a kernel's modules carry. */
export interface FunctionCounts {
  readonly subsystems: readonly SubsystemCount[];
  readonly sections: readonly FunctionSectionCount[];
  /** Keys of the functions that have other keys than those counted as `losing`; modules merged twice stand twice. */
  readonly keys: readonly KeyUseCount[];
  /** Data objects that modules export. */
  readonly exports: readonly string[];
}

/** Relocations of all sections of one name at one place of entries of one size. */
export interface PlaceCount {
  /** Size of the entry. */
  readonly stride: number;
  /** Offset in the entry. */
  readonly offset: number;
  /** Relocations there that lead into executable, read-only, writable memory of the module, and out of the file. */
  readonly code: number;
  readonly readOnly: number;
  readonly writable: number;
  readonly external: number;
}

/** What all allocated sections of one name look like, if compilers do not make them. */
export interface SectionShapeCount {
  /** Untrusted. */
  readonly section: string;
  /** Files whose section has relocations, and the sum of the sizes of these. */
  readonly relocated: number;
  readonly bytes: number;
  /** Greatest common divisor of these sizes; 0 where no file has relocations. */
  readonly unit: number;
  readonly headers: readonly {
    /** sh_type. */
    readonly type: number;
    /** sh_flags in hexadecimal. */
    readonly flags: string;
    /** sh_entsize. */
    readonly entrySize: number;
    readonly modules: number;
  }[];
  /** Entry layouts of the table row that fits, by size and fields. */
  readonly layouts: readonly { readonly size: number; readonly fields: string; readonly modules: number }[];
  readonly targets: readonly ShapeTarget[];
  /** For every entry size from 4 to 128 that divides the unit. */
  readonly places: readonly PlaceCount[];
}

/** Counts of one kernel release. */
export interface KernelCounts extends Counts {
  /** First word of vermagic, or `unknown`. Untrusted. */
  readonly release: string;
  readonly functions: FunctionCounts;
  readonly shapes: readonly SectionShapeCount[];
}

export interface ArchitectureCounts extends Counts {
  readonly kernels: readonly KernelCounts[];
}

/** The result of a scan: plain data, in one order, so that the same files always give the same bytes. */
export interface Census {
  readonly schema: typeof censusSchema;
  /** By architecture ID; IDs come from plugins, never from files. */
  readonly architectures: Readonly<Record<string, ArchitectureCounts>>;
  /** Files whose architecture could not be told: empty, no ELF, another machine. */
  readonly failed: readonly FailedFile[];
}
