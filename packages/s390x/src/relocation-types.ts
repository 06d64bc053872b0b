import { aligned, bits, ignored, refused, relocationTable, signed, unsigned, whole, write, type Field } from '@kelp/core';

// Numbers and names: ELF ABI s390x Supplement, "Relocation". Rules: the switch in apply_rela() of
// arch/s390/kernel/module.c; apply_rela_bits() tests alignment first, then the range, then writes. Any failure is ENOEXEC.
//
// What a field held before never matters; a displacement keeps the bits around it. Some checks are not the ABI's:
// - PLT32, GOTOFF16 and GOTOFF32 are tested as unsigned. GOT and PLT lie in front of the code, so PLT32 seldom fits.
// - PLT16DBL goes to S directly up to 0x1efffe bytes behind the place, but reaches only 0xfffe: what lies between is
//   refused although the PLT would do.

/** Displacement of an RX instruction, behind the number of its base register. */
const displacement12: Field = bits(2, 0, 12);
/** Displacement of an RXY instruction, counted from the halfword with the base register: low 12 bits, then high 8 bits. */
const displacement20: Field = {
  size: 4,
  shift: 0,
  parts: [
    { at: 16, width: 12, from: 0 },
    { at: 8, width: 8, from: 12 },
  ],
};
/** Distances in halfwords. */
const halfwords16: Field = whole(2, 1);
const halfwords32: Field = whole(4, 1);

const plain = [write] as const;
const doubled16 = [aligned(2), signed(16), write] as const;
const doubled32 = [aligned(2), signed(32), write] as const;

// GOTPLT types have no slot of their own: the loader treats them as their GOT twins.
const slot = 'The first relocation that needs the slot of a symbol stores S there, without the addend.';
const entry = 'The first relocation that needs the PLT entry of a symbol writes it.';
const branch = 'The first relocation that needs the PLT entry of a symbol writes it, even where the branch then goes to S.';

