import { existingZero, ignored, refused, relocationTable, signed, unsigned, whole, write, type RuleText, type Step } from '@kelp/core';

// Numbers and names: x86-64 psABI, "Relocation Types". Rules: the switch in arch/x86/kernel/module.c, which was
// __apply_relocate_add() and became __write_relocate_add() when 6.3 brought clear_relocate_add().
//
// Every field must be zero before it is written. PC32 and PLT32 are the same operation and are never range-checked:
// their upper half is dropped. No GOT and no PLT is ever built, so every type that needs one is refused.

const plain: readonly Step[] = [existingZero, write];

/** Older loaders write first and test afterwards: the errno is the same, but the field has changed by then. */
function checked32(fits: Step): readonly RuleText[] {
  const older = { file: 'arch/x86/kernel/module.c', symbol: '__apply_relocate_add' };
  return [
    { applies: [{ before: '6.3' }], formula: 'S + A', field: whole(4), steps: [existingZero, write, fits], source: older },
    { applies: [{ since: '6.3' }], formula: 'S + A', field: whole(4), steps: [fits, existingZero, write] },
  ];
}

/** Every relocation type of the x86-64 psABI. */
export const relocationTypes = relocationTable({ file: 'arch/x86/kernel/module.c', symbol: '__write_relocate_add' }, [
  // Types the loader accepts.
  [0, 'R_X86_64_NONE', ignored],
  [1, 'R_X86_64_64', { formula: 'S + A', field: whole(8), steps: plain }],
  [2, 'R_X86_64_PC32', { formula: 'S + A - P', field: whole(4), steps: plain }],
  [4, 'R_X86_64_PLT32', { formula: 'S + A - P', field: whole(4), steps: plain }],
  [10, 'R_X86_64_32', ...checked32(unsigned(32))],
  [11, 'R_X86_64_32S', ...checked32(signed(32))],
  [24, 'R_X86_64_PC64', { formula: 'S + A - P', field: whole(8), steps: plain }],

  // Global offset table, procedure linkage table, dynamic linking.
  [3, 'R_X86_64_GOT32', refused],
  [5, 'R_X86_64_COPY', refused],
  [6, 'R_X86_64_GLOB_DAT', refused],
  [7, 'R_X86_64_JUMP_SLOT', refused],
  [8, 'R_X86_64_RELATIVE', refused],
  [9, 'R_X86_64_GOTPCREL', refused],
  [25, 'R_X86_64_GOTOFF64', refused],
  [26, 'R_X86_64_GOTPC32', refused],
  [27, 'R_X86_64_GOT64', refused],
  [28, 'R_X86_64_GOTPCREL64', refused],
  [29, 'R_X86_64_GOTPC64', refused],
  [30, 'R_X86_64_GOTPLT64', refused],
  [31, 'R_X86_64_PLTOFF64', refused],
  [37, 'R_X86_64_IRELATIVE', refused],
  [38, 'R_X86_64_RELATIVE64', refused],
  [41, 'R_X86_64_GOTPCRELX', refused],
  [42, 'R_X86_64_REX_GOTPCRELX', refused],
  [43, 'R_X86_64_CODE_4_GOTPCRELX', refused],
  [46, 'R_X86_64_CODE_5_GOTPCRELX', refused],
  [49, 'R_X86_64_CODE_6_GOTPCRELX', refused],

  // Narrow fields, sizes, bound-checked branches.
  [12, 'R_X86_64_16', refused],
  [13, 'R_X86_64_PC16', refused],
  [14, 'R_X86_64_8', refused],
  [15, 'R_X86_64_PC8', refused],
  [32, 'R_X86_64_SIZE32', refused],
  [33, 'R_X86_64_SIZE64', refused],
  [39, 'R_X86_64_PC32_BND', refused],
  [40, 'R_X86_64_PLT32_BND', refused],

  // Thread-local storage.
  [16, 'R_X86_64_DTPMOD64', refused],
  [17, 'R_X86_64_DTPOFF64', refused],
  [18, 'R_X86_64_TPOFF64', refused],
  [19, 'R_X86_64_TLSGD', refused],
  [20, 'R_X86_64_TLSLD', refused],
  [21, 'R_X86_64_DTPOFF32', refused],
  [22, 'R_X86_64_GOTTPOFF', refused],
  [23, 'R_X86_64_TPOFF32', refused],
  [34, 'R_X86_64_GOTPC32_TLSDESC', refused],
  [35, 'R_X86_64_TLSDESC_CALL', refused],
  [36, 'R_X86_64_TLSDESC', refused],
  [44, 'R_X86_64_CODE_4_GOTTPOFF', refused],
  [45, 'R_X86_64_CODE_4_GOTPC32_TLSDESC', refused],
  [47, 'R_X86_64_CODE_5_GOTTPOFF', refused],
  [48, 'R_X86_64_CODE_5_GOTPC32_TLSDESC', refused],
  [50, 'R_X86_64_CODE_6_GOTTPOFF', refused],
  [51, 'R_X86_64_CODE_6_GOTPC32_TLSDESC', refused],
]);
