import type { ModuleImage, PlacedSection } from '@kelp/core';
import { isPcRelative } from './configuration.ts';
import { ftraceCallers } from './ftrace-callers.ts';
import { distanceFromKernel } from './kernel-base.ts';
import { reusesZeroStub } from './section-sizes.ts';
import {
  callStub,
  ftraceDistance,
  ftraceStub,
  pcRelativeCallStub,
  pcRelativeFtraceStub,
  stubSize,
  type StubPart,
} from './stub-entries.ts';

/** A slot of .stubs that a target got. */
export interface StubSlot {
  readonly address: bigint;
  /** The slot was free: what it holds must be written. */
  readonly fresh: boolean;
}

/** The .stubs section of one module while it is loaded. */
export class StubTable {
  readonly #image: ModuleImage;
  readonly #section: PlacedSection | undefined;
  readonly #toc: bigint;
  readonly #byTarget = new Map<bigint, bigint>();
  readonly #reusesZero: boolean;
  #used = 0;

  /** @param toc - the module's TOC pointer. */
  constructor(image: ModuleImage, toc: bigint) {
    this.#image = image;
    this.#section = image.section('.stubs');
    this.#toc = toc;
    this.#reusesZero = reusesZeroStub(image.kernel);
  }

  /**
   * The address of the stub for a target, made if there is none: stub_for_addr().
   *
   * @param name - the symbol; a name of ftrace makes it a stub for ftrace.
   * @returns undefined where there is no slot left or the TOC is out of reach.
   */
  stubFor(target: bigint, name: string): bigint | undefined {
    const slot = this.reserve(target);
    if (slot === undefined || !slot.fresh) return slot?.address;
    return this.fill(slot.address, target, name) ? slot.address : undefined;
  }

  /** The slot of a target; undefined where none is left. */
  reserve(target: bigint): StubSlot | undefined {
    const known = this.#byTarget.get(target);
    if (known !== undefined) return { address: known, fresh: false };
    const address = this.#slot(1);
    if (address === undefined) return undefined;
    // Where the first stub with target 0 is the end of the table, such a stub does not take its slot.
    if (target !== 0n || !this.#reusesZero) {
      this.#used++;
      this.#byTarget.set(target, address);
    }
    return { address, fresh: true };
  }

  /** Take some slots for something else; undefined where there are too few. */
  reserveBlock(stubs: number): bigint | undefined {
    const address = this.#slot(stubs);
    if (address !== undefined) this.#used += stubs;
    return address;
  }

  /** Write a stub: create_stub(). False where the TOC is out of reach. */
  fill(address: bigint, target: bigint, name: string): boolean {
    if (ftraceCallers.has(name)) return this.#fillFtrace(address, target);
    const pcRelative = isPcRelative(this.#image.kernel);
    const stub = pcRelative
      ? pcRelativeCallStub(target)
      : callStub(BigInt.asIntN(64, address - this.#toc), target);
    return this.#write(address, stub);
  }

  #fillFtrace(address: bigint, target: bigint): boolean {
    const make = isPcRelative(this.#image.kernel) ? pcRelativeFtraceStub : ftraceStub;
    const { distance, chosen } = distanceFromKernel(this.#image, address, target);
    const stub = make(distance, target);
    if (!this.#write(address, stub)) return false;
    if (chosen) this.#markChosen(address);
    return true;
  }

  /** The distance depends on what was read from memory. */
  #markChosen(address: bigint): void {
    const place = address + BigInt(ftraceDistance.offset);
    const bytes = this.#image.read(place, ftraceDistance.size);
    if (bytes !== undefined) this.#image.write(place, bytes, 'kernel-chosen');
  }

  #write(address: bigint, stub: readonly StubPart[] | undefined): boolean {
    for (const { offset, bytes } of stub ?? []) this.#image.write(address + BigInt(offset), bytes, 'stub');
    return stub !== undefined;
  }

  #slot(stubs: number): bigint | undefined {
    if (this.#section === undefined || (this.#used + stubs) * stubSize > this.#section.size) return undefined;
    return this.#section.address + BigInt(this.#used * stubSize);
  }
}
