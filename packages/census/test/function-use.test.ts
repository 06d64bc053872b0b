import { parseObjectFile, type SymbolSpecification } from '@kelp/core/elf';
import { describe, expect, test } from 'vitest';
import { CensusBuilder } from '../src/census-builder.ts';
import { functionJson } from '../src/function-json.ts';
import { subsystemOf, type FunctionInventory } from '../src/function-inventory.ts';
import { judgeFunctions, type FunctionVerdicts } from '../src/function-verdicts.ts';
import { Inventory } from '../src/inventory.ts';
import { code, data, modinfo, rela, toy, toyModule } from './toy-architecture.ts';

/** .text holds first (0-16), second (16-32) and nothing from 32 on; .data and __dyndbg hold keys. */
const symbols: readonly SymbolSpecification[] = [
  { name: '', section: 1, type: 3 },
  { name: '', section: 2, type: 3 },
  { name: '', section: 3, type: 3 },
  { name: 'first', section: 1, value: 0n, size: 16n, type: 2 },
  { name: 'alias', section: 1, value: 0n, size: 16n, type: 2 },
  { name: '__pfx_second', section: 1, value: 12n, size: 4n, type: 2 },
  { name: 'second', section: 1, value: 16n, size: 16n, type: 2 },
  { name: 'own_key', section: 2, value: 8n, size: 16n, type: 1 },
  { name: '__tracepoint_ready', section: 2, value: 32n, size: 16n, type: 1 },
  { name: 'descriptor.3', section: 3, value: 0n, size: 32n, type: 1 },
  { name: '__ksymtab_own_key', section: 2, value: 60n },
  { name: 'other_key', section: 0, binding: 1 },
  { name: '__tracepoint_other', section: 0, binding: 1 },
];
const [text, keys, dyndbg] = [1, 2, 3];
const otherKey = 12;
const otherTracepoint = 13;

/** One jump label: where it is, and symbol and addend of its key; bit 1 of the key is a flag. */
type Label = readonly [code: number, key: readonly [symbol: number, addend: number]];

function moduleWith(
  labels: readonly Label[],
  path = 'lib/modules/6.1.0/kernel/net/x/x.ko',
): FunctionInventory {
  const relocations = labels.flatMap(([at, [symbol, addend]], index) => [
    { offset: index * 16, symbol: text, type: 2, addend: BigInt(at) },
    { offset: index * 16 + 4, symbol: text, type: 2, addend: BigInt(at + 4) },
    { offset: index * 16 + 8, symbol, addend: BigInt(addend + 2) },
  ]);
  const sections = [
    code('.text', 64),
    data('.data', 64),
    data('__dyndbg', 32),
    data('__jump_table', labels.length * 16),
    rela(4, relocations),
    modinfo('6.1.0'),
  ];
  const { functions } = new Inventory([toy]).take(parseObjectFile(toyModule(sections, { symbols }), path));
  if (functions === undefined) throw new Error('no functions');
  return functions;
}

function judge(...modules: readonly FunctionInventory[]): FunctionVerdicts {
  const builder = new CensusBuilder();
  for (const functions of modules)
    builder.addInventory({
      architecture: toy,
      release: '6.1.0',
      image: false,
      sections: [],
      relocations: [],
      functions,
    });
  const [kernel] = builder.census().architectures['toy']?.kernels ?? [];
  if (kernel === undefined) throw new Error('no kernel');
  return judgeFunctions(kernel.functions);
}

/** Function, verdict and key of each judged function. */
function listed({ list }: FunctionVerdicts): readonly (readonly [string, string, string])[] {
  return list.map((one) => [one.function, one.verdict, one.keys.map(({ key }) => key).join()]);
}

