import { SHF_ALLOC } from '@kelp/core/elf';
import { describe, expect, test } from 'vitest';
import { loadModule, type LoadedModule } from '../src/index.ts';
import { data, progbits, rela, text, toyInput, toyObject } from './toy.ts';

function section(loaded: LoadedModule, name: string): Uint8Array | undefined {
  const found = loaded.image.section(name);
  return found === undefined ? undefined : loaded.image.read(found.address, found.size);
}

describe('loadModule', () => {
  test('relocates with addresses, imports and weak symbols', () => {
    const object = toyObject(
      [
        progbits('.text', text, new Uint8Array(16), 8),
        rela(1, [
          { offset: 4, type: 2, symbol: 2, addend: -4n },
          { offset: 8, type: 1, symbol: 3, addend: 8n },
        ]),
        progbits('.data', data, new Uint8Array(24), 8),
        rela(3, [{ offset: 16, type: 1, symbol: 4, addend: 1n }]),
      ],
      [
        { name: '', section: 3, type: 3 },
        { name: 'import', section: 0, binding: 1 },
        { name: 'global', section: 3, value: 8n, binding: 1 },
        { name: 'weak', section: 0, binding: 2 },
      ],
    );
    const external = {
      address: (name: string) => (name === 'import' ? 0x10100n : undefined),
      functionAt: () => undefined,
    };
    const loaded = loadModule(toyInput(object, { external }));
    expect(loaded.refused).toBeUndefined();
    expect(section(loaded, '.text')).toEqual(
      Uint8Array.of(0x5e, 0, 0, 0, 0xf8, 0, 0, 0, 0x10, 0, 0x02, 0, 0, 0, 0, 0),
    );
    expect(section(loaded, '.data')?.[16]).toBe(1);
  });

  test('an import that nobody exports is refused with ENOENT', () => {
    const object = toyObject(
      [progbits('.text', text, new Uint8Array(8))],
      [{ name: 'missing', section: 0, binding: 1 }],
    );
    expect(loadModule(toyInput(object)).refused).toMatchObject({ errno: 'ENOENT', symbol: 'missing' });
  });

  test('an overflow is refused with section and offset; what was written before stays', () => {
    const object = toyObject(
      [
        progbits('.text', text, new Uint8Array(16)),
        rela(1, [
          { offset: 8, type: 1, symbol: 0, addend: 7n },
          { offset: 4, type: 2, symbol: 0, addend: 1n << 40n },
        ]),
      ],
      [],
    );
    const loaded = loadModule(toyInput(object));
    expect(loaded.refused).toMatchObject({
      phase: 'relocate',
      errno: 'ENOEXEC',
      section: '.text',
      offset: 4,
    });
    expect(section(loaded, '.text')?.[8]).toBe(7);
  });

  test('a type that the architecture does not know is refused', () => {
    const object = toyObject([
      progbits('.text', text, new Uint8Array(8)),
      rela(1, [{ offset: 0, type: 99, symbol: 0, addend: 0n }]),
    ]);
    expect(loadModule(toyInput(object)).refused?.reason).toContain('99');
  });

  test('a step that is left out writes nothing', () => {
    const object = toyObject([progbits('.text', text, new Uint8Array(8))]);
    expect(section(loadModule(toyInput(object)), '.text')?.[0]).toBe(0x5e);
    expect(section(loadModule(toyInput(object, { without: new Set(['seal']) })), '.text')?.[0]).toBe(0);
  });

  test('areas are found through the addresses of their sections, and a contradiction is reported', () => {
    const object = toyObject([
      progbits('.text', text, new Uint8Array(8)),
      progbits('.a', SHF_ALLOC, new Uint8Array(8)),
      progbits('.b', SHF_ALLOC, new Uint8Array(8)),
    ]);
    const sections = new Map([
      ['.text', 0x7000n],
      ['.a', 0x8000n],
      ['.b', 0x8010n],
    ]);
    const loaded = loadModule(toyInput(object, { addresses: { sections } }));
    expect(loaded.image.section('.text')?.address).toBe(0x7000n);
    expect(loaded.findings).toHaveLength(1);
    expect(loaded.findings[0]).toMatchObject({ code: 'load/layout', place: { section: '.b' } });
  });

  test('without any address there is nothing to load to', () => {
    const object = toyObject([progbits('.text', text, new Uint8Array(8))]);
    expect(() => loadModule(toyInput(object, { addresses: {} }))).toThrow(/no address/u);
  });
});

