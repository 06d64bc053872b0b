import type { ObjectFile } from './elf/object-file.ts';
import type { ByteOrder } from './field.ts';
import type { Kernel } from './kernel.ts';
import type { Machine } from './machine.ts';

/** A section of a module at its place in memory. */
export interface PlacedSection {
  readonly index: number;
  /** Untrusted. */
  readonly name: string;
  readonly address: bigint;
  /** Bytes in memory; the loader may have changed the size that the file gives. */
  readonly size: number;
  /** The section goes to memory that is freed after init. */
  readonly init: boolean;
}

/**
 * Something that the file does not decide: a CPU feature that the machine's description lacks, the state of a static
 * key, the function behind a static call. The same kind and ID always get the same answer, at every place that asks.
 */
export interface Question {
  readonly kind: 'feature' | 'ftrace' | 'jump-label' | 'kernel-chosen' | 'livepatch' | 'static-call';
  readonly id: string;
  /** A place in memory whose bytes tell the answer. */
  readonly address: bigint;
  /** The answer changes where sections stand: nothing else can be told before it is known. */
  readonly decidesLayout?: true;
  /** Bytes at the place for each possible answer; the first is taken where nobody knows better. */
  readonly candidates: readonly Candidate[];
  /**
   * Read an answer from the bytes at the place, where the answers cannot be listed; undefined for illegal bytes. What
   * the bytes point to can be read, too, as far as it is there.
   */
  readonly derive?: (bytes: Uint8Array, read: ReadBytes) => string | undefined;
}

/** Reads memory; undefined where not all of it is known. */
export type ReadBytes = (address: bigint, length: number) => Uint8Array | undefined;

/** A possible answer, and the bytes that stand at the place if it is the right one. */
export interface Candidate {
  readonly answer: string;
  readonly bytes: Uint8Array;
}

/** Code that the kernel generated while it ran, as kallsyms lists it: `ftrace_trampoline`, `bpf_trampoline_6442`. */
export interface GeneratedCode {
  readonly name: string;
  readonly address: bigint;
}

/** Memory of a module while it is being loaded: what linkage, patch steps and generic consumers work on. */
export interface ModuleImage {
  readonly object: ObjectFile;
  readonly kernel: Kernel;
  readonly machine: Machine;
  readonly byteOrder: ByteOrder;
  readonly sections: readonly PlacedSection[];
  /** The last section of a name, as most of the kernel finds them; undefined where there is none. */
  section(name: string): PlacedSection | undefined;
  /** Start of the area that holds the text sections, GOT, PLT or stubs before them included. */
  readonly textAddress: bigint;
  /** A copy of bytes of the module; undefined where not all of them belong to it. */
  read(address: bigint, length: number): Uint8Array | undefined;
  /**
   * Change bytes of the module. `cause` names the reason for the log: `relocation`, `alternative` ...
   *
   * @throws KelpError `load/outside-module`.
   */
  write(address: bigint, bytes: Uint8Array, cause: string): void;
  /** Address of a symbol outside the module; undefined where it is not known. */
  externalSymbol(name: string): bigint | undefined;
  /** Name of the function that starts exactly at an address outside or inside the module; undefined for none. */
  functionAt(address: bigint): string | undefined;
  /** Trampolines that the kernel generated and calls of traced functions may lead to. */
  readonly generatedCode: readonly GeneratedCode[];
  /** Ask something that the file does not decide. */
  ask(question: Question): string;
}
