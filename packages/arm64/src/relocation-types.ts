import { bits, ignored, range, relocationTable, signed, special, unsigned, whole, write, type Field, type RuleText } from '@kelp/core';
import { refusedRelocationTypes } from './refused-relocation-types.ts';
import { moveWideBySign } from './specials.ts';

// Numbers and names: ELF for the Arm 64-bit Architecture (AAELF64), "Relocation". Rules: the switch in
// apply_relocate_add() of arch/arm64/kernel/module.c, the same from 5.10 on.
//
// The loader writes first and tests afterwards: a refused relocation has changed its place already. What a field held
// before never matters. Bits below a shift are dropped, aligned or not. 32-bit and 16-bit data are either signed (PREL) or
// unsigned (ABS); the wider range that the ABI allows for both is not used.

const plain = [write] as const;

/** imm16 of MOVZ, MOVK and MOVN. */
const imm16 = (shift: number): Field => bits(4, 5, 16, shift);
/** imm12 of ADD and, scaled by the size of the access, of loads and stores. */
const imm12 = (shift: number): Field => bits(4, 10, 12, shift);
/** imm14 of TBZ, imm19 of B.cond, CBZ and LDR, imm26 of B and BL: distances in instructions. */
const [imm14, imm19, imm26] = [bits(4, 5, 14, 2), bits(4, 5, 19, 2), bits(4, 0, 26, 2)];
/** immhi and immlo of ADR and ADRP. */
const immhiImmlo = (shift: number): Field => ({
  size: 4,
  shift,
  parts: [
    { at: 29, width: 2, from: 0 },
    { at: 5, width: 19, from: 2 },
  ],
});

/** A move whose opcode follows the sign of the value: 17 bits of range. */
function signedMove(formula: string, shift: number): RuleText {
  return { formula, field: imm16(shift), steps: [special(moveWideBySign(shift)), range(-0x10000n, 0xffffn)] };
}

/** B or BL: D is the destination itself where it is in reach, else its PLT entry. */
const branch: RuleText = {
  formula: 'D - P',
  field: imm26,
  steps: [write, signed(26)],
  note: 'A destination out of reach gets a PLT entry, before 6.5 with ARM64_MODULE_PLTS only. ENOEXEC where .plt has no entry left.',
};

const erratum =
  'On a CPU with erratum 843419, an ADRP in the last two instructions of a 4 KiB page does not stay: reloc_insn_adrp() makes it an ADR ' +
  'where Page(S + A) is in reach, else a branch to a veneer in .plt. This rule stores the ADRP of all other places and CPUs.';

