import { readContainer, writeContainer } from '@kelp/core';

// Instruction words that the kernel's loader reads and writes: arch/powerpc/include/asm/ppc-opcode.h and
// arch/powerpc/lib/code-patching.c. Modules of ppc64le hold them in little-endian order.

/** `nop`, which is `ori r0,r0,0`. */
export const NOP = 0x6000_0000;
/** `ld r2,24(r1)`: 24(r1) is where ELFv2 stubs save the caller's TOC pointer. */
export const LD_R2_SAVED = 0xe841_0018;
/** `std r2,24(r1)`. */
export const STD_R2_SAVED = 0xf841_0018;
/** `mflr r0`. */
export const MFLR_R0 = 0x7c08_02a6;
/** `mtlr r0`. */
export const MTLR_R0 = 0x7c08_03a6;
/** `std r0,16(r1)`. */
export const STD_R0_LR = 0xf801_0010;
/** `addis r11,r2,0` and `addi r11,r11,0`. */
export const [ADDIS_R11_R2, ADDI_R11_R11] = [0x3d62_0000, 0x396b_0000];
/** `addis r12,r12,0` and `addi r12,r12,0`. */
export const [ADDIS_R12_R12, ADDI_R12_R12] = [0x3d8c_0000, 0x398c_0000];
/** `ld r12,0(r11)` and `ld r12,0(r13)`; r13 is the PACA. */
export const [LD_R12_R11, LD_R12_R13] = [0xe98b_0000, 0xe98d_0000];
/** `mtctr r12` and `bctr`. */
export const [MTCTR_R12, BCTR] = [0x7d89_03a6, 0x4e80_0420];
/** `pld r12,0` and `paddi r12,r12,0`: prefix and suffix. */
export const [PLD_PREFIX, PLD_R12] = [0x0410_0000, 0xe580_0000];
export const [PADDI_PREFIX, PADDI_R12_R12] = [0x0600_0000, 0x398c_0000];
/** `ld r2,-8(r12)` and `add r2,r2,r12`: the global entry of a function with the large code model. */
export const [LD_R2_TOC_DISTANCE, ADD_R2_R12] = [0xe84c_fff8, 0x7c42_6214];
/** `lwsync`. */
export const LWSYNC = 0x7c20_04ac;
/** `ori r31,r31,0`: a barrier for speculation. */
export const ORI_BARRIER = 0x63ff_0000;

/** Bytes of an instruction without prefix. */
export const instructionSize = 4;

const linkBit = 1;
const absoluteBit = 2;
const [iForm, bForm] = [18, 16];

/** `b` to an address, or `bl`; undefined where it is out of reach or not aligned: create_branch(). */
export function encodeBranch(place: bigint, target: bigint, link: boolean): number | undefined {
  const offset = BigInt.asIntN(64, target - place);
  if (!isBranchOffset(offset)) return undefined;
  return (0x4800_0000 | Number(offset & 0x3ff_fffcn) | (link ? linkBit : 0)) >>> 0;
}

/** is_offset_in_branch_range(): 32 MiB to both sides. */
function isBranchOffset(offset: bigint): boolean {
  return offset >= -0x200_0000n && offset <= 0x1ff_fffcn && (offset & 3n) === 0n;
}

/** `bl` with any target: is_bl_op(). */
export function isBranchAndLink(word: number): boolean {
  return (word & 0xfc00_0003) >>> 0 === 0x4800_0001;
}

/** instr_is_relative_link_branch(): `bl` or `bcl`, AA clear and LK set. */
export function isRelativeLinkBranch(word: number): boolean {
  return isRelativeBranch(word) && (word & linkBit) !== 0;
}

/** instr_is_relative_branch(): I-form or B-form, AA clear. */
export function isRelativeBranch(word: number): boolean {
  return (word & absoluteBit) === 0 && (word >>> 26 === iForm || word >>> 26 === bForm);
}

/** The first word of an instruction of eight bytes: ppc_inst_prefixed(). */
export function isPrefix(word: number): boolean {
  return word >>> 26 === 1;
}

/** branch_target() of a relative branch. */
export function branchTarget(word: number, place: bigint): bigint {
  const offset =
    word >>> 26 === iForm
      ? BigInt.asIntN(26, BigInt(word & 0x3ff_fffc))
      : BigInt.asIntN(16, BigInt(word & 0xfffc));
  return BigInt.asUintN(64, place + offset);
}

/** translate_branch(): a relative branch that keeps its target at another place; undefined where it is out of reach. */
export function translateBranch(word: number, from: bigint, to: bigint): number | undefined {
  const offset = BigInt.asIntN(64, branchTarget(word, from) - to);
  if (word >>> 26 === iForm) {
    return isBranchOffset(offset)
      ? (0x4800_0000 | (word & 3) | Number(offset & 0x3ff_fffcn)) >>> 0
      : undefined;
  }
  if (offset < -0x8000n || offset > 0x7fffn || (offset & 3n) !== 0n) return undefined;
  return (0x4000_0000 | (word & 0x3ff_0003) | Number(offset & 0xfffcn)) >>> 0;
}

/** PPC_HA(): the upper half of a distance, so adjusted that adding the signed lower half gives it. */
export function ha(value: bigint): number {
  return Number(((value + 0x8000n) >> 16n) & 0xffffn);
}

/** PPC_LO(). */
export function lo(value: bigint): number {
  return Number(value & 0xffffn);
}

/** Instruction words as bytes. */
export function words(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * instructionSize);
  for (const [index, value] of values.entries()) {
    writeContainer(bytes, index * instructionSize, instructionSize, 'little', BigInt(value >>> 0));
  }
  return bytes;
}

/** The instruction word at an offset. */
export function wordAt(bytes: Uint8Array, offset: number): number {
  return Number(readContainer(bytes, offset, instructionSize, 'little'));
}

/** An address as bytes. */
export function doubleword(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  writeContainer(bytes, 0, 8, 'little', value);
  return bytes;
}
