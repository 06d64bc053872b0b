import { describe, expect, test } from 'vitest';
import {
  compareSection,
  printedTarget,
  type RelocatedField,
  type SectionResult,
} from '../src/section-comparison.ts';

type Line = readonly [address: number, text: string];

function compare(
  bytes: string,
  lines: readonly Line[],
  relocated: readonly RelocatedField[] = [],
): SectionResult {
  const comparison = compareSection(
    Uint8Array.from(Buffer.from(bytes.replaceAll(' ', ''), 'hex')),
    relocated,
  );
  for (const [address, text] of lines) comparison.instruction(address, text);
  return comparison.end();
}

// endbr64; call with a relocation at 5; mov 0x10(%rip),%rax; je over the next; nop; ret
const code = 'f3 0f 1e fa e8 00 00 00 00 48 8b 05 10 00 00 00 74 01 90 c3';
const listing: readonly Line[] = [
  [0x00, 'endbr64'],
  [0x04, 'call   9 <foo+0x9>'],
  [0x09, 'mov    0x10(%rip),%rax        # 20 <foo+0x20>'],
  [0x10, 'je     13 <foo+0x13>'],
  [0x12, 'nop'],
  [0x13, 'ret'],
];

/** The listing with one line replaced. */
function changed(index: number, ...lines: readonly Line[]): readonly Line[] {
  return listing.toSpliced(index, 1, ...lines);
}

describe('a section', () => {
  test('that agrees', () => {
    expect(
      compare(code, listing, [
        { offset: 5, size: 4 },
        { offset: 12, size: 4 },
      ]),
    ).toEqual({
      instructions: 6,
      invalid: 0,
      targets: 3,
      relocations: 2,
      differences: [],
    });
  });

  test('with another length, also of the last instruction', () => {
    expect(
      compare(code, changed(2, [0x09, 'rex.W'], [0x0a, 'mov    0x10(%rip),%eax        # 20 <foo+0x20>']))
        .differences,
    ).toEqual([{ offset: 9, what: 'length', expected: '1 bytes: rex.W', found: '7 bytes' }]);
    expect(compare(`${code} 00`, listing).differences).toEqual([
      { offset: 0x13, what: 'length', expected: '2 bytes: ret', found: '1 bytes' },
    ]);
  });

  test('with another target', () => {
    expect(compare(code, changed(3, [0x10, 'je     14 <foo+0x14>'])).differences).toEqual([
      { offset: 0x10, what: 'target', expected: '2 bytes: je     14 <foo+0x14>', found: '0x13' },
    ]);
    expect(
      compare(code, changed(2, [0x09, 'mov    0x10(%rip),%rax        # 10 <foo+0x10>'])).differences,
    ).toMatchObject([{ offset: 9, what: 'target', found: '0x20' }]);
    expect(compare(code, changed(4, [0x12, 'jmp    13 <foo+0x13>'])).differences).toMatchObject([
      { offset: 0x12, what: 'target', found: 'none' },
    ]);
  });

  test('with bytes that are no instruction', () => {
    expect(
      compare('06 90', [
        [0, '(bad)'],
        [1, 'nop'],
      ]),
    ).toMatchObject({ instructions: 2, invalid: 1, differences: [] });
    expect(
      compare('06 90', [
        [0, 'push   %es'],
        [1, 'nop'],
      ]).differences,
    ).toMatchObject([{ offset: 0, what: 'validity', found: 'nothing' }]);
    expect(
      compare('90 90', [
        [0, '(bad)'],
        [1, 'nop'],
      ]).differences,
    ).toMatchObject([{ offset: 0, what: 'validity', found: '1 bytes' }]);
  });

  test('with a relocation beside the fields', () => {
    expect(compare(code, listing, [{ offset: 6, size: 4 }]).differences).toEqual([
      { offset: 6, what: 'relocation', expected: 'a field of 4 bytes at 2', found: '1+4' },
    ]);
    expect(compare(code, listing, [{ offset: 5, size: 8 }]).differences).toMatchObject([
      { offset: 5, what: 'relocation' },
    ]);
    expect(compare(code, listing, [{ offset: 0x13, size: 4 }]).differences).toMatchObject([
      { offset: 0x13, found: 'none' },
    ]);
  });

  test('whose listing starts late', () => {
    expect(compare(code, listing.slice(1)).differences).toMatchObject([{ offset: 0, what: 'length' }]);
  });
});

describe('the target that objdump prints', () => {
  test.each([
    ['call   9 <foo+0x9>', 0x9n],
    ['jmp    ffffffffffffffe5 <foo+0xffffffffffffffe5>', 0xffffffffffffffe5n],
    ['je,pn  1c5 <foo+0x15>', 0x1c5n],
    ['bnd jmp 12 <foo>', 0x12n],
    ['loop   12', 0x12n],
    ['jrcxz  12 <foo>', 0x12n],
    ['xbegin 26 <foo>', 0x26n],
    ['lea    0x0(%rip),%rdi        # 13 <foo+0x13>', 0x13n],
    ['addl   $0x1,0x0(%eip)        # 13 <foo+0x13>', 0x13n],
    ['call   *0x0(%rip)        # 9 <foo+0x9>', 0x9n],
  ])('%s', (text, target) => expect(printedTarget(text)).toBe(target));

  test.each([
    'call   *%rax',
    'jmp    *0x0(,%rax,8)',
    'mov    %rax,%rbx',
    'notrack jmp *%rax',
    'add    $0x12,%al',
    'ret',
  ])('there is none in %s', (text) => expect(printedTarget(text)).toBeUndefined());
});
