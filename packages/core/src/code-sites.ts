import type { ModuleImage, ReadBytes } from './module-image.ts';

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

/** A call that ftrace_make_call() may write while somebody traces a function. */
export interface TracingCall {
  /** What is called: the name of a function and, of code that the kernel generated, its address. */
  readonly tracer: string;
  /** Bytes at the address of the {@link TracedSite}. */
  readonly bytes: Uint8Array;
  /** What else the kernel changes then: a pointer to the ftrace_ops, a call out of line. Asks what it cannot know. */
  readonly others?: () => readonly CodeSite[];
  /** Whether memory that the call leads to is as the kernel makes it; what cannot be read is taken to be. */
  readonly isSound?: (read: ReadBytes) => boolean;
}

/** A function entry that may be traced: its bytes tell whether it is, and by whom. */
export interface TracedSite {
  readonly address: bigint;
  /** The bytes while nobody traces the function. */
  readonly untraced: Uint8Array;
  /** All calls to tracers that are known beforehand. */
  readonly calls: () => readonly TracingCall[];
  /** The call of a tracer that is not known beforehand, by the bytes of the site; undefined for other bytes. */
  readonly unlisted?: (bytes: Uint8Array, read: ReadBytes) => TracingCall | undefined;
  /** That call by its tracer. */
  readonly callOf?: (tracer: string) => TracingCall | undefined;
}

/** ftrace_init_nop() and ftrace_make_call() of an architecture. */
export interface FtraceSiteEncoder {
  /**
   * What the kernel writes for one entry of the table of call sites; empty where it writes nothing.
   *
   * @param position - entries before it in the sorted table, those of 0 not counted.
   */
  encode(image: ModuleImage, entry: bigint, position: number): readonly CodeSite[];
  /** Cause of the writes, where the bytes depend on what the kernel allocated beside the module; else `ftrace`. */
  readonly cause?: string;
  /**
   * What tracing makes of the entry; undefined for an entry that {@link encode} leaves alone. Called after its bytes were
   * written.
   */
  traced?(image: ModuleImage, entry: bigint, position: number): TracedSite | undefined;
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
