import type { LinkageSlot, LoaderStateChange, ModuleImage, PlacedSection } from '@kelp/core';
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
  readonly #capacity: number;
  #used = 0;
  #pinned = 0;

  /** @param toc - the module's TOC pointer. */
  constructor(image: ModuleImage, toc: bigint) {
    this.#image = image;
    this.#section = image.section('.stubs');
    this.#capacity = Math.floor((this.#section?.size ?? 0) / stubSize);
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

  /**
   * The slot of a target; undefined where none is left. stub_for_addr() compares with the capacity only while it
   * searches, so that one stub may come to stand behind the section, and is not found again.
   */
  reserve(target: bigint): StubSlot | undefined {
    const known = this.#byTarget.get(target);
    if (known !== undefined) return { address: known, fresh: false };
    if (this.#section === undefined || this.#used > this.#capacity) return undefined;
    const address = this.#section.address + BigInt(this.#used * stubSize);
    if (this.#used === this.#capacity && !this.#mayOverrun(address)) return undefined;
    // Where the first stub with target 0 is the end of the table, such a stub does not take its slot.
    if (target !== 0n || !this.#reusesZero) {
      if (this.#used < this.#capacity) this.#byTarget.set(target, address);
      this.#used++;
    }
    return { address, fresh: true };
  }

  /** Take some slots for something else; undefined where there are too few. */
  reserveBlock(stubs: number): bigint | undefined {
    if (this.#section === undefined || this.#used + stubs > this.#capacity) return undefined;
    const address = this.#section.address + BigInt(this.#used * stubSize);
    this.#used += stubs;
    return address;
  }

  /** Slots up to here belong to finalization and whatever came before it: they stay. */
  pin(): void {
    this.#pinned = this.#used;
  }

  /** Filled slots, made after finalization, whose target is not among those in use. */
  unused(targets: ReadonlySet<bigint>): readonly LinkageSlot[] {
    return [...this.#byTarget]
      .filter(([target, address]) => !targets.has(target) && this.#slotOf(address) >= this.#pinned)
      .map(([target, address]) => ({ kind: 'stub', address, size: stubSize, target }));
  }

  /**
   * Give back the slots at the end of the table that nothing uses. Those before a used one stay: up to 6.12 the kernel
   * would not find what stands behind an empty slot. A stub behind the section has taken no slot, and stays too.
   */
  release(targets: ReadonlySet<bigint>): readonly LoaderStateChange[] {
    const before = this.#used;
    const byAddress = new Map([...this.#byTarget].map(([target, address]) => [address, target]));
    while (this.#section !== undefined && this.#used > this.#pinned) {
      const address = this.#section.address + BigInt((this.#used - 1) * stubSize);
      const target = byAddress.get(address);
      if (target === undefined || targets.has(target)) break;
      this.#image.write(address, new Uint8Array(stubSize), 'livepatch-clear');
      this.#byTarget.delete(target);
      this.#used--;
    }
    if (this.#used === before || this.#reusesZero) return [];
    return [{ name: 'stub_count', old: before, new: this.#used }];
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
    const cause = this.#slotOf(address) < this.#capacity ? 'stub' : 'stub-overrun';
    for (const { offset, bytes } of stub ?? []) this.#image.write(address + BigInt(offset), bytes, cause);
    return stub !== undefined;
  }

  /** Whether a stub can be made behind the section: where zero is the end of the table, the memory there must be zero. */
  #mayOverrun(address: bigint): boolean {
    const behind = this.#image.read(address, stubSize);
    if (behind === undefined) return false;
    return !this.#reusesZero || behind.subarray(stubSize - 8).every((byte) => byte === 0);
  }

  #slotOf(address: bigint): number {
    return Number(address - (this.#section?.address ?? 0n)) / stubSize;
  }
}
