import {
  ADDI_R11_R11,
  ADDI_R12_R12,
  ADDIS_R11_R2,
  ADDIS_R12_R12,
  BCTR,
  doubleword,
  encodeBranch,
  ha,
  LD_R12_R11,
  LD_R12_R13,
  lo,
  MFLR_R0,
  MTCTR_R12,
  MTLR_R0,
  NOP,
  PADDI_PREFIX,
  PADDI_R12_R12,
  PLD_PREFIX,
  PLD_R12,
  STD_R2_SAVED,
  wordAt,
  words,
} from './instructions.ts';

// struct ppc64_stub_entry of arch/powerpc/kernel/module_64.c: seven words of code, a magic number, the target address.

/** Bytes of one stub. */
export const stubSize = 40;
/** Offset of the magic number and, behind it, of the target address. */
const magicOffset = 28;
/** Offset of the target address: funcdata. */
const targetOffset = 32;
/** "stub". */
const magic = 0x7374_7562;

/** Offset of kernel_toc in struct paca_struct; kernelbase stands there where there is no TOC. */
const pacaKernelToc = 0x10;

/** A part of a stub and where in it the part stands. What is between two parts is not written. */
export interface StubPart {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Magic number and target address, the same in every stub. */
function trailer(target: bigint): StubPart {
  const bytes = new Uint8Array(stubSize - magicOffset);
  bytes.set(words(magic));
  bytes.set(doubleword(target), targetOffset - magicOffset);
  return { offset: magicOffset, bytes };
}

/**
 * create_stub(): saves r2, loads the target from the stub itself and goes there.
 *
 * @param distance - from the module's TOC pointer to the stub.
 * @returns undefined where the TOC pointer is out of reach.
 */
export function callStub(distance: bigint, target: bigint): readonly StubPart[] | undefined {
  if (!isReachable(distance)) return undefined;
  const code = words(
    ADDIS_R11_R2 | ha(distance),
    ADDI_R11_R11 | lo(distance),
    STD_R2_SAVED,
    LD_R12_R11 | targetOffset,
    MTCTR_R12,
    BCTR,
  );
  return [{ offset: 0, bytes: code }, trailer(target)];
}

/** create_stub() with PPC_KERNEL_PCREL: the stub loads the target relative to itself. */
export function pcRelativeCallStub(target: bigint): readonly StubPart[] {
  return [{ offset: 0, bytes: words(PLD_PREFIX, PLD_R12 | targetOffset, MTCTR_R12, BCTR) }, trailer(target)];
}

/**
 * create_ftrace_stub(): r2 may belong to anyone here, so the target is computed from the kernel's TOC in the PACA.
 *
 * @param distance - from the kernel's TOC pointer to the target.
 * @returns undefined where the TOC pointer is out of reach.
 */
export function ftraceStub(distance: bigint, target: bigint): readonly StubPart[] | undefined {
  if (!isReachable(distance)) return undefined;
  const code = words(
    LD_R12_R13 | pacaKernelToc,
    ADDIS_R12_R12 | ha(distance),
    ADDI_R12_R12 | lo(distance),
    MTCTR_R12,
    BCTR,
  );
  return [{ offset: 0, bytes: code }, trailer(target)];
}

/**
 * create_ftrace_stub() with PPC_KERNEL_PCREL.
 *
 * @param distance - from the kernel's base in the PACA, _stext, to the target.
 * @returns undefined where the base is out of reach.
 */
export function pcRelativeFtraceStub(distance: bigint, target: bigint): readonly StubPart[] | undefined {
  if (distance > 0x1_ffff_ffffn || distance < -0x2_0000_0000n) return undefined;
  const code = words(
    LD_R12_R13 | pacaKernelToc,
    NOP,
    PADDI_PREFIX | Number((distance >> 16n) & 0x3_ffffn),
    PADDI_R12_R12 | lo(distance),
    MTCTR_R12,
    BCTR,
  );
  return [{ offset: 0, bytes: code }, trailer(target)];
}

/** Offset of the words of {@link ftraceStub} that hold the distance, and their size. */
export const ftraceDistance = { offset: 4, size: 8 };

/** The TOC pointer that an ftrace stub was made with; undefined for bytes that are no ftrace stub. */
export function tocOfFtraceStub(bytes: Uint8Array): bigint | undefined {
  const target = targetOfStub(bytes);
  if (target === undefined) return undefined;
  const [high, low] = [wordAt(bytes, ftraceDistance.offset), wordAt(bytes, ftraceDistance.offset + 4)];
  const distance =
    (BigInt.asIntN(16, BigInt(high & 0xffff)) << 16n) + BigInt.asIntN(16, BigInt(low & 0xffff));
  const [code] = ftraceStub(distance, target) ?? [];
  const isFtraceStub = code?.bytes.every((byte, index) => byte === bytes[index]) ?? false;
  return isFtraceStub ? target - distance : undefined;
}

/** The address that a stub goes to; undefined for bytes that are no stub. */
function targetOfStub(bytes: Uint8Array): bigint | undefined {
  if (bytes.length < stubSize || wordAt(bytes, magicOffset) !== magic) return undefined;
  return BigInt(wordAt(bytes, targetOffset)) | (BigInt(wordAt(bytes, targetOffset + 4)) << 32n);
}

/** addis and addi, or two 32-bit halves: a signed number of 32 bits. */
function isReachable(distance: bigint): boolean {
  return distance <= 0x7fff_ffffn && distance >= -0x8000_0000n;
}

/**
 * The out-of-line sequence of one traced function, struct ftrace_ool_stub without the pointer to its ftrace_ops:
 * ftrace_init_ool_stub().
 *
 * @param place - address of its first instruction.
 * @param entry - the nop in the function.
 * @param trampoline - the module's stub for ftrace_caller.
 * @returns undefined where one of them is out of reach.
 */
export function outOfLineSequence(place: bigint, entry: bigint, trampoline: bigint): Uint8Array | undefined {
  const [call, back] = [
    encodeBranch(place + 4n, trampoline, true),
    encodeBranch(place + 12n, entry + 4n, false),
  ];
  if (call === undefined || back === undefined || encodeBranch(place, entry, false) === undefined)
    return undefined;
  return words(MFLR_R0, call, MTLR_R0, back);
}
