import { opcodeTable } from './opcode-table.ts';

// Opcodes behind XOP: AMD64 Architecture Programmer's Manual, volume 3, appendix A.1.5. The field pp must be 0.

/** XOP map 8. */
export const xopOpcodesMap8 = opcodeTable({
  forms: 'MIb',
  prefixes: `
     0 1 2 3 4 5 6 7 8 9 a b c d e f
  8  . . . . . 1 1 1 . . . . . . 1 1
  9  . . . . . 1 1 1 . . . . . . 1 1
  a  . . 1 1 . . 1 . . . . . . . . .
  b  . . . . . . 1 . . . . . . . . .
  c  1 1 1 1 . . . . . . . . 1 1 1 1
  e  . . . . . . . . . . . . 1 1 1 1
  `,
});

/** XOP map 9. */
export const xopOpcodesMap9 = opcodeTable({
  forms: 'M',
  prefixes: `
     0 1 2 3 4 5 6 7 8 9 a b c d e f
  0  . 1 1 . . . . . . . . . . . . .
  1  . . 1 . . . . . . . . . . . . .
  8  1 1 1 1 . . . . . . . . . . . .
  9  1 1 1 1 1 1 1 1 1 1 1 1 . . . .
  c  . 1 1 1 . . 1 1 . . . 1 . . . .
  d  . 1 1 1 . . 1 1 . . . 1 . . . .
  e  . 1 1 1 . . . . . . . . . . . .
  `,
  groups: `
      /0   /1   /2   /3   /4   /5   /6   /7
  01  .    M    M    M    M    M    M    M
  02  .    M    .    .    .    .    M    .
  12  M    M    .    .    .    .    .    .
  `,
});

/** XOP map 10. */
export const xopOpcodesMapA = opcodeTable({
  forms: 'MId',
  prefixes: `
     0 1 2 3 4 5 6 7 8 9 a b c d e f
  1  1 . 1 . . . . . . . . . . . . .
  `,
  groups: `
      /0   /1   /2   /3   /4   /5   /6   /7
  12  MId  MId  .    .    .    .    .    .
  `,
});
