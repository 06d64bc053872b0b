import { readContainer, writeContainer, type Special, type SpecialContext } from '@kelp/core';

/** Bits 30 and 29 of a move wide instruction: 00 is MOVN, 10 is MOVZ, 11 is MOVK. */
const opcode = 0x6000_0000n;
const movz = 0x4000_0000n;
/** imm16, bits 20 to 5. */
const immediate = 0x001f_ffe0n;

/**
 * reloc_insn_movw() with AARCH64_INSN_IMM_MOVNZ: signed types choose the instruction by the sign of the value.
 *
 * @param shift - the lowest bit of the value that the immediate holds: 0, 16, 32 or 48.
 */
export function moveWideBySign(shift: number): Special {
  return {
    name: 'move-wide-by-sign',
    description:
      'The move becomes MOVZ with the immediate if the value is not negative, and MOVN with the inverted immediate if it is, ' +
      'whichever of the two it was. Undone without the original instruction, it is MOVZ with immediate 0.',
    apply(context) {
      const value = context.value >> BigInt(shift);
      if (value < 0n) storeMove(context, 0n, ~value);
      else storeMove(context, movz, value);
      return undefined;
    },
    clear(context, original) {
      if (original === undefined) storeMove(context, movz, 0n);
      else storeMove(context, original & opcode, (original & immediate) >> 5n);
    },
  };
}

/** Instructions are little-endian, whatever the data is. */
function storeMove({ bytes, offset }: SpecialContext, kind: bigint, imm16: bigint): void {
  const kept = readContainer(bytes, offset, 4, 'little') & ~(opcode | immediate);
  writeContainer(bytes, offset, 4, 'little', kept | kind | ((imm16 & 0xffffn) << 5n));
}
