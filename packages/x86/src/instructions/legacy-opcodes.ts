import { opcodeTable, type OpcodeTableText } from './opcode-table.ts';

// Opcodes without VEX, EVEX or XOP in 64-bit mode: Intel SDM, volume 2, appendix A, tables, and AMD64
// Architecture Programmer's Manual, volume 3, appendix A. Left out: 3DNow (0f 0e, 0f 0f).

// d6 is UDB.
const oneByte: OpcodeTableText = {
  forms: `
      0    1    2    3    4    5    6    7    8    9    a    b    c    d    e    f
  0   M    M    M    M    Ib   Iz   .    .    M    M    M    M    Ib   Iz   .    esc
  1   M    M    M    M    Ib   Iz   .    .    M    M    M    M    Ib   Iz   .    .
  2   M    M    M    M    Ib   Iz   pfx  .    M    M    M    M    Ib   Iz   pfx  .
  3   M    M    M    M    Ib   Iz   pfx  .    M    M    M    M    Ib   Iz   pfx  .
  4   rex  rex  rex  rex  rex  rex  rex  rex  rex  rex  rex  rex  rex  rex  rex  rex
  5   -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -
  6   .    .    evex M    pfx  pfx  pfx  pfx  Iz   MIz  Ib   MIb  -    -    -    -
  7   Jb   Jb   Jb   Jb   Jb   Jb   Jb   Jb   Jb   Jb   Jb   Jb   Jb   Jb   Jb   Jb
  8   MIb  MIz  .    MIb  M    M    M    M    M    M    M    M    M    M    M    M
  9   -    -    -    -    -    -    -    -    -    -    .    -    -    -    -    -
  a   O    O    O    O    -    -    -    -    Ib   Iz   -    -    -    -    -    -
  b   Ib   Ib   Ib   Ib   Ib   Ib   Ib   Ib   Iv   Iv   Iv   Iv   Iv   Iv   Iv   Iv
  c   MIb  MIb  Iw   -    vex  vex  MIb  MIz  IwIb -    Iw   -    -    Ib   .    -
  d   M    M    M    M    .    rex2 -    -    M    M    M    M    M    M    M    M
  e   Jb   Jb   Jb   Jb   Ib   Ib   Ib   Ib   Jd   Jd   .    Jb   -    -    -    -
  f   pfx  -    pfx  pfx  -    -    M    M    -    -    -    -    -    -    M    M
  `,
  groups: `
      /0   /1   /2   /3   /4   /5   /6   /7
  8f  M    .    .    .    .    .    .    .
  c6  MIb  .    .    .    .    .    .    F8Ib
  c7  MIz  .    .    .    .    .    .    F8Jz
  f6  MIb  MIb  M    M    M    M    M    M
  f7  MIz  MIz  M    M    M    M    M    M
  fe  M    M    .    .    .    .    .    .
  ff  M    M    M    M    M    M    M    .
  `,
};

