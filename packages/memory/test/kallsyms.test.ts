import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { parseKallsyms } from '../src/kallsyms.ts';
import { refusal, refused } from './refusal.ts';

const text = `\
0000000000035000 A cpu_number
ffffffff81000000 T _stext
ffffffff81000100 t helper
ffffffff81000200 t helper
ffffffff82b29520 D modules
ffffffffc0417000 t dummy_init\t[dummy]
ffffffffc0417040 t helper\t[dummy]
ffffffffc0441000 r __func__.0\t[tun]
`;
const bytes = Buffer.from(text);
const symbols = parseKallsyms(bytes);

describe('a symbol table', () => {
  test('has every line in order', () => {
    expect([...symbols].map(({ name, module }) => `${name} ${module ?? ''}`)).toEqual([
      'cpu_number ',
      '_stext ',
      'helper ',
      'helper ',
      'modules ',
      'dummy_init dummy',
      'helper dummy',
      '__func__.0 tun',
    ]);
    expect(symbols.size).toBe(8);
  });

  test('finds all symbols of a name, wherever they are defined', () => {
    expect(symbols.named('helper').map(({ address }) => address)).toEqual([
      0xffffffff81000100n,
      0xffffffff81000200n,
      0xffffffffc0417040n,
    ]);
    expect(symbols.namedIn('helper', 'dummy').map(({ address }) => address)).toEqual([0xffffffffc0417040n]);
    expect(symbols.namedIn('helper', undefined)).toHaveLength(2);
    expect(symbols.named('nothing')).toEqual([]);
  });

  test('gives an address only of the kernel image', () => {
    expect(symbols.address('modules')).toBe(0xffffffff82b29520n);
    expect(symbols.address('dummy_init')).toBeUndefined();
  });

  test('gives the symbols of one module', () => {
    expect(symbols.of('dummy').map(({ name }) => name)).toEqual(['dummy_init', 'helper']);
    expect(symbols.of(undefined)).toHaveLength(5);
    expect(symbols.of('unknown')).toEqual([]);
  });

  test('turns an address into the symbol before it and an offset', () => {
    expect(symbols.at(0xffffffffc0417044n)).toEqual({
      symbol: { name: 'helper', address: 0xffffffffc0417040n, type: 't', module: 'dummy' },
      offset: 4n,
    });
    expect(symbols.at(0x34fffn)).toBeUndefined();
  });

  test('a name of Object.prototype is a name like any other', () => {
    expect(symbols.named('constructor')).toEqual([]);
    const odd = parseKallsyms(Buffer.from('ffffffff81000000 T __proto__\n'));
    expect(odd.named('__proto__')).toHaveLength(1);
  });
});

test('a table compressed with gzip is read the same', () => {
  expect([...parseKallsyms(gzipSync(bytes))]).toEqual([...symbols]);
});

describe('a file that is not a symbol table', () => {
  test.each([
    [
      'a line without an address',
      'ffffffff81000000 T _stext\nhello\n',
      'memory/damaged-kallsyms',
      /line 2 is "hello"/,
    ],
    ['an address of 17 digits', '0ffffffff81000000 T _stext\n', 'memory/damaged-kallsyms', /line 1/],
    ['a type of two letters', 'ffffffff81000000 TT _stext\n', 'memory/damaged-kallsyms', /line 1/],
    ['no name', 'ffffffff81000000 T \n', 'memory/damaged-kallsyms', /line 1/],
    ['a module without brackets', 'ffffffff81000000 T a\tb\n', 'memory/damaged-kallsyms', /line 1/],
    [
      'a last line that is cut off',
      'ffffffff81000000 T _stext\nffffffff8100',
      'memory/truncated',
      /last line/,
    ],
    ['nothing', '', 'memory/truncated', /no symbols/],
    [
      'hidden addresses',
      '0000000000000000 T _stext\n0000000000000000 t a\n',
      'memory/hidden-addresses',
      /kptr_restrict/,
    ],
  ])('is refused: %s', (_, content, code, message) => {
    expect(refusal(() => parseKallsyms(Buffer.from(content), '/k'))).toEqual(refused(code, message, '/k'));
  });

  test('a truncated gzip file is called that', () => {
    const packed = gzipSync(bytes);
    expect(refusal(() => parseKallsyms(packed.subarray(0, packed.length - 12)))).toEqual(
      refused('memory/truncated'),
    );
  });

  test('a damaged gzip file is called that', () => {
    const packed = Uint8Array.from(gzipSync(bytes));
    packed.fill(0xff, 12, 40);
    expect(refusal(() => parseKallsyms(packed))).toEqual(refused('memory/damaged-kallsyms'));
  });
});
