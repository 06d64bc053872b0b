import {
  KelpError,
  type ByteOrder,
  type GeneratedCode,
  type Kernel,
  type Machine,
  type ModuleImage,
  type PlacedSection,
  type Question,
} from '@kelp/core';
import type { ObjectFile } from '@kelp/core/elf';
import type { Answers } from './answers.ts';
import type { Area, Protection } from './layout.ts';
import { WriteLog } from './write-log.ts';

/** Symbols outside the module. */
export interface ExternalSymbols {
  /** Address of an exported or otherwise known symbol. */
  address(name: string): bigint | undefined;
  /** Name of the function that starts exactly at an address. */
  functionAt(address: bigint): string | undefined;
  /** Trampolines of ftrace and BPF that the kernel generated; none without it. */
  readonly generatedCode?: readonly GeneratedCode[];
}

/** An area with its place and its bytes. */
export interface PlacedArea {
  readonly area: Area;
  readonly address: bigint;
  readonly bytes: Uint8Array;
}

/** What an image is made of. */
export interface ImageParts {
  readonly object: ObjectFile;
  readonly kernel: Kernel;
  readonly machine: Machine;
  readonly areas: readonly PlacedArea[];
  readonly sections: readonly PlacedSection[];
  readonly external: ExternalSymbols;
  readonly answers: Answers;
}

/** Is told of every write before it happens, and throws where the kernel cannot do it. */
export type WriteGuard = (address: bigint, length: number, cause: string) => void;

/** The memory of one module while it is loaded. */
export class LoadedImage implements ModuleImage {
  readonly object: ObjectFile;
  readonly kernel: Kernel;
  readonly machine: Machine;
  readonly byteOrder: ByteOrder;
  readonly sections: readonly PlacedSection[];
  readonly areas: readonly PlacedArea[];
  readonly log = new WriteLog();
  readonly #external: ExternalSymbols;
  readonly #answers: Answers;
  readonly #byName = new Map<string, PlacedSection>();
  readonly #byIndex = new Map<number, PlacedSection>();
  /** What stood at a place before it was changed; one for all changes, because there are millions. */
  readonly #before = new Uint8Array(8);
  #guard: WriteGuard | undefined;

  constructor(parts: ImageParts) {
    this.object = parts.object;
    this.kernel = parts.kernel;
    this.machine = parts.machine;
    this.byteOrder = parts.object.byteOrder;
    this.areas = parts.areas;
    this.sections = parts.sections;
    this.#external = parts.external;
    this.#answers = parts.answers;
    for (const section of parts.sections) {
      this.#byName.set(section.name, section);
      this.#byIndex.set(section.index, section);
    }
  }

  get textAddress(): bigint {
    return this.areas.find(({ area }) => area.name === 'text' || area.name === 'core')?.address ?? 0n;
  }

  section(name: string): PlacedSection | undefined {
    return this.#byName.get(name);
  }

  /** The section with an index in the file; undefined where it has no memory. */
  placedSection(index: number): PlacedSection | undefined {
    return this.#byIndex.get(index);
  }

  read(address: bigint, length: number): Uint8Array | undefined {
    const found = this.#find(address, length);
    return found?.bytes.slice(found.offset, found.offset + length);
  }

  /** Run something whose writes, but for those of {@link change}, a guard has to allow. */
  guarded<Result>(guard: WriteGuard, action: () => Result): Result {
    this.#guard = guard;
    try {
      return action();
    } finally {
      this.#guard = undefined;
    }
  }

  write(address: bigint, bytes: Uint8Array, cause: string): void {
    this.#guard?.(address, bytes.length, cause);
    const found = this.#find(address, bytes.length);
    if (found === undefined) throw this.#outside(address, bytes.length, cause);
    this.log.append(
      found.index,
      found.offset,
      found.bytes.subarray(found.offset, found.offset + bytes.length),
      cause,
    );
    found.bytes.set(bytes, found.offset);
  }

  /**
   * Let a function change bytes in place, and log what it changed.
   *
   * @param reach - bytes from the address on that may change, 8 at most; fewer at the end of the area.
   */
  change<Result>(
    address: bigint,
    reach: number,
    cause: string,
    action: (bytes: Uint8Array, offset: number) => Result,
  ): Result {
    const found = this.#find(address, 1);
    if (found === undefined) throw this.#outside(address, 1, cause);
    const { index, bytes, offset } = found;
    const old = this.#before;
    const length = Math.min(reach, old.length, bytes.length - offset);
    for (let at = 0; at < length; at++) old[at] = bytes[offset + at] ?? 0;
    const result = action(bytes, offset);
    let [first, end] = [0, length];
    while (first < end && old[first] === bytes[offset + first]) first++;
    while (end > first && old[end - 1] === bytes[offset + end - 1]) end--;
    if (end > first) this.log.append(index, offset + first, old.subarray(first, end), cause);
    return result;
  }

  externalSymbol(name: string): bigint | undefined {
    return this.#external.address(name);
  }

  functionAt(address: bigint): string | undefined {
    return this.#external.functionAt(address);
  }

  get generatedCode(): readonly GeneratedCode[] {
    return this.#external.generatedCode ?? [];
  }

  ask(question: Question): string {
    return this.#answers.ask(question, this.isFreedAfterInit(question.address));
  }

  /** Whether an address lies in memory of the module that the kernel frees after init. */
  isFreedAfterInit(place: bigint): boolean {
    return this.areas.some(
      ({ area, address, bytes }) => area.init && place >= address && place < address + BigInt(bytes.length),
    );
  }

  /** How the memory at an address is protected once the module is formed; undefined for init memory and other memory. */
  protection(place: bigint): Protection | undefined {
    const found = this.#find(place, 1);
    const area = found === undefined ? undefined : this.areas[found.index]?.area;
    if (found === undefined || area === undefined || area.init) return undefined;
    // What the loader builds stands before the first section of the text, and padding belongs to what it follows.
    let protection: Protection = area.placements[0]?.protection ?? 'text';
    for (const one of area.placements) if (one.offset <= found.offset) protection = one.protection;
    return protection;
  }

  #outside(address: bigint, length: number, cause: string): KelpError {
    const message = `${cause} writes ${length} bytes at 0x${address.toString(16)}, outside the module`;
    return new KelpError('load/outside-module', message, { file: this.object.file });
  }

  /** The area and offset of a range of addresses; undefined where not all of it belongs to one area. */
  #find(
    address: bigint,
    length: number,
  ): { readonly index: number; readonly offset: number; readonly bytes: Uint8Array } | undefined {
    for (let index = 0; index < this.areas.length; index++) {
      const area = this.areas[index];
      if (area === undefined) continue;
      // Exact where the place lies in the area, and far out of it otherwise.
      const offset = Number(address - area.address);
      if (offset >= 0 && offset + length <= area.bytes.length) return { index, offset, bytes: area.bytes };
    }
    return undefined;
  }
}
