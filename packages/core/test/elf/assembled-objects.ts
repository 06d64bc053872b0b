import { gunzipSync } from 'node:zlib';

// Made by GNU as 2.40 for x86-64 and for s390x from
//
//   .section .modinfo,"a"
//   .asciz "license=GPL"
//   .asciz "vermagic=6.1.0-50 SMP"
//   .section __table,"aM",%progbits,8
//   .quad work
//   .quad helper+16
//   .text
//   .globl work
//   .type work,%function
// work:
//   .long 0
//   .long helper - . - 4
//   .size work, 8
//   .bss
//   .balign 8
//   .skip 24
//
// The values that tests expect of them are those that readelf prints.

function unpacked(...lines: readonly string[]): Uint8Array {
  return gunzipSync(Buffer.from(lines.join(''), 'base64'));
}

/** Little-endian, 1,064 bytes, e_machine 62. */
export function littleEndianObject(): Uint8Array {
  return unpacked(
    'H4sIAAAAAAACA6t39XFjYmRkgAFGBjsGBA8BMpAEHaAkNwMXXCwnMzk1rzjV1j3Ah6EstSg3MT0z2dZMz1DPQNfUQCHYN4CBNACy',
    'TgjJJRxQmg2IBbBpKM8vymbISM0pSC0CcVmgwkxQ/Oc/BCCbj+xPDiRxJmQ79Iorc0sSk4B0SRGEzoCxilJzEvVKUitKGPRSEksS',
    'GfSSiosZ9HLzUzLz0vIh0vHxQJU5qQwUAwWo29jQxB3Q3I/sP2QgDQ0TBzTxG1BaAskcRiTzYOJqUHFmNP0eeOIPGehAzcSlXwJN',
    'HN0/hkhxg02/EgH77eFpChVkQWkBHPph7rDCEX4foLQBkno2LOGHze0g0IDmD04c4c+JJexA4ASU5iXgf0Ec+hWgCt0J6AcAE75s',
    'VSgEAAA=',
  );
}

/** Big-endian, 1,184 bytes, e_machine 22. */
export function bigEndianObject(): Uint8Array {
  return unpacked(
    'H4sIAAAAAAACA6t39XFjYmJkgANGBjEwiRUwPgBTDlCSm4ELJpOTmZyaV5xq6x7gw1CWWpSbmJ6ZbGumZ6hnoGtqoBDsG8BAOmDG',
    '4Q5mMMIqzoJDnBWHOBs2Twph2ssBxGwC2Awpzy/KZshIzSlILUISBbmDHYhZ/0PAHyQ5kJ1iWMxnRxIXYNArrswtSUwC0iVFEDoD',
    'xipKzUnUK0mtKGHQS0ksSWTQSyouZtDLzU/JzEvLh0jHxwNV5qQyUAMoIKUH9PByQHI/A5r/YUAaie+AFtSwZCEBNYMRzTyQuBqS',
    'OHq8e+BwM7L9Okjm4dIvgSU+YMAQyX4mHPqV0NMQEtseiS+Epi4LHt/Y9YPcYYUn/DKgDANYGsUSfoxY3A0DDVD6ABBz4tDPyYAj',
    'vwGNhrmHF4//BfHonwFluOPSDwBcyxHcoAQAAA==',
  );
}
