import { opcodeTable } from './opcode-table.ts';

// Opcodes behind VEX: Intel SDM, volume 2, appendix A; Intel Architecture Instruction Set Extensions Programming Reference
// (AMX, AVX-VNNI-INT16, SHA512, SM3, SM4, USER_MSR); AMD64 Architecture Programmer's Manual, volume 6 (FMA4).

/** VEX map 1, which 2-byte VEX implies: SSE's two-byte opcodes and those of mask registers. */
export const vexOpcodes0f = opcodeTable({
  forms: 'M',
  prefixes: `
     0 1 2 3 4 5 6 7 8 9 a b c d e f
  1  f f f 3 3 3 7 3 . . . . . . . .
  2  . . . . . . . . 3 3 c 3 c c 3 3
  4  . 3 3 . 3 3 3 3 . . 3 3 . . . .
  5  3 f 5 5 3 3 3 3 f f f 7 f f f f
  6  2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 6
  7  e 2 2 2 2 2 2 1 . . . . a a 6 6
  9  3 3 b b . . . . 3 3 . . . . . .
  a  . . . . . . . . . . . . . . 1 .
  c  . . f . 2 2 3 . . . . . . . . .
  d  a 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2
  e  2 2 2 2 2 2 e 2 2 2 2 2 2 2 2 2
  f  8 2 2 2 2 2 2 2 2 2 2 2 2 2 2 .
  `,
  groups: `
      /0   /1   /2   /3   /4   /5   /6   /7
  71  .    .    MIb  .    MIb  .    MIb  .
  72  .    .    MIb  .    MIb  .    MIb  .
  73  .    .    MIb  MIb  .    .    MIb  MIb
  ae  .    .    M    M    .    .    .    .
  `,
  exceptions: [
    { opcodes: [0x70, 0xc2, 0xc4, 0xc5, 0xc6], form: 'MIb' },
    // VZEROUPPER and VZEROALL.
    { opcodes: [0x77], form: '-' },
  ],
});

/** VEX map 2. */
export const vexOpcodes38 = opcodeTable({
  forms: 'M',
  prefixes: `
     0 1 2 3 4 5 6 7 8 9 a b c d e f
  0  2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2
  1  . . . 2 . . 2 2 2 2 2 . 2 2 2 .
  2  2 2 2 2 2 2 . . 2 2 2 2 2 2 2 2
  3  2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2
  4  2 2 . . . 2 2 2 . b . e . . . .
  5  f f 2 2 . . . . 2 2 2 . c . f .
  6  . . . . . . . . . . . . 3 . . .
  7  . . 4 . . . . . 2 2 . . . . . .
  8  . . . . . . . . . . . . 2 . 2 .
  9  2 2 2 2 . . 2 2 2 2 2 2 2 2 2 2
  a  . . . . . . 2 2 2 2 2 2 2 2 2 2
  b  f 6 . . 2 2 2 2 2 2 2 2 2 2 2 2
  c  . . . . . . . . . . . 8 8 8 . 2
  d  . . 7 7 . . . . . . f 2 2 2 2 2
  e  2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2
  f  . . 1 1 . d 8 f . . . . . . . .
  `,
  groups: `
      /0   /1   /2   /3   /4   /5   /6   /7
  f3  .    M    M    M    .    .    .    .
  `,
});

/** VEX map 3. Where a fourth register is an operand, the immediate holds it. */
export const vexOpcodes3a = opcodeTable({
  forms: 'MIb',
  prefixes: `
     0 1 2 3 4 5 6 7 8 9 a b c d e f
  0  2 2 2 . 2 2 2 . 2 2 2 2 2 2 2 2
  1  . . . . 2 2 2 2 2 2 . . . 2 . .
  2  2 2 2 . . . . . . . . . . . . .
  3  2 2 2 2 . . . . 2 2 . . . . . .
  4  2 2 2 . 2 . 2 . 2 2 2 2 2 . . .
  5  . . . . . . . . . . . . 2 2 2 2
  6  2 2 2 2 . . . . 2 2 2 2 2 2 2 2
  7  . . . . . . . . 2 2 2 2 2 2 2 2
  c  . . . . . . . . . . . . . . 2 2
  d  . . . . . . . . . . . . . . 2 2
  f  8 . . . . . . . . . . . . . . .
  `,
});

/** VEX map 7: URDMSR and UWRMSR. */
export const vexOpcodesMap7 = opcodeTable({
  forms: 'MId',
  prefixes: `
     0 1 2 3 4 5 6 7 8 9 a b c d e f
  f  . . . . . . . . c . . . . . . .
  `,
});