describe('the functions of a module', () => {
  test('are its symbols: aliases count, prefixes do not', () => {
    expect(moduleWith([]).functions).toBe(3);
  });

  test('carry the entries that name them; an entry that names one twice counts once', () => {
    const { sections } = moduleWith([
      [0, [keys, 8]],
      [4, [keys, 8]],
      [16, [keys, 8]],
    ]);
    expect(sections).toEqual([{ section: '__jump_table', functions: 2, entries: 3, outside: 0 }]);
  });

  test('an entry that names two counts for both, one in neither is outside', () => {
    const { sections } = moduleWith([
      [12, [keys, 8]],
      [40, [keys, 8]],
    ]);
    expect(sections).toEqual([{ section: '__jump_table', functions: 2, entries: 2, outside: 1 }]);
  });

  test('are told apart where two have one name', () => {
    const twins = [
      { name: 'show', section: 1, value: 0n, size: 8n, type: 2 },
      { name: 'show', section: 1, value: 8n, size: 8n, type: 2 },
      { name: 'key', section: 0, binding: 1 },
    ];
    const relocations = [
      { offset: 0, symbol: 1, type: 2 },
      { offset: 4, symbol: 3, type: 2 },
      { offset: 8, symbol: 2, type: 2 },
      { offset: 12, symbol: 3, type: 2 },
    ];
    const sections = [code(), data('.static_call_sites', 16), rela(2, relocations)];
    const { functions } = new Inventory([toy]).take(parseObjectFile(toyModule(sections, { symbols: twins })));
    expect(functions?.keys.map(({ name }) => name)).toEqual(['show@.text+0x0', 'show@.text+0x8']);
  });

  test('are found through fields that count from the start of the entry', () => {
    const relocations = [
      { offset: 0, symbol: text, addend: 20n },
      { offset: 8, symbol: text, addend: 24n + 8n },
    ];
    const sections = [
      code('.text', 64),
      data('.data', 64),
      data('x', 8),
      data('__fixups', 16),
      rela(4, relocations),
    ];
    const { functions } = new Inventory([toy]).take(parseObjectFile(toyModule(sections, { symbols })));
    expect(functions?.sections).toEqual([{ section: '__fixups', functions: 1, entries: 1, outside: 0 }]);
  });

  test('relocations in another order give the same counts', () => {
    const relocations = [
      { offset: 24, symbol: keys, addend: 8n },
      { offset: 16, symbol: text, type: 2, addend: 20n },
      { offset: 20, symbol: text, type: 2, addend: 24n },
      { offset: 8, symbol: keys, addend: 8n },
      { offset: 4, symbol: text, type: 2, addend: 4n },
      { offset: 0, symbol: text, type: 2, addend: 0n },
    ];
    const sections = [
      code('.text', 64),
      data('.data', 64),
      data('x', 8),
      data('__jump_table', 32),
      rela(4, relocations),
    ];
    const { functions } = new Inventory([toy]).take(parseObjectFile(toyModule(sections, { symbols })));
    expect(functions?.sections).toEqual([{ section: '__jump_table', functions: 2, entries: 2, outside: 0 }]);
    expect(functions?.keys.map(({ name }) => name)).toEqual(['first', 'second']);
  });

  test('of a kernel image are not counted', () => {
    const { functions } = new Inventory([toy]).take(
      parseObjectFile(toyModule([code()], { type: 2, symbols: [] })),
    );
    expect(functions).toBeUndefined();
  });
});

test('an entry or a function that a hostile file names very often costs no more than its relocations', () => {
  const many = 60_000;
  const crowd = Array.from({ length: many }, (_none, index) => {
    return { name: `f${index}`, section: 1, value: BigInt(index), size: 1n, type: 2 };
  });
  const relocations = [
    ...crowd.map((_one, index) => ({ offset: 0, symbol: index + 1, type: 2 })),
    ...crowd.flatMap((_one, index) => [
      { offset: 16 + index * 16, symbol: 1, type: 2 },
      { offset: 20 + index * 16, symbol: 1, type: 2 },
      { offset: 24 + index * 16, symbol: index + 1, type: 1 },
    ]),
  ];
  const sections = [code('.text', many), data('__fixups', 16), data('__jump_table', (many + 1) * 16)];
  const bytes = toyModule(
    [...sections, rela(2, relocations.slice(0, many)), rela(3, relocations.slice(many))],
    { symbols: crowd },
  );
  const started = performance.now();
  new Inventory([toy]).take(parseObjectFile(bytes));
  // With a search of the list for each it would be minutes.
  expect(performance.now() - started).toBeLessThan(10_000);
});

