import type { ModuleImage } from './module-image.ts';

/** Bytes that stand at an address. */
export interface CodeSite {
  readonly address: bigint;
  readonly bytes: Uint8Array;
  /** Cause of the write, where it is another than that of the sites around it. */
  readonly cause?: string;
}

/** One entry of a module's jump table, at its place in memory. */
export interface JumpLabelSite {
  /** Address of the instruction that is switched. */
  readonly code: bigint;
  /** Where it jumps. */
  readonly target: bigint;
  /** Address of the static key. */
  readonly key: bigint;
  /** Bit 0 of the key: the site jumps while the key is disabled. */
  readonly branch: boolean;
}

/** arch_jump_label_transform() of an architecture. */
export interface JumpLabelEncoder {
  /** The bytes of a site that jumps or does not. The length is that of the instruction in the file. */
  encode(image: ModuleImage, site: JumpLabelSite, jumps: boolean): Uint8Array;
}

/** ftrace_init_nop() of an architecture. */
export interface FtraceSiteEncoder {
  /**
   * What the kernel writes for one entry of the table of call sites; empty where it writes nothing.
   *
   * @param position - entries before it in the sorted table, those of 0 not counted.
   */
  encode(image: ModuleImage, entry: bigint, position: number): readonly CodeSite[];
  /** Cause of the writes, where the bytes depend on what the kernel allocated beside the module; else `ftrace`. */
  readonly cause?: string;
}

/** One entry of a module's static call sites, at its place in memory. */
export interface StaticCallSite {
  /** Address of the call or jump. */
  readonly address: bigint;
  /** Address of the key. */
  readonly key: bigint;
  /** The site is a tail call. */
  readonly tail: boolean;
}

/** arch_static_call_transform() of an architecture. */
export interface StaticCallEncoder {
  /** The bytes of a site whose key names a function; 0 for a key without one. */
  encode(image: ModuleImage, site: StaticCallSite, target: bigint): Uint8Array;
  /** The function that the bytes of a site name; undefined for bytes that no encoding gives. */
  decode(image: ModuleImage, site: StaticCallSite, bytes: Uint8Array): bigint | undefined;
}
