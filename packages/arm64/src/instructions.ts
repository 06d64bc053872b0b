import { readContainer, writeContainer, type ModuleImage } from '@kelp/core';

// The few A64 instructions that the kernel writes or looks at while it loads a module: arch/arm64/lib/insn.c. Words are
// unsigned numbers of 32 bits, in memory always little-endian.

/** aarch64_insn_gen_nop(). */
export const nop = 0xd503_201f;
/** MOV X9, X30. */
export const moveX9X30 = 0xaa1e_03e9;
/** BR X16. */
export const branchX16 = 0xd61f_0200;
/** AARCH64_BREAK_FAULT: what the generators return where the operands do not fit the instruction. */
const breakFault = 0xd420_2000;

/** The instruction at an address; undefined outside the module. */
export function readInstruction(image: ModuleImage, address: bigint): number | undefined {
  const bytes = image.read(address, 4);
  return bytes === undefined ? undefined : Number(readContainer(bytes, 0, 4, 'little'));
}

/** Instructions as they stand in memory. */
export function instructionBytes(words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(words.length * 4);
  for (const [index, word] of words.entries()) writeContainer(bytes, index * 4, 4, 'little', BigInt(word));
  return bytes;
}

/** Instructions of bytes whose number is a multiple of 4. */
export function instructionWords(bytes: Uint8Array): readonly number[] {
  return Array.from({ length: bytes.length / 4 }, (_, index) =>
    Number(readContainer(bytes, index * 4, 4, 'little')),
  );
}

/** Start of the 4 KiB page of an address, whatever pages the kernel uses. */
export function page(address: bigint): bigint {
  return address & ~0xfffn;
}

/** Bytes that B and BL reach forwards, exclusive, and backwards, inclusive. */
const branchReach = 128n << 20n;

/** Whether B or BL at a place reaches a target; both are multiples of 4. */
function reachesByBranch(place: bigint, target: bigint): boolean {
  const distance = BigInt.asIntN(64, target - place);
  return ((place | target) & 3n) === 0n && distance >= -branchReach && distance < branchReach;
}

/** aarch64_insn_gen_branch_imm() with AARCH64_INSN_BRANCH_NOLINK: B. */
export function encodeBranch(place: bigint, target: bigint): number {
  if (!reachesByBranch(place, target)) return breakFault;
  return 0x1400_0000 + Number(BigInt.asUintN(26, (target - place) >> 2n));
}

/** aarch64_insn_gen_branch_imm() with AARCH64_INSN_BRANCH_LINK: BL; undefined where the target is out of reach. */
export function encodeCall(place: bigint, target: bigint): number | undefined {
  return reachesByBranch(place, target) ? (encodeBranch(place, target) | 0x8000_0000) >>> 0 : undefined;
}

/**
 * aarch64_insn_gen_adr() with AARCH64_INSN_ADR_TYPE_ADRP. As there, the distance is cut to 32 bits of pages before it is
 * tested.
 *
 * @param register - 0 to 31.
 */
export function encodeAdrp(place: bigint, target: bigint, register: number): number {
  const pages = BigInt.asIntN(32, BigInt.asUintN(64, target - page(place)) >> 12n);
  if (pages < -0x10_0000n || pages >= 0x10_0000n) return breakFault;
  return insertAdrImmediate(0x9000_0000 + register, Number(pages));
}

/** aarch64_insn_gen_add_sub_imm(): ADD of 64 bits with an immediate of 12 bits. */
export function encodeAdd(destination: number, source: number, immediate: number): number {
  return 0x9100_0000 + immediate * 0x400 + source * 0x20 + destination;
}

/** Put an immediate of 21 bits into ADR or ADRP: AARCH64_INSN_IMM_ADR. */
export function insertAdrImmediate(instruction: number, immediate: number): number {
  const bits = ((immediate & 3) << 29) | (((immediate >> 2) & 0x7_ffff) << 5);
  return ((instruction & ~0x60ff_ffe0) | bits) >>> 0;
}

/** aarch64_insn_adrp_get_offset(): bytes between two pages, cut to 32 bits as there. */
export function adrpDistance(instruction: number): bigint {
  const immediate = ((instruction >>> 5) & 0x7_ffff) * 4 + ((instruction >>> 29) & 3);
  return BigInt(immediate << 12);
}

/** ADRP. */
export function isAdrp(instruction: number): boolean {
  return matches(instruction, 0x9f00_0000, 0x9000_0000);
}

/** ADR. */
export function isAdr(instruction: number): boolean {
  return matches(instruction, 0x9f00_0000, 0x1000_0000);
}

/** B, without link and condition. */
export function isBranch(instruction: number): boolean {
  return matches(instruction, 0xfc00_0000, 0x1400_0000);
}

/** aarch64_insn_is_bti(): BTI with any or no target. */
export function isBti(instruction: number): boolean {
  return matches(instruction, 0xffff_ff3f, 0xd503_241f);
}

interface Branch {
  readonly mask: number;
  readonly value: number;
  /** Lowest bit and width of the distance in instructions. */
  readonly at: number;
  readonly width: number;
}

/** aarch64_insn_is_branch_imm(). BC.cond, bit 4 of B.cond, counts in 6.12 and not in 6.1; no alternative has one. */
const branches: readonly Branch[] = [
  // B, BL
  { mask: 0x7c00_0000, value: 0x1400_0000, at: 0, width: 26 },
  // CBZ, CBNZ
  { mask: 0x7e00_0000, value: 0x3400_0000, at: 5, width: 19 },
  // TBZ, TBNZ
  { mask: 0x7e00_0000, value: 0x3600_0000, at: 5, width: 14 },
  // B.cond
  { mask: 0xff00_0000, value: 0x5400_0000, at: 5, width: 19 },
];

/** Where a branch with an immediate distance goes, from the branch; undefined for other instructions. Bytes. */
export function branchDistance(instruction: number): number | undefined {
  const form = branchForm(instruction);
  if (form === undefined) return undefined;
  const upper = 32 - form.width;
  return (((instruction >>> form.at) << upper) >> upper) * 4;
}

/** aarch64_set_branch_offset(): bits that do not fit are dropped. */
export function withBranchDistance(instruction: number, bytes: number): number {
  const form = branchForm(instruction);
  if (form === undefined) return instruction;
  const mask = 2 ** form.width - 1;
  return ((instruction & ~(mask << form.at)) | (((bytes >> 2) & mask) << form.at)) >>> 0;
}

function branchForm(instruction: number): Branch | undefined {
  return branches.find(({ mask, value }) => matches(instruction, mask, value));
}

/** aarch64_insn_uses_literal(): ADR, and loads of a literal. ADRP counts too, where it is not handled before. */
export function usesLiteral(instruction: number): boolean {
  return (
    matches(instruction, 0x1f00_0000, 0x1000_0000) ||
    matches(instruction, 0xbf00_0000, 0x1800_0000) ||
    matches(instruction, 0xff00_0000, 0x9800_0000) ||
    matches(instruction, 0xff00_0000, 0xd800_0000)
  );
}

function matches(instruction: number, mask: number, value: number): boolean {
  return (instruction & mask) >>> 0 === value;
}
