import type { Linker, LinkedRelocation, LinkResult, ModuleImage, PlacedSection, Refusal } from '@kelp/core';
import { erratum843419 } from './features.ts';
import {
  branchDistance,
  encodeAdrp,
  encodeBranch,
  insertAdrImmediate,
  instructionBytes,
  instructionWords,
  isAdr,
  isAdrp,
  isBranch,
  page,
  readInstruction,
} from './instructions.ts';
import { adrpTypes, branchTypes } from './plt-counting.ts';
import { isForbiddenForAdrp, PltBuilder } from './plt-entries.ts';

/** A number for `.plt` and one for `.init.plt`. */
export interface CoreAndInit {
  readonly core: number;
  readonly init: number;
}

const noLetters: LinkResult = { kind: 'letters', letters: {} };

/** The linker of a kernel without PLTs: it branches directly, or refuses. */
export const directLinker: Linker = {
  letters: ({ type, S, A }) =>
    branchTypes.has(type) ? { kind: 'letters', letters: { D: S + A } } : noLetters,
};

/** The linker of a module for which there is no plan. */
export function refusingLinker(refusal: Refusal): Linker {
  return { letters: () => ({ kind: 'refused', ...refusal }) };
}

/**
 * What apply_relocate_add() does beside storing values: entries in `.plt` and `.init.plt`, ADRP at the end of a page.
 *
 * @param most - entries that were counted for each section.
 * @param affected - the CPU has erratum 843419; undefined where the machine's description does not tell.
 */
export function pltLinker(
  image: ModuleImage,
  plts: CoreAndInit,
  most: CoreAndInit,
  affected: boolean | undefined,
): Linker {
  const builder = (index: number, entries: number): PltBuilder | undefined => {
    const section = image.sections.find((one) => one.index === index);
    return section === undefined ? undefined : new PltBuilder(image, section, entries, affected === true);
  };
  const [core, init] = [builder(plts.core, most.core), builder(plts.init, most.init)];
  const initSections = image.sections.filter((section) => section.init && section.size > 0);
  const builderFor = (place: bigint): PltBuilder | undefined =>
    initSections.some((one) => holds(one, place)) ? init : core;
  return {
    unused(inUse) {
      const reached = destinations(image, inUse);
      return [core, init].flatMap((plt) => plt?.unused(reached) ?? []);
    },
    release(inUse) {
      const reached = destinations(image, inUse);
      return core?.release(reached, 'core.plt_num_entries') ?? [];
    },
    restore: ({ P }) => restoreAdrp(image, P),
    letters(relocation) {
      if (branchTypes.has(relocation.type)) return branchLetters(image, relocation, builderFor(relocation.P));
      if (!adrpTypes.has(relocation.type) || !isForbiddenForAdrp(relocation.P)) return noLetters;
      if (affected === undefined) askForErratum(image, relocation.P);
      return affected === true ? replaceAdrp(image, relocation, builderFor(relocation.P)) : noLetters;
    },
  };
}

/** Where the branches stand that relocations have made. */
function destinations(image: ModuleImage, relocations: Iterable<LinkedRelocation>): ReadonlySet<bigint> {
  const reached = new Set<bigint>();
  for (const { type, P } of relocations) {
    if (!branchTypes.has(type) && !adrpTypes.has(type)) continue;
    const instruction = readInstruction(image, P);
    if (instruction !== undefined) reached.add(P + BigInt(branchDistance(instruction) ?? 0));
  }
  return reached;
}

/** What became ADR or a branch to a veneer is an ADRP again, with the register that the other has. */
function restoreAdrp(image: ModuleImage, place: bigint): void {
  const instruction = readInstruction(image, place);
  if (instruction === undefined || isAdrp(instruction)) return;
  const distance = isBranch(instruction) ? branchDistance(instruction) : undefined;
  const veneer = distance === undefined ? instruction : readInstruction(image, place + BigInt(distance));
  const register = (veneer ?? 0) & 0x1f;
  image.write(place, instructionBytes([encodeAdrp(0n, 0n, register)]), 'livepatch-clear');
}

