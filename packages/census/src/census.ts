/** Version of the census format; a reader refuses what it does not know. */
export const censusSchema = 1;

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

/** Counts of one kernel release. */
export interface KernelCounts extends Counts {
  /** First word of vermagic, or `unknown`. Untrusted. */
  readonly release: string;
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
