import { opcodeTable } from './opcode-table.ts';

// Opcodes behind EVEX: Intel SDM, volume 2, appendix A (AVX-512), and Intel Advanced Performance Extensions Architecture
// Specification (map 4).

/** EVEX map 1. */
export const evexOpcodes0f = opcodeTable({
  forms: 'M',
  prefixes: `
     0 1 2 3 4 5 6 7 8 9 a b c d e f
  1  f f f 3 3 3 7 3 . . . . . . . .
  2  . . . . . . . . 3 3 c 3 c c 3 3
  5  . f . . 3 3 3 3 f f f 7 f f f f
  6  2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 e
  7  e 2 2 2 2 2 2 . f f e e . . 6 e
  9  3 3 b b . . . . . . . . . . . .
  c  . . f . 2 2 3 . . . . . . . . .
  d  . 2 2 2 2 2 2 . 2 2 2 2 2 2 2 2
  e  2 2 2 2 2 2 e 2 2 2 2 2 2 2 2 2
  f  . 2 2 2 2 2 2 . 2 2 2 2 2 2 2 .
  `,
  groups: `
      /0   /1   /2   /3   /4   /5   /6   /7
  71  .    .    MIb  .    MIb  .    MIb  .
  72  MIb  MIb  MIb  .    MIb  .    MIb  .
  73  .    .    MIb  MIb  .    .    MIb  MIb
  `,
  exceptions: [{ opcodes: [0x70, 0xc2, 0xc4, 0xc5, 0xc6], form: 'MIb' }],
});

/** EVEX map 2. */
export const evexOpcodes38 = opcodeTable({
  forms: 'M',
  prefixes: `
     0 1 2 3 4 5 6 7 8 9 a b c d e f
  0  2 . . . 2 . . . . . . 2 2 2 . .
  1  6 6 6 6 6 6 2 . 2 2 2 2 2 2 2 2
  2  6 6 6 6 6 6 6 6 6 6 6 2 2 2 . .
  3  6 6 6 6 6 6 2 2 6 6 6 2 2 2 2 2
  4  2 . 2 2 2 2 2 2 . 3 . e 2 2 2 2
  5  f f e a 2 2 . . 2 2 2 2 . . . .
  6  . . 2 2 2 2 2 . 8 . . . . . . .
  7  2 2 e 2 . 2 2 2 2 2 2 2 2 2 2 2
  8  . . . 2 . . . . 2 2 2 2 . 2 . 2
  9  2 2 2 2 . . 2 2 2 2 a a 2 2 2 2
  a  2 2 2 2 . . 2 2 2 2 a a 2 2 2 2
  b  . . . . 2 2 2 2 2 2 2 2 2 2 2 2
  c  . . . . 2 . 2 2 2 . 2 2 2 2 . 2
  d  . . . . . . . . . . . . 2 2 2 2
  e  2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2
  f  . . 1 1 . d 8 f . . . . . . . .
  `,
  groups: `
      /0   /1   /2   /3   /4   /5   /6   /7
  c6  .    M    M    .    .    M    M    .
  c7  .    M    M    .    .    M    M    .
  f3  .    M    M    M    .    .    .    .
  `,
});

/** EVEX map 3. */
export const evexOpcodes3a = opcodeTable({
  forms: 'MIb',
  prefixes: `
     0 1 2 3 4 5 6 7 8 9 a b c d e f
  0  2 2 . 2 2 2 . . 3 2 3 2 . . . 2
  1  . . . . 2 2 2 2 2 2 2 2 . 2 2 2
  2  2 2 2 2 . 2 3 3 . . . . . . . .
  3  . . . . . . . . 2 2 2 2 . . 2 2
  4  . . f 2 2 . . . . . . . . . . .
  5  2 2 . . 2 2 3 3 . . . . . . . .
  6  . . . . . . 3 3 . . . . . . . .
  7  f 2 f 2 . . . . . . . . . . . .
  c  . . 5 . . . . . . . . . . . 2 2
  f  8 . . . . . . . . . . . . . . .
  `,
});

/** EVEX map 4: APX's forms of legacy instructions. 66 is the operand size here, not a part of the opcode. */
export const evexOpcodesMap4 = opcodeTable({
  forms: 'M',
  prefixes: `
     0 1 2 3 4 5 6 7 8 9 a b c d e f
  0  1 3 1 3 . . . . 1 3 1 3 . . . .
  1  1 3 1 3 . . . . 1 3 1 3 . . . .
  2  1 3 1 3 3 . . . 1 3 1 3 3 . . .
  3  1 3 1 3 . . . . 1 3 1 3 . . . .
  4  b b b b b b b b b b b b b b b b
  6  3 3 . . . 2 7 . . 3 . 3 . . . .
  8  1 3 . 3 1 3 . . 3 . . . . . . 1
  a  . . . . . 3 . . . . . . . 3 . 3
  c  1 3 . . . . . . . . . . . . . .
  d  1 3 1 3 . . . . . . . . . . . .
  f  5 7 4 . 3 3 1 3 e 1 . . . . 1 3
  `,
  groups: `
      /0   /1   /2   /3   /4   /5   /6   /7
  8f  M    .    .    .    .    .    .    .
  f6  MIb  MIb  M    M    M    M    M    M
  f7  MIz  MIz  M    M    M    M    M    M
  fe  M    M    .    .    .    .    .    .
  ff  M    M    .    .    .    .    M    .
  `,
  exceptions: [
    { opcodes: [0x24, 0x2c, 0x6b, 0x80, 0x83, 0xc0, 0xc1], form: 'MIb' },
    { opcodes: [0x69, 0x81], form: 'MIz' },
  ],
});

/** EVEX map 5: AVX512-FP16. */
export const evexOpcodesMap5 = opcodeTable({
  forms: 'M',
  prefixes: `
     0 1 2 3 4 5 6 7 8 9 a b c d e f
  1  4 4 . . . . . . . . . . . 3 . .
  2  . . . . . . . . . . 4 . 4 4 1 1
  5  . 5 . . . . . . 5 5 f 7 5 5 5 5
  6  . . . . . . . . . . . . . . 2 .
  7  . . . . . . . . 7 7 a 6 3 f 2 .
  `,
});

/** EVEX map 6: AVX512-FP16. */
export const evexOpcodesMap6 = opcodeTable({
  forms: 'M',
  prefixes: `
     0 1 2 3 4 5 6 7 8 9 a b c d e f
  1  . . . 3 . . . . . . . . . . . .
  2  . . . . . . . . . . . . 2 2 . .
  4  . . 2 2 . . . . . . . . 2 2 2 2
  5  . . . . . . c c . . . . . . . .
  9  . . . . . . 2 2 2 2 2 2 2 2 2 2
  a  . . . . . . 2 2 2 2 2 2 2 2 2 2
  b  . . . . . . 2 2 2 2 2 2 2 2 2 2
  d  . . . . . . c c . . . . . . . .
  `,
});

/** EVEX map 7: URDMSR and UWRMSR. */
export const evexOpcodesMap7 = opcodeTable({
  forms: 'MId',
  prefixes: `
     0 1 2 3 4 5 6 7 8 9 a b c d e f
  f  . . . . . . . . c . . . . . . .
  `,
});
