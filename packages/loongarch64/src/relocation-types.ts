import {
  aligned,
  bits,
  ignored,
  relocationTable,
  signed,
  special,
  unsigned,
  whole,
  write,
  type Applicability,
  type Field,
  type RelocationRow,
  type RuleText,
} from '@kelp/core';
import { addToPlace, subtractFromPlace } from './specials.ts';

// Numbers and names: ELF for the LoongArch Architecture ("LoongArch ELF psABI"), as binutils prints them. Rules: the table
// of handlers in arch/loongarch/kernel/module.c and the types that apply_relocate_add() takes out before it.
//
// What a place holds is overwritten; only the ADD and SUB types add to it. Most values are not tested: high bits are cut off.
//
// R_LARCH_SOP_* are a stack machine: some types push values, others combine what is on top (T), the last one pops it into
// an instruction. Compilers stopped using them before kernels had modules to load.

/** 26 bits in two runs, in units of four: the immediate of b and bl. */
const branch: Field = {
  size: 4,
  shift: 2,
  parts: [
    { at: 10, width: 16, from: 0 },
    { at: 0, width: 10, from: 16 },
  ],
};
/** 21 bits in two runs, in units of four: the immediate of beqz. */
const branch21: Field = {
  size: 4,
  shift: 2,
  parts: [
    { at: 10, width: 16, from: 0 },
    { at: 0, width: 5, from: 16 },
  ],
};
/** 20 bits of a 1RI20 instruction such as pcalau12i. */
const si20 = (shift: number): Field => bits(4, 5, 20, shift);
/** 12 bits of a 2RI12 instruction such as addi.d. */
const si12 = (shift: number): Field => bits(4, 10, 12, shift);

/** Whatever the loader does not know is refused with EINVAL, unlike on other architectures. */
const refused: RuleText = { verdict: 'refused', errno: 'EINVAL' };

const plain = [write] as const;

/** The page of the target as pcalau12i reaches it: the low half that is added afterwards has a sign. */
const pages = 'Page(S + A + 2048) - Page(P)';
/** What pcalau12i and a signed low half leave of the distance: 64 bits minus 32 bits with their sign. */
const rest = `S + A - Page(P) - (((${pages} + 0x80000000) & 0xffffffff) - 0x80000000)`;

// Seen in 6.12, not in 6.1.
const sincePcrel: readonly Applicability[] = [{ since: '6.12' }];
// Seen in 7.2, not in 6.12.
const sincePcadd: readonly Applicability[] = [{ since: '7.2' }];

const pushes = 'Pushes a value that the relocations behind it use; it writes nothing.';

/** A type of the stack machine that changes nothing but the stack. */
function onStack(number: number, name: string, formula = 'T'): RelocationRow {
  return [number, name, { formula, field: whole(4), steps: [], note: pushes }];
}

function since(applies: readonly Applicability[], rule: RuleText): RuleText {
  return { ...rule, applies };
}