describe('the verdict', () => {
  test('is refused for a key of the module itself, found by section and offset', () => {
    const verdicts = judge(moduleWith([[0, [keys, 8]]]));
    expect(listed(verdicts)).toEqual([['first', 'refused', 'own_key']]);
    expect(verdicts).toMatchObject({ functions: 3, keyed: 1, losing: 0 });
  });

  test('is losing for tracepoints of the module, which no list needs', () => {
    const verdicts = judge(moduleWith([[0, [keys, 40]]]));
    expect(listed(verdicts)).toEqual([]);
    expect(verdicts).toMatchObject({ keyed: 1, losing: 1 });
  });

  test('is unrecognized for a pr_debug() under another name', () => {
    expect(listed(judge(moduleWith([[16, [dyndbg, 16]]])))).toEqual([
      ['second', 'unrecognized', 'descriptor.3'],
    ]);
  });

  test('of several keys is the worst', () => {
    const verdicts = judge(
      moduleWith([
        [0, [keys, 40]],
        [0, [dyndbg, 16]],
        [4, [keys, 8]],
      ]),
    );
    expect(listed(verdicts)).toEqual([['first', 'refused', 'own_key']]);
    expect(verdicts.losing).toBe(0);
  });

  test('is none for a key of the kernel image', () => {
    const verdicts = judge(moduleWith([[0, [otherKey, 0]]]));
    expect([listed(verdicts), verdicts.keyed, verdicts.losing]).toEqual([[], 1, 0]);
  });

  test('is refused for a key that another module exports, whichever is scanned first', () => {
    const user = moduleWith([[0, [otherKey, 0]]]);
    const owner = { ...moduleWith([]), module: 'kernel/net/y.ko', exports: ['other_key'] };
    for (const order of [
      [user, owner],
      [owner, user],
    ])
      expect(listed(judge(...order))).toEqual([['first', 'refused', 'other_key']]);
  });

  test('is losing for a tracepoint that another module exports', () => {
    const user = moduleWith([[0, [otherTracepoint, 8]]]);
    expect(judge(user).losing).toBe(0);
    expect(judge({ ...user, exports: ['__tracepoint_other'] }).losing).toBe(1);
  });

  test('counts twice for a module that is merged twice', () => {
    const one = moduleWith([
      [0, [keys, 8]],
      [16, [keys, 8]],
    ]);
    expect(listed(judge(one, one)).map(([name]) => name)).toEqual(['first', 'first', 'second', 'second']);
    expect(judge(one, one).functions).toBe(6);
  });

  test('stands under the subsystem of the module', () => {
    const { subsystems } = judge(
      moduleWith([[0, [keys, 8]]]),
      moduleWith([[0, [dyndbg, 16]]], 'lib/modules/6.1.0/kernel/fs/y/y.ko'),
    );
    expect(subsystems).toEqual([
      { subsystem: 'fs/y', modules: 1, functions: 3, keyed: 1, losing: 0, refused: 0, unrecognized: 1 },
      { subsystem: 'net/x', modules: 1, functions: 3, keyed: 1, losing: 0, refused: 1, unrecognized: 0 },
    ]);
  });
});

test('only data objects that the module defines are exports that may be keys', () => {
  expect(moduleWith([]).exports).toEqual(['own_key']);
});

test('the JSON has totals, sections and the list of each kernel', () => {
  const builder = new CensusBuilder();
  const functions = moduleWith([[0, [keys, 8]]]);
  builder.addInventory({
    architecture: toy,
    release: '6.1.0',
    image: false,
    sections: [],
    relocations: [],
    functions,
  });
  expect(functionJson(builder.census())).toMatchObject({
    schema: 1,
    kernels: [
      {
        architecture: 'toy',
        release: '6.1.0',
        functions: 3,
        refused: 1,
        unrecognized: 0,
        sections: [{ section: '__jump_table', functions: 1, entries: 1, outside: 0 }],
        list: [{ module: 'kernel/net/x/x.ko', function: 'first', verdict: 'refused' }],
      },
    ],
  });
});

test.each([
  ['kernel/drivers/net/ethernet/intel/e1000/e1000.ko', 'drivers/net'],
  ['kernel/fs/fuse.ko', 'fs'],
  ['kernel/crypto/aes.ko', 'crypto'],
  ['kernel/x.ko', 'kernel'],
  ['updates/dkms/zfs.ko', 'other'],
  ['x.ko', 'other'],
])('the subsystem of %s is %s', (module, subsystem) => {
  expect(subsystemOf(module)).toBe(subsystem);
});
