import {
  aligned,
  bits,
  ignored,
  refused,
  relocationTable,
  signed,
  special,
  whole,
  write,
  type Applicability,
  type Field,
  type RuleText,
} from '@kelp/core';
import { refusedRelocationTypes } from './refused-relocation-types.ts';
import { entryPrologue, restoreR2Again, restoreR2Once } from './specials.ts';

// Numbers and names: Power Architecture 64-Bit ELF V2 ABI, 3.5 "Relocation Types"; GNU additions as binutils prints them.
// Rules: the switch in apply_relocate_add() of arch/powerpc/kernel/module_64.c.
//
// What a field held before never matters, instructions keep their other bits. A 16-bit field stands at the place
// itself, the low half of a little-endian instruction. R_PPC64_NONE is refused, which no other architecture does.
//
// PPC_KERNEL_PCREL, new in 6.4, replaces the TOC by pc-relative prefixed instructions: its types are refused without it,
// and the types of the TOC are refused with it.

const tocModel: readonly Applicability[] = [{ config: { PPC_KERNEL_PCREL: false } }];
const pcrelModel: readonly Applicability[] = [{ since: '6.4', config: { PPC_KERNEL_PCREL: true } }];

function tocOnly(rule: RuleText): readonly RuleText[] {
  return [
    { ...rule, applies: tocModel },
    { ...refused, applies: pcrelModel },
  ];
}

function pcrelOnly(rule: RuleText): readonly RuleText[] {
  return [
    { ...rule, applies: pcrelModel },
    { ...refused, applies: tocModel },
  ];
}

/** LI of an I-form branch. */
const branch: Field = bits(4, 2, 24, 2);
/** DS of a DS-form load or store, whose two lowest bits belong to the opcode. */
const ds: Field = bits(2, 2, 14, 2);
/** A prefixed instruction: 18 bits in the prefix word, 16 in the suffix word that follows it. */
const prefixed: Field = {
  size: 8,
  shift: 0,
  parts: [
    { at: 0, width: 18, from: 16 },
    { at: 32, width: 16, from: 0 },
  ],
};
/** The immediates of two D-form instructions in a row. */
const twoImmediates: Field = {
  size: 8,
  shift: 0,
  parts: [
    { at: 0, width: 16, from: 16 },
    { at: 32, width: 16, from: 0 },
  ],
};

const plain = [write] as const;
// The stub of an external symbol is made and the word after the call rewritten before the distance is tested.
const branchSteps = [signed(24), aligned(4), write] as const;
const branchNote = 'ENOENT where no stub can be made, EFAULT where the instruction cannot be patched.';

export const relocationTypes = relocationTable({ file: 'arch/powerpc/kernel/module_64.c', symbol: 'apply_relocate_add' }, [
  // Addresses and distances. 32-bit addresses are cut off without a check.
  [1, 'R_PPC64_ADDR32', { formula: 'S + A', field: whole(4), steps: plain }],
  [38, 'R_PPC64_ADDR64', { formula: 'S + A', field: whole(8), steps: plain }],
  [26, 'R_PPC64_REL32', { formula: 'S + A - P', field: whole(4), steps: [signed(32), write] }],
  [44, 'R_PPC64_REL64', { formula: 'S + A - P', field: whole(8), steps: plain }],
  [250, 'R_PPC64_REL16_LO', { formula: 'lo(S + A - P)', field: whole(2), steps: plain }],
  [252, 'R_PPC64_REL16_HA', { formula: 'ha(S + A - P)', field: whole(2), steps: plain }],

  // Branches.
  [
    10,
    'R_PPC64_REL24',
    { applies: [{ before: '6.3' }], formula: 'D - P', field: branch, steps: [special(restoreR2Once), ...branchSteps], note: branchNote },
    {
      // 6.3 made restore_r2() accept what it wrote itself.
      applies: [{ since: '6.3', config: { PPC_KERNEL_PCREL: false } }],
      formula: 'D - P',
      field: branch,
      steps: [special(restoreR2Again), ...branchSteps],
      note: branchNote,
    },
    { applies: pcrelModel, formula: 'D - P', field: branch, steps: branchSteps, note: branchNote },
  ],
  [116, 'R_PPC64_REL24_NOTOC', ...pcrelOnly({ formula: 'D - P', field: branch, steps: branchSteps, note: branchNote })],

  // Distances from the TOC pointer. S and A are ignored by R_PPC64_TOC, S by R_PPC64_ENTRY.
  [47, 'R_PPC64_TOC16', ...tocOnly({ formula: 'S + A - TOC', field: whole(2), steps: [signed(16), write] })],
  [48, 'R_PPC64_TOC16_LO', ...tocOnly({ formula: 'lo(S + A - TOC)', field: whole(2), steps: plain })],
  [50, 'R_PPC64_TOC16_HA', ...tocOnly({ formula: 'ha(S + A - TOC)', field: whole(2), steps: plain })],
  [51, 'R_PPC64_TOC', ...tocOnly({ formula: 'TOC', field: whole(8), steps: plain })],
  [63, 'R_PPC64_TOC16_DS', ...tocOnly({ formula: 'S + A - TOC', field: ds, steps: [aligned(4), signed(14), write] })],
  [64, 'R_PPC64_TOC16_LO_DS', ...tocOnly({ formula: 'lo(S + A - TOC)', field: ds, steps: [aligned(4), write] })],
  [109, 'R_PPC64_TOCSAVE', ...tocOnly(ignored)],
  [
    118,
    'R_PPC64_ENTRY',
    {
      applies: tocModel,
      formula: 'TOC - P',
      field: twoImmediates,
      steps: [special(entryPrologue)],
      note: 'Never an error: a prologue of another form, or out of reach of the TOC, stays as it is.',
    },
    { ...ignored, applies: pcrelModel },
  ],

  // Prefixed instructions.
  [
    132,
    'R_PPC64_PCREL34',
    ...pcrelOnly({
      formula: 'S + A - P',
      field: prefixed,
      steps: [signed(34), write],
      note: 'A per-CPU symbol that is out of reach goes through a slot of .mygot, which S + A is then, and pla becomes pld.',
    }),
  ],
  [
    133,
    'R_PPC64_GOT_PCREL34',
    ...pcrelOnly({ formula: 'G + O - P', field: prefixed, steps: plain, note: 'ENOENT where .mygot has no slot left.' }),
  ],

  ...refusedRelocationTypes,
]);