/**
 * The erratum changes the layout, so an answer counts for the next load only. Memory tells it: where an ADRP stands at
 * the end of a page, the CPU is not affected; where it became ADR or B, it is.
 */
function askForErratum(image: ModuleImage, place: bigint): void {
  image.ask({
    kind: 'feature',
    id: erratum843419,
    address: place,
    decidesLayout: true,
    candidates: [{ answer: 'off', bytes: image.read(place, 4) ?? new Uint8Array(4) }],
    derive: (bytes) => {
      const [instruction = 0] = instructionWords(bytes);
      if (isAdrp(instruction)) return 'off';
      return isAdr(instruction) || isBranch(instruction) ? 'on' : undefined;
    },
  });
}

/**
 * The erratum changes the layout of modules without an ADRP at the end of a page, too. They have no place that tells,
 * and get the answer of those that have one.
 */
export function askForLayout(image: ModuleImage): void {
  image.ask({
    kind: 'feature',
    id: erratum843419,
    address: image.textAddress,
    decidesLayout: true,
    candidates: [{ answer: 'off', bytes: new Uint8Array(0) }],
    derive: () => undefined,
  });
}

/** within_module_init(). */
function holds({ address, size }: PlacedSection, place: bigint): boolean {
  return place >= address && place < address + BigInt(size);
}

const pltFull: LinkResult = {
  kind: 'refused',
  errno: 'ENOEXEC',
  reason: 'no PLT entry is left for the destination',
};

/** R_AARCH64_JUMP26 and R_AARCH64_CALL26: an entry is made only where the destination is out of reach. */
function branchLetters(
  image: ModuleImage,
  { S, A, P }: LinkedRelocation,
  plt: PltBuilder | undefined,
): LinkResult {
  const target = BigInt.asUintN(64, S + A);
  const instructions = BigInt.asIntN(64, target - P) >> 2n;
  if (BigInt.asIntN(26, instructions) === instructions) return { kind: 'letters', letters: { D: target } };
  const cut = Number(BigInt.asUintN(26, instructions));
  const word = ((readInstruction(image, P) ?? 0) & 0xfc00_0000) | cut;
  const entry = insteadOf(image, P, word, () => plt?.entryFor(target));
  return entry === undefined ? pltFull : { kind: 'letters', letters: { D: entry } };
}

/**
 * The loader stores what does not fit before it makes the entry that replaces it: it stays if there will be none.
 *
 * @param word - the instruction with what was left of the distance.
 */
function insteadOf(
  image: ModuleImage,
  place: bigint,
  word: number,
  make: () => bigint | undefined,
): bigint | undefined {
  let made: bigint | undefined;
  try {
    made = make();
  } finally {
    if (made === undefined && place % 4n === 0n)
      image.write(place, instructionBytes([word >>> 0]), 'relocation');
  }
  return made;
}

/** reloc_insn_adrp() at the end of a page: ADR where it reaches the page, else a branch to a veneer. */
function replaceAdrp(
  image: ModuleImage,
  { S, A, P }: LinkedRelocation,
  plt: PltBuilder | undefined,
): LinkResult {
  const target = page(BigInt.asUintN(64, S + A));
  const distance = BigInt.asIntN(64, target - P);
  const adrp = insertAdrImmediate(readInstruction(image, P) ?? 0, Number(BigInt.asIntN(21, distance)));
  if (BigInt.asIntN(21, distance) === distance) {
    // Without bit 31 an ADRP is an ADR.
    image.write(P, instructionBytes([adrp & 0x7fff_ffff]), 'relocation');
    return { kind: 'written' };
  }
  const veneer = insteadOf(image, P, adrp, () => plt?.veneerFor(adrp, P, target));
  if (veneer === undefined)
    return { kind: 'refused', errno: 'ENOEXEC', reason: 'no PLT entry is left for a veneer' };
  image.write(P, instructionBytes([encodeBranch(P, veneer)]), 'relocation');
  return { kind: 'written' };
}
