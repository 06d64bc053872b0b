import { PlacedTable, type ModuleImage, type PatchStep } from '@kelp/core';
import { fixupEntry } from './feature-fixups.ts';
import { featureName, type FeatureWord } from './features.ts';
import {
  branchTarget,
  instructionSize,
  isPrefix,
  isRelativeBranch,
  NOP,
  translateBranch,
  wordAt,
  words,
} from './instructions.ts';

/** do_feature_fixups(): where features & mask is not value, the alternative and nops take the place of the code. */
export function applyFeatureFixups(name: string, word: FeatureWord): PatchStep {
  return (image) => {
    const section = image.section(name);
    if (section === undefined) return undefined;
    const table = new PlacedTable(image, section, fixupEntry);
    for (let entry = 0; entry < table.count; entry++) {
      const fixup = {
        mask: table.number(entry, 'mask'),
        value: table.number(entry, 'value'),
        start: table.pointer(entry, 'startOff'),
        end: table.pointer(entry, 'endOff'),
        alternativeStart: table.pointer(entry, 'altStartOff'),
        alternativeEnd: table.pointer(entry, 'altEndOff'),
      };
      applyFixup(image, word, fixup);
    }
    return undefined;
  };
}

/** struct fixup_entry with addresses. */
interface Fixup {
  readonly mask: bigint;
  readonly value: bigint;
  readonly start: bigint;
  readonly end: bigint;
  readonly alternativeStart: bigint;
  readonly alternativeEnd: bigint;
}

/** patch_feature_section(). A fixup that does not fit is warned about and left out. */
function applyFixup(image: ModuleImage, word: FeatureWord, fixup: Fixup): void {
  const present = image.read(fixup.start, Number(BigInt.asUintN(32, fixup.end - fixup.start)));
  const replaced = present === undefined ? undefined : alternativeCode(image, fixup, present.length);
  if (present === undefined || replaced === undefined) return;
  if (!hasFeatures(image, word, fixup, present, replaced))
    image.write(fixup.start, replaced, 'feature-fixup');
}

/** patch_alt_instruction() for all of an alternative, nops behind it; undefined where it does not fit. */
function alternativeCode(image: ModuleImage, fixup: Fixup, length: number): Uint8Array | undefined {
  const { start, alternativeStart, alternativeEnd } = fixup;
  const size = Number(BigInt.asIntN(64, alternativeEnd - alternativeStart));
  const alternative = size < 0 || size > length ? undefined : image.read(alternativeStart, size);
  if (alternative === undefined) return undefined;
  const code: number[] = [];
  for (let offset = 0; offset < size; offset += instructionSize) {
    const one = wordAt(alternative, offset);
    if (isPrefix(one) && offset + instructionSize < size) {
      code.push(one, wordAt(alternative, offset + instructionSize));
      offset += instructionSize;
      continue;
    }
    const moved = moveInstruction(one, alternativeStart + BigInt(offset), start + BigInt(offset), fixup);
    if (moved === undefined) return undefined;
    code.push(moved);
  }
  while (code.length * instructionSize < length) code.push(NOP);
  return words(...code);
}

/** A branch out of the alternative keeps its target; one to its end counts as inside. */
function moveInstruction(one: number, from: bigint, to: bigint, fixup: Fixup): number | undefined {
  if (!isRelativeBranch(one)) return one;
  const target = branchTarget(one, from);
  const isInside = target >= fixup.alternativeStart && target <= fixup.alternativeEnd;
  return isInside ? one : translateBranch(one, from, to);
}

/**
 * Whether features & mask is value. Bits that are not known are asked for; a mask of more than one bit asks for all of
 * it at once, since a site tells no more.
 */
function hasFeatures(
  image: ModuleImage,
  word: FeatureWord,
  { mask, value, start }: Fixup,
  present: Uint8Array,
  replaced: Uint8Array,
): boolean {
  if ((value & ~mask) !== 0n) return false;
  const wanted = bitsOf(mask).map((bit) => ({
    id: featureName(word, bit, image.kernel),
    on: ((value >> BigInt(bit)) & 1n) === 1n,
  }));
  const open = wanted.filter(({ id, on }) => image.machine.feature(id) !== on);
  if (open.some(({ id }) => image.machine.feature(id) !== undefined)) return false;
  const [first] = open;
  if (first === undefined) return true;
  const single = open.length === 1;
  const id = single ? first.id : open.map((one) => (one.on ? one.id : `not ${one.id}`)).join(' and ');
  const positive = !single || first.on;
  const candidates = [
    { answer: positive ? 'on' : 'off', bytes: present },
    { answer: positive ? 'off' : 'on', bytes: replaced },
  ];
  return (image.ask({ kind: 'feature', id, address: start, candidates }) === 'on') === positive;
}

function bitsOf(mask: bigint): readonly number[] {
  return Array.from({ length: 64 }, (_, bit) => bit).filter((bit) => ((mask >> BigInt(bit)) & 1n) === 1n);
}