/** One jump label whose key lies at .data+8; bit 0 of the key and its count are given. */
function jumpLabel(branch: 0 | 1, count: number): LoadedModule {
  const key = new Uint8Array(16);
  key[8] = count;
  const object = toyObject(
    [
      progbits('.text', text, new Uint8Array(32)),
      progbits('.data', data, key, 8),
      progbits('__jump_table', data, new Uint8Array(16), 8),
      rela(3, [
        { offset: 0, type: 2, symbol: 1, addend: 4n },
        { offset: 4, type: 2, symbol: 1, addend: 20n },
        { offset: 8, type: 3, symbol: 2, addend: 8n + BigInt(branch) },
      ]),
    ],
    [
      { name: '', section: 1, type: 3 },
      { name: '', section: 2, type: 3 },
    ],
  );
  return loadModule(toyInput(object));
}

describe('generic consumers', () => {
  /** Two exception entries, the second for the lower address; .text has index 1. */
  const exceptions = toyObject(
    [
      progbits('.text', text, new Uint8Array(32)),
      progbits(
        '__ex_table',
        SHF_ALLOC,
        Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 4, 0),
      ),
      rela(2, [
        { offset: 0, type: 2, symbol: 1, addend: 8n },
        { offset: 4, type: 2, symbol: 1, addend: 24n },
        { offset: 12, type: 2, symbol: 1, addend: 4n },
        { offset: 16, type: 2, symbol: 1, addend: 28n },
      ]),
    ],
    [{ name: '', section: 1, type: 3 }],
  );

  test('the exception table is sorted, its distances follow', () => {
    const table = section(loadModule(toyInput(exceptions)), '__ex_table') ?? new Uint8Array();
    const view = new DataView(table.buffer);
    const at = (offset: number): number => 0x30000 + offset + view.getInt32(offset, true);
    expect([at(0), at(4), at(12), at(16)]).toEqual([0x10004, 0x1001c, 0x10008, 0x10018]);
    expect([view.getInt16(8, true), view.getInt16(20, true)]).toEqual([3, 1]);
  });

  test.each([
    [0, 0, 0x90],
    [0, 1, 0xea],
    [1, 0, 0xea],
    [1, 1, 0x90],
  ] as const)('a site with branch %i and a key of %i is %i', (branch, count, expected) => {
    const loaded = jumpLabel(branch, count);
    expect(section(loaded, '.text')?.[4]).toBe(expected);
    expect(loaded.open.map(({ kind, id }) => `${kind} ${id}`)).toEqual(['jump-label 0x20008']);
  });

  test('an answer decides all sites of a key', () => {
    const object = jumpLabel(0, 0).image.object;
    const loaded = loadModule(toyInput(object, { answers: new Map([['jump-label 0x20008', 'enabled']]) }));
    expect(section(loaded, '.text')?.[4]).toBe(0xea);
    expect(loaded.open).toEqual([]);
  });

  test('a likely answer is taken, and the question stays open', () => {
    const object = jumpLabel(0, 0).image.object;
    const loaded = loadModule(toyInput(object, { likely: new Map([['jump-label 0x20008', 'enabled']]) }));
    expect(section(loaded, '.text')?.[4]).toBe(0xea);
    expect(loaded.open).toHaveLength(1);
  });

  test('ftrace sites are sorted and written, entries of 0 are not', () => {
    const object = toyObject(
      [
        progbits('.text', text, new Uint8Array(32)),
        progbits('__mcount_loc', SHF_ALLOC, new Uint8Array(24), 8),
        rela(2, [
          { offset: 0, type: 1, symbol: 1, addend: 16n },
          { offset: 16, type: 1, symbol: 1, addend: 8n },
        ]),
      ],
      [{ name: '', section: 1, type: 3 }],
    );
    const loaded = loadModule(toyInput(object));
    expect(section(loaded, '.text')?.[16]).toBe(0xf7);
    const table = new DataView((section(loaded, '__mcount_loc') ?? new Uint8Array()).buffer);
    expect([0, 8, 16].map((offset) => table.getBigUint64(offset, true))).toEqual([0n, 0x10008n, 0x10010n]);
  });
});