// UD0 (0f ff) and UD1 (0f b9) have ModRM, UD2 (0f 0b) has none.
const twoByte: OpcodeTableText = {
  forms: `
      0    1    2    3    4    5    6    7    8    9    a    b    c    d    e    f
  0   M    M    M    M    .    -    -    -    -    -    .    -    .    M    .    .
  1   M    M    M    M    M    M    M    M    M    M    M    M    M    M    M    M
  2   R    R    R    R    .    .    .    .    M    M    M    M    M    M    M    M
  3   -    -    -    -    -    -    .    -    esc  .    esc  .    .    .    .    .
  4   M    M    M    M    M    M    M    M    M    M    M    M    M    M    M    M
  5   M    M    M    M    M    M    M    M    M    M    M    M    M    M    M    M
  6   M    M    M    M    M    M    M    M    M    M    M    M    M    M    M    M
  7   MIb  MIb  MIb  MIb  M    M    M    -    M    M    .    .    M    M    M    M
  8   Jd   Jd   Jd   Jd   Jd   Jd   Jd   Jd   Jd   Jd   Jd   Jd   Jd   Jd   Jd   Jd
  9   M    M    M    M    M    M    M    M    M    M    M    M    M    M    M    M
  a   -    -    -    M    MIb  M    M    M    -    -    -    M    MIb  M    M    M
  b   M    M    M    M    M    M    M    M    M    M    MIb  M    M    M    M    M
  c   M    M    MIb  M    MIb  MIb  MIb  M    -    -    -    -    -    -    -    -
  d   M    M    M    M    M    M    M    M    M    M    M    M    M    M    M    M
  e   M    M    M    M    M    M    M    M    M    M    M    M    M    M    M    M
  f   M    M    M    M    M    M    M    M    M    M    M    M    M    M    M    M
  `,
  prefixes: `
     0 1 2 3 4 5 6 7 8 9 a b c d e f
  0  f f f f . f f f f 5 . f . f . .
  1  f f f 3 3 3 7 3 f f f f f f f f
  2  f f f f . . . . 3 3 f f f f 3 3
  3  f f f f f f . f . . . . . . . .
  4  f f f f f f f f f f f f f f f f
  5  3 f 5 5 3 3 3 3 f f f 7 f f f f
  6  3 3 3 3 3 3 3 3 3 3 3 3 2 2 3 7
  7  f 3 3 3 3 3 3 1 b b . . a a 7 7
  8  f f f f f f f f f f f f f f f f
  9  f f f f f f f f f f f f f f f f
  a  f f f f f f f f f f f f f f f f
  b  f f f f f f f f 4 f f f 7 7 f f
  c  f f f 1 3 3 3 f f f f f f f f f
  d  a 3 3 3 3 3 e 3 3 3 3 3 3 3 3 3
  e  3 3 3 3 3 3 e 3 3 3 3 3 3 3 3 3
  f  8 3 3 3 3 3 3 3 3 3 3 3 3 3 3 f
  `,
  groups: `
      /0   /1   /2   /3   /4   /5   /6   /7
  00  M    M    M    M    M    M    M    .
  71  .    .    MIb  .    MIb  .    MIb  .
  72  .    .    MIb  .    MIb  .    MIb  .
  73  .    .    MIb  MIb  .    .    MIb  MIb
  ba  .    .    .    .    MIb  MIb  MIb  MIb
  c7  .    M    .    M    M    M    M    M
  `,
  // AMD's EXTRQ (66) and INSERTQ (F2) share the opcode of VMREAD.
  exceptions: [{ opcodes: [0x78], prefixes: 0xa, form: 'MIbIb' }],
};

/** One-byte opcodes. */
export const oneByteOpcodes = opcodeTable(oneByte);

/** Two-byte opcodes, behind 0f. */
export const twoByteOpcodes = opcodeTable(twoByte);

// Intel Advanced Performance Extensions Architecture Specification, section 3.1.2.1: rows 7, a and e, and rows 3 and 8
// behind 0f, do not exist with REX2, but for JMPABS at a1.

/** One-byte opcodes behind REX2. */
export const rex2OneByteOpcodes = opcodeTable({
  ...oneByte,
  exceptions: [
    { opcodes: [0xa1], form: 'Iq' },
    { opcodes: [...row(0x7), ...row(0xa), ...row(0xe)], form: '.' },
  ],
});

/** Opcodes behind REX2 whose map bit stands for 0f. */
export const rex2TwoByteOpcodes = opcodeTable({
  ...twoByte,
  exceptions: [...(twoByte.exceptions ?? []), { opcodes: [...row(0x3), ...row(0x8)], form: '.' }],
});

function row(digit: number): readonly number[] {
  return Array.from({ length: 16 }, (_, column) => digit * 16 + column);
}

/** Three-byte opcodes behind 0f 38. */
export const threeByteOpcodes38 = opcodeTable({
  forms: 'M',
  prefixes: `
     0 1 2 3 4 5 6 7 8 9 a b c d e f
  0  3 3 3 3 3 3 3 3 3 3 3 3 . . . .
  1  2 . . . 2 2 . 2 . . . . 3 3 3 .
  2  2 2 2 2 2 2 . . 2 2 2 2 . . . .
  3  2 2 2 2 2 2 . 2 2 2 2 2 2 2 2 2
  4  2 2 . . . . . . . . . . . . . .
  8  2 2 2 . . . . . . . . . . . . .
  c  . . . . . . . . 1 1 1 1 1 1 . 2
  d  . . . . . . . . 4 . . 2 6 6 6 6
  f  b b . . . 2 7 . e 1 4 4 f . . .
  `,
});

/** Three-byte opcodes behind 0f 3a. */
export const threeByteOpcodes3a = opcodeTable({
  forms: 'MIb',
  prefixes: `
     0 1 2 3 4 5 6 7 8 9 a b c d e f
  0  . . . . . . . . 2 2 2 2 2 2 2 3
  1  . . . . 2 2 2 2 . . . . . . . .
  2  2 2 2 . . . . . . . . . . . . .
  4  2 2 2 . 2 . . . . . . . . . . .
  6  2 2 2 2 . . . . . . . . . . . .
  c  . . . . . . . . . . . . 1 . 2 2
  d  . . . . . . . . . . . . . . . 2
  f  4 . . . . . . . . . . . . . . .
  `,
});
