import { describe, expect, test } from 'vitest';
import { parseListingLine } from '../src/listing.ts';

describe('a line of objdump -d', () => {
  test('with an instruction', () => {
    expect(parseListingLine('   1b0:\tjmp    1c5 <foo+0x15>')).toEqual({
      kind: 'instruction',
      address: 0x1b0,
      text: 'jmp    1c5 <foo+0x15>',
    });
    expect(parseListingLine('       3:\tret    ')).toEqual({ kind: 'instruction', address: 3, text: 'ret' });
  });

  test('with a section', () => {
    expect(parseListingLine('Disassembly of section .text.unlikely:')).toEqual({
      kind: 'section',
      name: '.text.unlikely',
    });
  });

  test.each(['', '0000000000000000 <init_module>:', 'module.ko:     file format elf64-x86-64', '\t...'])(
    'without either: %j',
    (line) => expect(parseListingLine(line)).toBeUndefined(),
  );
});