/** Every relocation type of arm64 with the rule of the module loader. */
export const relocationTypes = relocationTable({ file: 'arch/arm64/kernel/module.c', symbol: 'apply_relocate_add' }, [
  // No relocation. The kernel calls the first R_ARM_NONE and the second, which the ABI has withdrawn, R_AARCH64_NONE.
  [0, 'R_AARCH64_NONE', ignored],
  [256, 'R_AARCH64_NULL', ignored],

  // Data: reloc_data().
  [257, 'R_AARCH64_ABS64', { formula: 'S + A', field: whole(8), steps: plain }],
  [258, 'R_AARCH64_ABS32', { formula: 'S + A', field: whole(4), steps: [write, unsigned(32)] }],
  [259, 'R_AARCH64_ABS16', { formula: 'S + A', field: whole(2), steps: [write, unsigned(16)] }],
  [260, 'R_AARCH64_PREL64', { formula: 'S + A - P', field: whole(8), steps: plain }],
  [261, 'R_AARCH64_PREL32', { formula: 'S + A - P', field: whole(4), steps: [write, signed(32)] }],
  [262, 'R_AARCH64_PREL16', { formula: 'S + A - P', field: whole(2), steps: [write, signed(16)] }],

  // 16 bits of an unsigned address in a move: reloc_insn_movw(). The opcode stays.
  [263, 'R_AARCH64_MOVW_UABS_G0', { formula: 'S + A', field: imm16(0), steps: [write, unsigned(16)] }],
  [264, 'R_AARCH64_MOVW_UABS_G0_NC', { formula: 'S + A', field: imm16(0), steps: plain }],
  [265, 'R_AARCH64_MOVW_UABS_G1', { formula: 'S + A', field: imm16(16), steps: [write, unsigned(16)] }],
  [266, 'R_AARCH64_MOVW_UABS_G1_NC', { formula: 'S + A', field: imm16(16), steps: plain }],
  [267, 'R_AARCH64_MOVW_UABS_G2', { formula: 'S + A', field: imm16(32), steps: [write, unsigned(16)] }],
  [268, 'R_AARCH64_MOVW_UABS_G2_NC', { formula: 'S + A', field: imm16(32), steps: plain }],
  [269, 'R_AARCH64_MOVW_UABS_G3', { formula: 'S + A', field: imm16(48), steps: plain }],

  // 16 bits of a signed address or distance in a move. Only _NC keeps the opcode; _G3 cannot overflow.
  [270, 'R_AARCH64_MOVW_SABS_G0', signedMove('S + A', 0)],
  [271, 'R_AARCH64_MOVW_SABS_G1', signedMove('S + A', 16)],
  [272, 'R_AARCH64_MOVW_SABS_G2', signedMove('S + A', 32)],
  [287, 'R_AARCH64_MOVW_PREL_G0', signedMove('S + A - P', 0)],
  [288, 'R_AARCH64_MOVW_PREL_G0_NC', { formula: 'S + A - P', field: imm16(0), steps: plain }],
  [289, 'R_AARCH64_MOVW_PREL_G1', signedMove('S + A - P', 16)],
  [290, 'R_AARCH64_MOVW_PREL_G1_NC', { formula: 'S + A - P', field: imm16(16), steps: plain }],
  [291, 'R_AARCH64_MOVW_PREL_G2', signedMove('S + A - P', 32)],
  [292, 'R_AARCH64_MOVW_PREL_G2_NC', { formula: 'S + A - P', field: imm16(32), steps: plain }],
  [293, 'R_AARCH64_MOVW_PREL_G3', { formula: 'S + A - P', field: imm16(48), steps: [special(moveWideBySign(48))] }],

  // Distances in loads and address computations: reloc_insn_imm(), reloc_insn_adrp().
  [273, 'R_AARCH64_LD_PREL_LO19', { formula: 'S + A - P', field: imm19, steps: [write, signed(19)] }],
  [274, 'R_AARCH64_ADR_PREL_LO21', { formula: 'S + A - P', field: immhiImmlo(0), steps: [write, signed(21)] }],
  [
    275,
    'R_AARCH64_ADR_PREL_PG_HI21',
    { formula: 'Page(S + A) - Page(P)', field: immhiImmlo(12), steps: [write, signed(21)], note: erratum },
  ],
  [276, 'R_AARCH64_ADR_PREL_PG_HI21_NC', { formula: 'Page(S + A) - Page(P)', field: immhiImmlo(12), steps: plain, note: erratum }],

  // The rest of an address within its page, never checked.
  [277, 'R_AARCH64_ADD_ABS_LO12_NC', { formula: '(S + A) & 0xfff', field: imm12(0), steps: plain }],
  [278, 'R_AARCH64_LDST8_ABS_LO12_NC', { formula: '(S + A) & 0xfff', field: imm12(0), steps: plain }],
  [284, 'R_AARCH64_LDST16_ABS_LO12_NC', { formula: '(S + A) & 0xfff', field: imm12(1), steps: plain }],
  [285, 'R_AARCH64_LDST32_ABS_LO12_NC', { formula: '(S + A) & 0xfff', field: imm12(2), steps: plain }],
  [286, 'R_AARCH64_LDST64_ABS_LO12_NC', { formula: '(S + A) & 0xfff', field: imm12(3), steps: plain }],
  [299, 'R_AARCH64_LDST128_ABS_LO12_NC', { formula: '(S + A) & 0xfff', field: imm12(4), steps: plain }],

  // Branches.
  [279, 'R_AARCH64_TSTBR14', { formula: 'S + A - P', field: imm14, steps: [write, signed(14)] }],
  [280, 'R_AARCH64_CONDBR19', { formula: 'S + A - P', field: imm19, steps: [write, signed(19)] }],
  [282, 'R_AARCH64_JUMP26', branch],
  [283, 'R_AARCH64_CALL26', branch],

  ...refusedRelocationTypes,
]);