/** Relocation types in the order of their numbers: [number, name, rule, ...rules of other kernels]. */
export const relocationTypes = relocationTable({ file: 'arch/loongarch/kernel/module.c', symbol: 'apply_relocate_add' }, [
  [0, 'R_LARCH_NONE', ignored],
  [1, 'R_LARCH_32', { formula: 'S + A', field: whole(4), steps: plain }],
  [2, 'R_LARCH_64', { formula: 'S + A', field: whole(8), steps: plain }],

  // Dynamic linking, thread-local storage.
  [3, 'R_LARCH_RELATIVE', refused],
  [4, 'R_LARCH_COPY', refused],
  [5, 'R_LARCH_JUMP_SLOT', refused],
  [6, 'R_LARCH_TLS_DTPMOD32', refused],
  [7, 'R_LARCH_TLS_DTPMOD64', refused],
  [8, 'R_LARCH_TLS_DTPREL32', refused],
  [9, 'R_LARCH_TLS_DTPREL64', refused],
  [10, 'R_LARCH_TLS_TPREL32', refused],
  [11, 'R_LARCH_TLS_TPREL64', refused],
  [12, 'R_LARCH_IRELATIVE', refused],
  [13, 'R_LARCH_TLS_DESC32', refused],
  [14, 'R_LARCH_TLS_DESC64', refused],

  // The stack machine.
  [20, 'R_LARCH_MARK_LA', ignored],
  [21, 'R_LARCH_MARK_PCREL', ignored],
  onStack(22, 'R_LARCH_SOP_PUSH_PCREL', 'T + S + A - P'),
  onStack(23, 'R_LARCH_SOP_PUSH_ABSOLUTE', 'T + S + A'),
  onStack(24, 'R_LARCH_SOP_PUSH_DUP'),
  [25, 'R_LARCH_SOP_PUSH_GPREL', refused],
  [26, 'R_LARCH_SOP_PUSH_TLS_TPREL', refused],
  [27, 'R_LARCH_SOP_PUSH_TLS_GOT', refused],
  [28, 'R_LARCH_SOP_PUSH_TLS_GD', refused],
  onStack(29, 'R_LARCH_SOP_PUSH_PLT_PCREL', 'T + D - P'),
  [30, 'R_LARCH_SOP_ASSERT', refused],
  [31, 'R_LARCH_SOP_NOT', refused],
  onStack(32, 'R_LARCH_SOP_SUB'),
  onStack(33, 'R_LARCH_SOP_SL'),
  onStack(34, 'R_LARCH_SOP_SR'),
  onStack(35, 'R_LARCH_SOP_ADD'),
  onStack(36, 'R_LARCH_SOP_AND'),
  onStack(37, 'R_LARCH_SOP_IF_ELSE'),
  [38, 'R_LARCH_SOP_POP_32_S_10_5', refused],
  [39, 'R_LARCH_SOP_POP_32_U_10_12', { formula: 'T', field: si12(0), steps: [unsigned(12), write] }],
  [40, 'R_LARCH_SOP_POP_32_S_10_12', { formula: 'T', field: si12(0), steps: [signed(12), write] }],
  [41, 'R_LARCH_SOP_POP_32_S_10_16', { formula: 'T', field: bits(4, 10, 16), steps: [signed(16), write] }],
  [42, 'R_LARCH_SOP_POP_32_S_10_16_S2', { formula: 'T', field: bits(4, 10, 16, 2), steps: [aligned(4), signed(16), write] }],
  [43, 'R_LARCH_SOP_POP_32_S_5_20', { formula: 'T', field: si20(0), steps: [signed(20), write] }],
  [44, 'R_LARCH_SOP_POP_32_S_0_5_10_16_S2', { formula: 'T', field: branch21, steps: [aligned(4), signed(21), write] }],
  [45, 'R_LARCH_SOP_POP_32_S_0_10_10_16_S2', { formula: 'T', field: branch, steps: [aligned(4), signed(26), write] }],
  [46, 'R_LARCH_SOP_POP_32_U', { formula: 'T', field: whole(4), steps: [unsigned(32), write] }],

  // Differences of two symbols: one type adds, the other subtracts.
  [47, 'R_LARCH_ADD8', refused],
  [48, 'R_LARCH_ADD16', refused],
  [49, 'R_LARCH_ADD24', refused],
  [50, 'R_LARCH_ADD32', { formula: 'S + A', field: whole(4), steps: [special(addToPlace(4))] }],
  [51, 'R_LARCH_ADD64', { formula: 'S + A', field: whole(8), steps: [special(addToPlace(8))] }],
  [52, 'R_LARCH_SUB8', refused],
  [53, 'R_LARCH_SUB16', refused],
  [54, 'R_LARCH_SUB24', refused],
  [55, 'R_LARCH_SUB32', { formula: 'S + A', field: whole(4), steps: [special(subtractFromPlace(4))] }],
  [56, 'R_LARCH_SUB64', { formula: 'S + A', field: whole(8), steps: [special(subtractFromPlace(8))] }],
  [57, 'R_LARCH_GNU_VTINHERIT', refused],
  [58, 'R_LARCH_GNU_VTENTRY', refused],

  // Instructions. Short branches stay inside a section, and the assembler has done them.
  [64, 'R_LARCH_B16', refused],
  [65, 'R_LARCH_B21', refused],
  [
    66,
    'R_LARCH_B26',
    {
      formula: 'D - P',
      field: branch,
      steps: [aligned(4), signed(26), write],
      note: 'A target beyond 128 MiB is reached through a PLT entry of the module.',
    },
  ],
  [67, 'R_LARCH_ABS_HI20', refused],
  [68, 'R_LARCH_ABS_LO12', refused],
  [69, 'R_LARCH_ABS64_LO20', refused],
  [70, 'R_LARCH_ABS64_HI12', refused],
  [71, 'R_LARCH_PCALA_HI20', { formula: pages, field: si20(12), steps: plain }],
  [72, 'R_LARCH_PCALA_LO12', { formula: 'S + A', field: si12(0), steps: plain }],
  [73, 'R_LARCH_PCALA64_LO20', { formula: rest, field: si20(32), steps: plain }],
  [74, 'R_LARCH_PCALA64_HI12', { formula: rest, field: si12(52), steps: plain }],
  [75, 'R_LARCH_GOT_PC_HI20', { formula: 'Page(G + O + 2048) - Page(P)', field: si20(12), steps: plain, note: slot() }],
  [76, 'R_LARCH_GOT_PC_LO12', { formula: 'G + O', field: si12(0), steps: plain, note: slot() }],
  ...refusedTypes(77, ['GOT64_PC_LO20', 'GOT64_PC_HI12', 'GOT_HI20', 'GOT_LO12', 'GOT64_LO20', 'GOT64_HI12']),
  ...refusedTypes(83, ['TLS_LE_HI20', 'TLS_LE_LO12', 'TLS_LE64_LO20', 'TLS_LE64_HI12']),
  ...refusedTypes(87, ['TLS_IE_PC_HI20', 'TLS_IE_PC_LO12', 'TLS_IE64_PC_LO20', 'TLS_IE64_PC_HI12']),
  ...refusedTypes(91, ['TLS_IE_HI20', 'TLS_IE_LO12', 'TLS_IE64_LO20', 'TLS_IE64_HI12']),
  ...refusedTypes(95, ['TLS_LD_PC_HI20', 'TLS_LD_HI20', 'TLS_GD_PC_HI20', 'TLS_GD_HI20']),
  [99, 'R_LARCH_32_PCREL', since(sincePcrel, { formula: 'S + A - P', field: whole(4), steps: plain })],

  // What linkers relax, and what unwind tables hold.
  ...refusedTypes(100, ['RELAX', 'DELETE', 'ALIGN', 'PCREL20_S2', 'CFA', 'ADD6', 'SUB6', 'ADD_ULEB128', 'SUB_ULEB128']),
  [109, 'R_LARCH_64_PCREL', since(sincePcrel, { formula: 'S + A - P', field: whole(8), steps: plain })],
  ...refusedTypes(110, ['CALL36', 'TLS_DESC_PC_HI20', 'TLS_DESC_PC_LO12', 'TLS_DESC64_PC_LO20', 'TLS_DESC64_PC_HI12']),
  ...refusedTypes(115, ['TLS_DESC_HI20', 'TLS_DESC_LO12', 'TLS_DESC64_LO20', 'TLS_DESC64_HI12', 'TLS_DESC_LD', 'TLS_DESC_CALL']),
  ...refusedTypes(121, ['TLS_LE_HI20_R', 'TLS_LE_ADD_R', 'TLS_LE_LO12_R']),
  ...refusedTypes(124, ['TLS_LD_PCREL20_S2', 'TLS_GD_PCREL20_S2', 'TLS_DESC_PCREL20_S2', 'CALL30']),
  [128, 'R_LARCH_PCADD_HI20', since(sincePcadd, { formula: 'S + A + 2048 - P', field: si20(12), steps: plain })],
  [129, 'R_LARCH_PCADD_LO12', since(sincePcadd, { formula: 'H', field: si12(0), steps: plain })],
  [130, 'R_LARCH_GOT_PCADD_HI20', since(sincePcadd, { formula: 'G + O + 2048 - P', field: si20(12), steps: plain, note: slot() })],
  [131, 'R_LARCH_GOT_PCADD_LO12', since(sincePcadd, { formula: 'H', field: si12(0), steps: plain, note: slot() })],
  ...refusedTypes(132, ['TLS_IE_PCADD_HI20', 'TLS_IE_PCADD_LO12', 'TLS_LD_PCADD_HI20', 'TLS_LD_PCADD_LO12']),
  ...refusedTypes(136, ['TLS_GD_PCADD_HI20', 'TLS_GD_PCADD_LO12', 'TLS_DESC_PCADD_HI20', 'TLS_DESC_PCADD_LO12']),
]);

function refusedTypes(first: number, names: readonly string[]): readonly RelocationRow[] {
  return names.map((name, index) => [first + index, `R_LARCH_${name}`, refused]);
}

function slot(): string {
  return 'EINVAL where the module has no slot left for the symbol.';
}