export const relocationTypes = relocationTable({ file: 'arch/s390/kernel/module.c', symbol: 'apply_rela' }, [
  // No relocation.
  [0, 'R_390_NONE', ignored],

  // Addresses.
  [1, 'R_390_8', { formula: 'S + A', field: whole(1), steps: [unsigned(8), write] }],
  [2, 'R_390_12', { formula: 'S + A', field: displacement12, steps: [unsigned(12), write] }],
  [3, 'R_390_16', { formula: 'S + A', field: whole(2), steps: [unsigned(16), write] }],
  [57, 'R_390_20', { formula: 'S + A', field: displacement20, steps: [signed(20), write] }],
  [4, 'R_390_32', { formula: 'S + A', field: whole(4), steps: [unsigned(32), write] }],
  [22, 'R_390_64', { formula: 'S + A', field: whole(8), steps: plain }],

  // Distances.
  [16, 'R_390_PC16', { formula: 'S + A - P', field: whole(2), steps: [signed(16), write] }],
  [17, 'R_390_PC16DBL', { formula: 'S + A - P', field: halfwords16, steps: doubled16 }],
  [5, 'R_390_PC32', { formula: 'S + A - P', field: whole(4), steps: [signed(32), write] }],
  [19, 'R_390_PC32DBL', { formula: 'S + A - P', field: halfwords32, steps: doubled32 }],
  [23, 'R_390_PC64', { formula: 'S + A - P', field: whole(8), steps: plain }],

  // Slots of the global offset table.
  [6, 'R_390_GOT12', { formula: 'O + A', field: displacement12, steps: [unsigned(12), write], note: slot }],
  [15, 'R_390_GOT16', { formula: 'O + A', field: whole(2), steps: [unsigned(16), write], note: slot }],
  [58, 'R_390_GOT20', { formula: 'O + A', field: displacement20, steps: [signed(20), write], note: slot }],
  [7, 'R_390_GOT32', { formula: 'O + A', field: whole(4), steps: [unsigned(32), write], note: slot }],
  [24, 'R_390_GOT64', { formula: 'O + A', field: whole(8), steps: plain, note: slot }],
  [26, 'R_390_GOTENT', { formula: 'G + O + A - P', field: halfwords32, steps: doubled32, note: slot }],
  [29, 'R_390_GOTPLT12', { formula: 'O + A', field: displacement12, steps: [unsigned(12), write], note: slot }],
  [30, 'R_390_GOTPLT16', { formula: 'O + A', field: whole(2), steps: [unsigned(16), write], note: slot }],
  [59, 'R_390_GOTPLT20', { formula: 'O + A', field: displacement20, steps: [signed(20), write], note: slot }],
  [31, 'R_390_GOTPLT32', { formula: 'O + A', field: whole(4), steps: [unsigned(32), write], note: slot }],
  [32, 'R_390_GOTPLT64', { formula: 'O + A', field: whole(8), steps: plain, note: slot }],
  [33, 'R_390_GOTPLTENT', { formula: 'G + O + A - P', field: halfwords32, steps: doubled32, note: slot }],

  // The global offset table itself. GOTPC and GOTPCDBL ignore the symbol.
  [27, 'R_390_GOTOFF16', { formula: 'S + A - G', field: whole(2), steps: [unsigned(16), write] }],
  [13, 'R_390_GOTOFF32', { formula: 'S + A - G', field: whole(4), steps: [unsigned(32), write] }],
  [28, 'R_390_GOTOFF64', { formula: 'S + A - G', field: whole(8), steps: plain }],
  [14, 'R_390_GOTPC', { formula: 'G + A - P', field: whole(4), steps: [signed(32), write] }],
  [21, 'R_390_GOTPCDBL', { formula: 'G + A - P', field: halfwords32, steps: doubled32 }],

  // Procedure linkage table. Only branches leave it out where their target is in reach.
  [18, 'R_390_PLT16DBL', { formula: 'D + A - P', field: halfwords16, steps: doubled16, note: branch }],
  [20, 'R_390_PLT32DBL', { formula: 'D + A - P', field: halfwords32, steps: doubled32, note: branch }],
  [8, 'R_390_PLT32', { formula: 'L + A - P', field: whole(4), steps: [unsigned(32), write], note: entry }],
  [25, 'R_390_PLT64', { formula: 'L + A - P', field: whole(8), steps: plain, note: entry }],
  [34, 'R_390_PLTOFF16', { formula: 'L - G + A', field: whole(2), steps: [unsigned(16), write], note: entry }],
  [35, 'R_390_PLTOFF32', { formula: 'L - G + A', field: whole(4), steps: [unsigned(32), write], note: entry }],
  [36, 'R_390_PLTOFF64', { formula: 'L - G + A', field: whole(8), steps: plain, note: entry }],

  // Dynamic linking. The first four are refused by name and without a message, IRELATIVE as any unknown number.
  [9, 'R_390_COPY', refused],
  [10, 'R_390_GLOB_DAT', refused],
  [11, 'R_390_JMP_SLOT', refused],
  [12, 'R_390_RELATIVE', refused],
  [61, 'R_390_IRELATIVE', refused],

  // Branches of 12 and 24 bits.
  [62, 'R_390_PC12DBL', refused],
  [63, 'R_390_PLT12DBL', refused],
  [64, 'R_390_PC24DBL', refused],
  [65, 'R_390_PLT24DBL', refused],

  // Thread-local storage.
  [37, 'R_390_TLS_LOAD', refused],
  [38, 'R_390_TLS_GDCALL', refused],
  [39, 'R_390_TLS_LDCALL', refused],
  [40, 'R_390_TLS_GD32', refused],
  [41, 'R_390_TLS_GD64', refused],
  [42, 'R_390_TLS_GOTIE12', refused],
  [60, 'R_390_TLS_GOTIE20', refused],
  [43, 'R_390_TLS_GOTIE32', refused],
  [44, 'R_390_TLS_GOTIE64', refused],
  [45, 'R_390_TLS_LDM32', refused],
  [46, 'R_390_TLS_LDM64', refused],
  [47, 'R_390_TLS_IE32', refused],
  [48, 'R_390_TLS_IE64', refused],
  [49, 'R_390_TLS_IEENT', refused],
  [50, 'R_390_TLS_LE32', refused],
  [51, 'R_390_TLS_LE64', refused],
  [52, 'R_390_TLS_LDO32', refused],
  [53, 'R_390_TLS_LDO64', refused],
  [54, 'R_390_TLS_DTPMOD', refused],
  [55, 'R_390_TLS_DTPOFF', refused],
  [56, 'R_390_TLS_TPOFF', refused],
]);
