import type { LinkageSlot, LoaderStateChange, ModuleImage, PlacedSection } from '@kelp/core';
import {
  adrpDistance,
  branchX16,
  encodeAdd,
  encodeAdrp,
  encodeBranch,
  instructionBytes,
  page,
  readInstruction,
} from './instructions.ts';

/** Bytes of struct plt_entry: ADRP, ADD, BR. */
export const pltEntrySize = 12;

/** get_plt_entry(): a jump to any address within 4 GiB, through X16. */
export function encodePltEntry(target: bigint, place: bigint): Uint8Array {
  return instructionBytes([...addressInRegister(target, place, 16), branchX16]);
}

/** __get_adrp_add_pair(). */
function addressInRegister(target: bigint, place: bigint, register: number): readonly [number, number] {
  return [encodeAdrp(place, target, register), encodeAdd(register, register, Number(target & 0xfffn))];
}

/**
 * is_forbidden_offset_for_adrp(): on a CPU with erratum 843419 an ADRP must not be one of the last two instructions of a
 * 4 KiB page.
 */
export function isForbiddenForAdrp(place: bigint): boolean {
  return (place & 0xfffn) >= 0xff8n;
}

/** What the loader has written into `.plt` or `.init.plt`: struct mod_plt_sec, while relocations are applied. */
export class PltBuilder {
  readonly #image: ModuleImage;
  readonly #section: PlacedSection;
  /** plt_max_entries: one less than there is room for. */
  readonly #most: number;
  readonly #erratum843419: boolean;
  /** plt_num_entries: slots that were skipped count too. */
  #used = 0;

  constructor(image: ModuleImage, section: PlacedSection, most: number, erratum843419: boolean) {
    this.#image = image;
    this.#section = section;
    this.#most = most;
    this.#erratum843419 = erratum843419;
  }

  /**
   * module_emit_plt_entry(): relocations come sorted by target, so only the last entry can be the same one. A new entry
   * that turns out to be a duplicate stays in memory behind the last until the next one replaces it.
   *
   * @returns the address of the entry; undefined if none is left.
   */
  entryFor(target: bigint): bigint | undefined {
    const last = this.#used - 1;
    const slot = this.#used + (this.#mustSkip(this.#used) ? 1 : 0);
    if (!this.#write(slot, encodePltEntry(target, this.#address(slot)), 'plt')) return undefined;
    if (last >= 0 && this.#sameTarget(slot, last)) return this.#address(last);
    this.#used = slot + 1;
    return this.#used > this.#most ? undefined : this.#address(slot);
  }

  /**
   * module_emit_veneer_for_adrp(): computes what an ADRP would have, and goes on behind it.
   *
   * @param adrp - the instruction that cannot stay at `place`.
   * @param target - the page that it loads.
   * @returns the address of the veneer; undefined if none is left.
   */
  veneerFor(adrp: number, place: bigint, target: bigint): bigint | undefined {
    let slot = this.#used++;
    if (this.#used > this.#most) return undefined;
    if (this.#mustSkip(slot)) slot = this.#used++;
    const address = this.#address(slot);
    const pair = addressInRegister(target, address, adrp & 0x1f);
    const back = encodeBranch(address + 8n, place + 4n);
    return this.#write(slot, instructionBytes([...pair, back]), 'veneer') ? address : undefined;
  }

  /** Filled slots that no branch reaches. */
  unused(reached: ReadonlySet<bigint>): readonly LinkageSlot[] {
    return Array.from({ length: this.#used }, (_, slot) => slot).flatMap((slot): readonly LinkageSlot[] => {
      const address = this.#address(slot);
      if (reached.has(address)) return [];
      const { page: own, adrp, add, branch } = this.#entry(slot);
      if (adrp === 0) return [];
      const target = own + adrpDistance(adrp) + BigInt((add >>> 10) & 0xfff);
      return [{ kind: branch === branchX16 ? 'plt' : 'veneer', address, size: pltEntrySize, target }];
    });
  }

  /** Give back the last entries, as far as no branch reaches them, and duplicates that were left behind the last. */
  release(reached: ReadonlySet<bigint>, name: string): readonly LoaderStateChange[] {
    const before = this.#used;
    while (this.#used > 0 && !reached.has(this.#address(this.#used - 1))) this.#used--;
    const empty = new Uint8Array(pltEntrySize);
    for (let slot = this.#used; slot <= this.#most; slot++) {
      const filled = this.#image.read(this.#address(slot), pltEntrySize)?.some((byte) => byte !== 0);
      if (filled === true) this.#write(slot, empty, 'livepatch-clear');
    }
    return this.#used === before ? [] : [{ name, old: before, new: this.#used }];
  }

  #mustSkip(slot: number): boolean {
    return this.#erratum843419 && isForbiddenForAdrp(this.#address(slot));
  }

  #address(slot: number): bigint {
    return this.#section.address + BigInt(slot * pltEntrySize);
  }

  /**
   * Counting makes room for one entry more than may be used. The loader looks at the number after it has written, so that
   * a livepatch that is relocated again and again writes over what stands behind the section.
   */
  #write(slot: number, bytes: Uint8Array, cause: string): boolean {
    const address = this.#address(slot);
    if (this.#image.read(address, pltEntrySize) === undefined) return false;
    const inside = (slot + 1) * pltEntrySize <= this.#section.size;
    this.#image.write(address, bytes, inside ? cause : `${cause}-overrun`);
    return true;
  }

  /** plt_entries_equal(). */
  #sameTarget(a: number, b: number): boolean {
    const [first, second] = [this.#entry(a), this.#entry(b)];
    if (first.add !== second.add || first.branch !== second.branch) return false;
    return first.page + adrpDistance(first.adrp) === second.page + adrpDistance(second.adrp);
  }

  #entry(slot: number): {
    readonly page: bigint;
    readonly adrp: number;
    readonly add: number;
    readonly branch: number;
  } {
    const address = this.#address(slot);
    const [adrp = 0, add = 0, branch = 0] = [0n, 4n, 8n].map((at) =>
      readInstruction(this.#image, address + at),
    );
    return { page: page(address), adrp, add, branch };
  }
}
