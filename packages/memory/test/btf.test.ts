import { describe, expect, test } from 'vitest';
import { btfSize } from '../src/btf-format.ts';
import { parseBtf } from '../src/btf.ts';
import { BtfBuilder } from './btf-data.ts';
import { refusal, refused } from './refusal.ts';

describe.each(['little', 'big'] as const)('%s-endian type information', (byteOrder) => {
  const builder = new BtfBuilder(byteOrder);
  const long = builder.int('long unsigned int', 8);
  const word = builder.int('unsigned int', 4);
  const pointer = builder.pointer(long);
  const list = builder.struct('list_head', 16, [
    { name: 'next', type: pointer, offset: 0 },
    { name: 'prev', type: pointer, offset: 8 },
  ]);
  const name = builder.array(builder.int('char', 1), 56);
  const inner = builder.struct('', 8, [
    { name: 'a', type: word, offset: 0 },
    { name: 'b', type: word, offset: 4 },
  ]);
  const either = builder.struct(
    '',
    8,
    [
      { name: 'whole', type: long, offset: 0 },
      { name: '', type: inner, offset: 0 },
    ],
    5,
  );
  const constant = builder.alias(10, builder.alias(8, builder.alias(18, list), 'list_t'));
  builder.other(13, 2, [0, long, 0, long]);
  builder.other(14, 0, [1]);
  builder.other(19, 1, [0, 1, 2]);
  builder.struct('module', 128, [
    { name: 'state', type: word, offset: 0 },
    { name: 'list', type: constant, offset: 8 },
    { name: 'name', type: name, offset: 24 },
    { name: '', type: either, offset: 80 },
    { name: 'flag', type: word, offset: 88, bits: 1 },
    { name: 'percpu', type: pointer, offset: 96 },
  ]);
  builder.enum('mod_mem_type', { MOD_TEXT: 0, MOD_DATA: 1, MOD_INVALID: -1 });
  builder.struct('list_head', 99, []);
  const btf = parseBtf(builder.build(), byteOrder);
  const module = btf.struct('module');

  function offset(path: string): number | undefined {
    return module === undefined ? undefined : btf.member(module, path)?.offset;
  }

  test('tells the members of a struct', () => {
    expect(module?.size).toBe(128);
    expect(module?.members.map((member) => [member.name, member.offset])).toEqual([
      ['state', 0],
      ['list', 8],
      ['name', 24],
      ['', 80],
      ['percpu', 96],
    ]);
  });

  test('finds a member by path, through typedefs, qualifiers and anonymous types', () => {
    expect(
      ['list.prev', 'whole', 'b', 'percpu', 'flag', 'list.none', 'name.x', 'nothing'].map(offset),
    ).toEqual([16, 80, 84, 96, undefined, undefined, undefined, undefined]);
  });

  test('takes the first of several structs of a name', () => {
    expect(btf.struct('list_head')?.size).toBe(16);
    expect(btf.struct('list_t')).toBeUndefined();
    expect(btf.struct('constructor')).toBeUndefined();
  });

  test('tells arrays and enumerators', () => {
    expect(btf.arrayAt(name)).toMatchObject({ length: 56 });
    expect(btf.arrayAt(word)).toBeUndefined();
    expect([...(btf.enumerators('mod_mem_type') ?? [])]).toEqual([
      ['MOD_TEXT', 0],
      ['MOD_DATA', 1],
      ['MOD_INVALID', -1],
    ]);
    expect(btf.enumerators('module')).toBeUndefined();
  });
});

test('types that refer to themselves end somewhere', () => {
  const builder = new BtfBuilder('little');
  builder.alias(8, 1, 'self');
  const anonymous = builder.struct('outer', 8, [{ name: '', type: 2, offset: 0 }]);
  const btf = parseBtf(builder.build(), 'little');
  expect(btf.structAt(1)).toBeUndefined();
  expect(btf.structAt(anonymous)).toMatchObject({ name: 'outer' });
  const outer = btf.struct('outer');
  expect(outer && btf.member(outer, 'x')).toBeUndefined();
});

describe('kinds of types that are not known', () => {
  const builder = new BtfBuilder('little');
  builder.other(25, 2, [1, 2, 3]);
  const type = builder.struct('after', 4, []);

  test('are passed over where the kernel tells their size', () => {
    const layout = Array.from({ length: 26 }, (_, kind) =>
      kind === 25 ? ([4, 4] as const) : ([0, 0] as const),
    );
    const data = builder.build(layout);
    expect(btfSize(data, 'little')).toBe(data.length);
    expect(parseBtf(data, 'little').structAt(type)?.size).toBe(4);
  });

  test('are refused where it does not', () => {
    expect(refusal(() => parseBtf(builder.build(), 'little', '/v'))).toEqual(
      refused('memory/damaged-btf', /kind 25/u, '/v'),
    );
  });
});

describe('damaged type information', () => {
  const builder = new BtfBuilder('little');
  builder.struct('module', 8, [{ name: 'state', type: 0, offset: 0 }]);
  const whole = builder.build();

  test.each([
    ['without a header', Uint8Array.of(1, 2, 3), /no BTF header/u],
    ['of the other byte order', new BtfBuilder('big').build(), /no BTF header/u],
    ['that ends early', whole.subarray(0, whole.length - 4), /there/u],
  ])('%s is refused', (_, data, message) => {
    expect(refusal(() => parseBtf(data, 'little'))).toEqual(refused('memory/damaged-btf', message));
  });

  test('a type that does not end is refused', () => {
    const data = Uint8Array.from(whole);
    new DataView(data.buffer).setUint32(24 + 4, 0x0400_ffff, true);
    expect(refusal(() => parseBtf(data, 'little'))).toEqual(refused('memory/damaged-btf', /does not end/u));
  });
});
