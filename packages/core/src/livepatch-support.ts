import { appliesTo, type Applicability, type Kernel } from './kernel.ts';
import type { KernelSource } from './relocation-type.ts';
import type { RewrittenCode } from './rewritten-code.ts';

/** How a relocation is stored into a module that already runs. */
export interface LateStore {
  readonly applies?: readonly Applicability[];
  /** Relocation type numbers; absent: all others. */
  readonly types?: readonly number[];
  /** The kernel function that stores, or `plain store`. */
  readonly function: string;
  /** It can write into read-only memory. */
  readonly readOnly: boolean;
  /** The place must be a multiple of this many bytes, or it is not written and nothing says so; absent: any. */
  readonly alignment?: number;
  /** Slots of GOT, PLT, stubs and veneers are plain stores, which fault in read-only memory; absent: as the field. */
  readonly linkage?: 'plain store';
  /**
   * What becomes of the GOT, PLT or stub slot of such a relocation when the target module comes back somewhere else:
   * `kept`, the slot still holds the old address; `taken`, another slot is used up and the old one is lost.
   */
  readonly slotOnReload?: 'kept' | 'taken';
  /** What else a reader should know, such as stores that do not go this way. */
  readonly note?: string;
  readonly source: KernelSource;
}

/** A clear_relocate_add() that really clears. */
export interface ClearSupport {
  readonly applies?: readonly Applicability[];
  readonly source: KernelSource;
  /** What it does, in one or two sentences. */
  readonly effect: string;
}

/** What kind of check refuses a relocation; `linkage`: no stub or entry can be made, `other`: what no row can say. */
export type RefusalCause = 'alignment' | 'existing-value' | 'linkage' | 'other' | 'range' | 'type';

/** What an architecture's loader writes to the kernel's log when it refuses a relocation. */
export interface RefusalMessage {
  readonly applies?: readonly Applicability[];
  readonly causes: readonly RefusalCause[];
  /** Relocation type numbers; absent: all others. */
  readonly types?: readonly number[];
  /**
   * With `{module}`, `{type}`, `{symbol}`; `{place}`, `{value}` and `{sum}`, S + A, in hexadecimal without 0x; `{signed}`,
   * the value in decimal; `{section}` and `{record}`, the indices of the relocation section and of the record in it.
   */
  readonly text: string;
}

/** Where a kernel without address randomization puts itself and its modules. */
export interface UsualAddresses {
  readonly applies?: readonly Applicability[];
  /** Start of the kernel image. */
  readonly image: bigint;
  /** Start of the memory of modules. */
  readonly modules: bigint;
  /** Bytes of a page in the configurations that distributions build. */
  readonly pageSize: number;
  readonly source: KernelSource;
}

/** A reference as compilers make it for a livepatch, for examples. */
export interface SamplePlace {
  /** What it is, in few words: `a call`. */
  readonly what: string;
  readonly section: string;
  /** What stands there before it is relocated. */
  readonly bytes: readonly number[];
  /** Of the relocation, from the first of these bytes. */
  readonly offset: number;
  /** ELF64_R_TYPE. */
  readonly type: number;
  readonly addend: number;
}

/** What an example of a livepatch is made of. */
export interface LivepatchSample {
  readonly places: readonly SamplePlace[];
  /** An instruction that a jump label can switch, as in the file. */
  readonly nop: readonly number[];
  /** Sections that the linker script of modules makes, and that the loader demands. */
  readonly sections: readonly {
    readonly name: string;
    readonly writable?: true;
    /** Bytes in the file; 0: SHT_NOBITS. */
    readonly size: number;
    readonly alignment: number;
  }[];
}

/** The message of a refused relocation, with its placeholders; undefined where the loader says nothing. */
export function refusalMessage(
  { refusals }: LivepatchSupport,
  kernel: Kernel,
  cause: RefusalCause,
  type: number,
): string | undefined {
  return refusals?.find(
    ({ applies, causes, types }) =>
      appliesTo(applies, kernel) && causes.includes(cause) && (types === undefined || types.includes(type)),
  )?.text;
}

/** The addresses of a kernel. */
export function usualAddresses({ addresses }: LivepatchSupport, kernel: Kernel): UsualAddresses | undefined {
  return addresses?.find(({ applies }) => appliesTo(applies, kernel));
}

/** The row that says how a kernel stores a type late; undefined where it does not: it has no livepatch. */
export function lateStore(
  { lateStores }: LivepatchSupport,
  kernel: Kernel,
  type: number,
): LateStore | undefined {
  return lateStores.find(
    ({ applies, types }) => appliesTo(applies, kernel) && (types === undefined || types.includes(type)),
  );
}

/** The row of a kernel that clears; undefined where it does not. */
export function clearSupport({ clear }: LivepatchSupport, kernel: Kernel): ClearSupport | undefined {
  return clear?.find(({ applies }) => appliesTo(applies, kernel));
}

/** How an architecture's kernel applies and clears relocations of a livepatch late. The first row that holds counts. */
export interface LivepatchSupport {
  /** Absent: no instruction of a module is rewritten. */
  readonly rewrittenCode?: readonly RewrittenCode[];
  readonly lateStores: readonly LateStore[];
  /** Absent: no kernel of this architecture clears. */
  readonly clear?: readonly ClearSupport[];
  /** Absent: the loader says nothing. */
  readonly refusals?: readonly RefusalMessage[];
  /** Absent: not known. */
  readonly addresses?: readonly UsualAddresses[];
  /** Absent: no example can be made. */
  readonly sample?: LivepatchSample;
  /** Options beside the generic ones that a kernel with livepatch has, and that the loader looks at. */
  readonly configuration?: readonly string[];
}
