import type { Applicability } from './kernel.ts';
import type { Errno, KernelSource } from './relocation-type.ts';

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

/** The tables that an architecture's loader builds beside the module: GOT, PLT, TOC, stubs, veneers. */
export interface Linkage {
  /** Letters by name; a formula may use no other. */
  readonly letters: Readonly<Record<string, LinkageLetter>>;
  readonly requiredSections?: readonly RequiredSection[];
}
