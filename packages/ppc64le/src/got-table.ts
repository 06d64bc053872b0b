import type { LinkedRelocation, LinkResult, ModuleImage, PlacedSection } from '@kelp/core';
import { doubleword, wordAt, words } from './instructions.ts';
import { GOT_PCREL34, perCpuIndex } from './section-sizes.ts';

/** R_PPC64_PCREL34. */
const PCREL34 = 132;

/** .mygot of one module while it is loaded: got_for_addr(). */
export class GotTable {
  readonly section: PlacedSection | undefined;
  readonly #image: ModuleImage;
  readonly #byAddress = new Map<bigint, bigint>();

  constructor(image: ModuleImage) {
    this.#image = image;
    this.section = image.section('.mygot');
  }

  /** The slot of an address, filled if there is none; undefined where none is left. */
  slotFor(address: bigint): bigint | undefined {
    const known = this.#byAddress.get(address);
    if (known !== undefined) return known;
    const used = this.#byAddress.size * 8;
    if (this.section === undefined || used + 8 > this.section.size) return undefined;
    const slot = this.section.address + BigInt(used);
    this.#image.write(slot, doubleword(address), 'got');
    // The kernel takes the first slot that holds 0, so one for address 0 stays free.
    if (address !== 0n) this.#byAddress.set(address, slot);
    return slot;
  }
}

const outOfSlots: LinkResult = { kind: 'refused', errno: 'ENOENT', reason: '.mygot has no slot left' };

/** The letters of relocations other than branches with PPC_KERNEL_PCREL. */
export function pcRelativeLetters(
  image: ModuleImage,
  got: GotTable,
  relocation: LinkedRelocation,
): LinkResult {
  const { type, S, A, P } = relocation;
  const address = BigInt.asUintN(64, S + A);
  if (type === GOT_PCREL34) {
    const slot = got.slotFor(address);
    const G = got.section?.address ?? 0n;
    return slot === undefined ? outOfSlots : { kind: 'letters', letters: { G, O: slot - G } };
  }
  if (type !== PCREL34 || isNear(address - P) || !isPerCpu(image, relocation))
    return { kind: 'letters', letters: {} };
  // Per-CPU memory is far away: the address is loaded from a slot instead of computed.
  const slot = got.slotFor(address);
  if (slot === undefined) return outOfSlots;
  loadInsteadOfAdd(image, P);
  return { kind: 'letters', letters: { S: slot - A } };
}

/** 34 bits, signed. */
function isNear(distance: bigint): boolean {
  const signed = BigInt.asIntN(64, distance);
  return signed >= -0x2_0000_0000n && signed <= 0x1_ffff_ffffn;
}

function isPerCpu(image: ModuleImage, { symbol }: LinkedRelocation): boolean {
  return image.object.symbols()?.rawSectionIndex(symbol) === perCpuIndex(image.object);
}

/** pla becomes pld. */
function loadInsteadOfAdd(image: ModuleImage, place: bigint): void {
  const present = image.read(place, 8);
  if (present === undefined) return;
  const [prefix, suffix] = [wordAt(present, 0), wordAt(present, 4)];
  image.write(place, words(prefix & ~0x0200_0000, (suffix & ~0xf800_0000) | 0xe400_0000), 'relocation');
}
