import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatSymbolList, isWritable, parseSymbolList, SymbolList } from '../src/symbol-list.ts';

const list = `klp-convert-symbol-data.0.1
*vmlinux
state_show
printk
__ksymtab_printk
state_show
*ext4
state_show
__proto__
`;

function codeOf(text: string): unknown {
  try {
    parseSymbolList(text, 'symbols.klp');
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('a symbol list', () => {
  const symbols = parseSymbolList(list);

  it('has objects with their names in order', () => {
    expect([...symbols.objects]).toStrictEqual([
      ['vmlinux', ['state_show', 'printk', '__ksymtab_printk', 'state_show']],
      ['ext4', ['state_show', '__proto__']],
    ]);
  });

  it('tells who has a symbol, and how often', () => {
    expect(symbols.providers('state_show')).toStrictEqual([
      { object: 'vmlinux', count: 2 },
      { object: 'ext4', count: 1 },
    ]);
    expect(symbols.providers('constructor')).toStrictEqual([]);
    expect(symbols.count('ext4', '__proto__')).toBe(1);
    expect(symbols.count('xfs', 'state_show')).toBe(0);
  });

  it('tells what is exported', () => {
    expect([symbols.isExported('printk'), symbols.isExported('state_show')]).toStrictEqual([true, false]);
  });

  it('may open an object twice, end without a line break and have line breaks of DOS', () => {
    const again = parseSymbolList('klp-convert-symbol-data.0.1\r\n*a\r\nf\r\n*b\r\n*a\r\n\r\nf');
    expect([...again.objects]).toStrictEqual([
      ['a', ['f', 'f']],
      ['b', []],
    ]);
  });
});

describe('errors', () => {
  it.each([
    ['', 'symbol-list/empty'],
    [' \n\n', 'symbol-list/empty'],
    ['klp-convert-symbol-data.0.1\n', 'symbol-list/empty'],
    ['klp-convert-symbol-data.0.2\n*vmlinux\nf\n', 'symbol-list/header'],
    ['*vmlinux\nf\n', 'symbol-list/header'],
    ['klp-convert-symbol-data.0.1\nf\n*vmlinux\n', 'symbol-list/no-object'],
    ['klp-convert-symbol-data.0.1\n*\nf\n', 'symbol-list/object'],
  ])('%j: %s', (text, code) => {
    expect(codeOf(text)).toMatchObject({ name: 'KelpError', code, file: 'symbols.klp' });
  });

  it.each([
    ['a', ''],
    ['a', '*f'],
    ['a', 'f\ng'],
    ['', 'f'],
    ['a\r', 'f'],
  ])('object %j with symbol %j cannot be written', (object, name) => {
    expect(() => formatSymbolList(new Map([[object, [name]]]))).toThrow('symbol list cannot hold');
  });
});

it('what is written is read back', () => {
  const name = fc.string({ minLength: 1 }).filter(isWritable);
  const object = fc.string({ minLength: 1 }).filter((text) => !/[\r\n]/u.test(text));
  const objects = fc.array(fc.tuple(object, fc.array(name)), { minLength: 1 });
  fc.assert(
    fc.property(objects, (pairs) => {
      const map = new Map(pairs);
      const read = parseSymbolList(formatSymbolList(map));
      expect([...read.objects]).toStrictEqual([...map]);
      expect(read.providers(pairs[0]?.[1][0] ?? '')).toStrictEqual(
        new SymbolList(map).providers(pairs[0]?.[1][0] ?? ''),
      );
    }),
  );
});
