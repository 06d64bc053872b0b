import {
  appliesTo,
  PlacedTable,
  type Applicability,
  type ModuleImage,
  type PatchStep,
  type Refusal,
} from '@kelp/core';
import { capabilityName, hasCapability } from './features.ts';
import { firstSection } from './first-section.ts';
import {
  adrpDistance,
  branchDistance,
  insertAdrImmediate,
  instructionBytes,
  instructionWords,
  isAdrp,
  nop,
  page,
  usesLiteral,
  withBranchDistance,
} from './instructions.ts';
import { alternativeEntry } from './special-sections.ts';

/** ARM64_CB_BIT: the entry names a function that writes the instructions. */
const callbackBit = 0x8000;
/** Kernels with that bit. Before, one number (ARM64_CB_PATCH) meant a callback on every machine. */
const withCallbackBit: readonly Applicability[] = [{ since: '6.1' }];
/** Kernels that refuse a callback outside the kernel's own text. */
const coreCallbacksOnly: readonly Applicability[] = [{ since: '6.18' }];

/** One struct alt_instr. */
interface Alternative {
  readonly original: bigint;
  /** Address of the replacement, or of the callback. */
  readonly replacement: bigint;
  /** Bytes. */
  readonly originalLength: number;
  readonly replacementLength: number;
  /** What the machine must have; undefined: nothing. */
  readonly capability: string | undefined;
  readonly callback: boolean;
}

/** apply_alternatives_module(): entries in the order of the file, each over what those before it left. */
export const applyAlternatives: PatchStep = (image) => {
  const section = firstSection(image, '.altinstructions');
  if (section === undefined) return undefined;
  const table = new PlacedTable(image, section, alternativeEntry);
  for (let entry = 0; entry < table.count; entry++) {
    const refusal = applyAlternative(image, readAlternative(image, table, entry));
    if (refusal !== undefined) return refusal;
  }
  return undefined;
};

function readAlternative({ kernel }: ModuleImage, table: PlacedTable, entry: number): Alternative {
  const number = Number(table.number(entry, 'cpucap'));
  const originalLength = Number(table.number(entry, 'origLen'));
  const replacementLength = Number(table.number(entry, 'altLen'));
  const flagged = appliesTo(withCallbackBit, kernel);
  const callback = flagged ? (number & callbackBit) !== 0 : replacementLength === 0 && originalLength > 0;
  return {
    original: table.pointer(entry, 'origOffset'),
    replacement: table.pointer(entry, 'altOffset'),
    originalLength,
    replacementLength,
    capability:
      callback && !flagged ? undefined : capabilityName(number & ~(flagged ? callbackBit : 0), kernel),
    callback,
  };
}

/** __apply_alternatives() for one entry. What stops the kernel with BUG() is refused with EFAULT here. */
function applyAlternative(image: ModuleImage, one: Alternative): Refusal | undefined {
  const present = image.read(one.original, one.originalLength);
  if (present === undefined || one.originalLength === 0) return undefined;
  const patched = one.callback ? callbackResult(image, one) : copiedReplacement(image, one);
  const on = patched instanceof Uint8Array ? patched : present;
  if (
    one.capability !== undefined &&
    !hasCapability(image, one.capability, one.original, { off: present, on })
  )
    return undefined;
  if (!(patched instanceof Uint8Array)) return patched;
  if (!sameBytes(present, patched)) image.write(one.original, patched, 'alternative');
  return undefined;
}

/** What a callback writes; undefined for a function that is not known. */
function callbackResult(
  image: ModuleImage,
  { replacement, replacementLength, originalLength }: Alternative,
): Uint8Array | Refusal | undefined {
  if (replacementLength !== 0) return stops('a callback entry has a replacement');
  if (appliesTo(coreCallbacksOnly, image.kernel) && !isCoreText(image, replacement)) {
    const reason = `the callback at 0x${replacement.toString(16)} of an alternative is not in the kernel's own text`;
    return { errno: 'ENOEXEC', reason };
  }
  // The only callback that is exported, since 6.1: alt_cb_patch_nops().
  if (image.externalSymbol('alt_cb_patch_nops') !== replacement) return undefined;
  return instructionBytes(Array.from({ length: originalLength >> 2 }, () => nop));
}

/** core_kernel_text() while modules are loaded: between _stext and _etext. Where they are not known, not in this module. */
function isCoreText(image: ModuleImage, address: bigint): boolean {
  const [start, end] = [image.externalSymbol('_stext'), image.externalSymbol('_etext')];
  if (start === undefined || end === undefined) return image.read(address, 1) === undefined;
  return address >= start && address < end;
}

/** patch_alternative(): the replacement, moved to the place of the original. */
function copiedReplacement(image: ModuleImage, one: Alternative): Uint8Array | Refusal | undefined {
  if (one.replacementLength !== one.originalLength)
    return stops('a replacement has another length than the original');
  const bytes = image.read(one.replacement, one.replacementLength);
  if (bytes === undefined) return undefined;
  const moved: number[] = [];
  for (const [index, instruction] of instructionWords(bytes).entries()) {
    const at = BigInt(index * 4);
    const word = moveInstruction(instruction, one.replacement + at, one.original + at, one);
    if (word === undefined)
      return stops(`replacement instruction 0x${instruction.toString(16)} loads a literal`);
    moved.push(word);
  }
  return instructionBytes(moved);
}

/** get_alt_insn(): keep the target of a branch that leaves the replacement, and the page of an ADRP. */
function moveInstruction(
  instruction: number,
  from: bigint,
  to: bigint,
  one: Alternative,
): number | undefined {
  const distance = branchDistance(instruction);
  if (distance !== undefined) {
    const target = from + BigInt(distance);
    const inside = target >= one.replacement && target <= one.replacement + BigInt(one.replacementLength);
    return inside ? instruction : withBranchDistance(instruction, Number(BigInt.asIntN(32, target - to)));
  }
  if (isAdrp(instruction)) {
    const target = page(from) + adrpDistance(instruction);
    return insertAdrImmediate(instruction, Number(BigInt.asIntN(32, target - page(to)) >> 12n));
  }
  return usesLiteral(instruction) ? undefined : instruction;
}

function stops(reason: string): Refusal {
  return { errno: 'EFAULT', reason: `the kernel stops with BUG(): ${reason}` };
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
