import {
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_LINK_ORDER,
  SHF_MERGE,
  SHF_STRINGS,
  parseObjectFile,
  type RelocationSpecification,
  type SectionSpecification,
} from '@kelp/core/elf';
import { describe, expect, test } from 'vitest';
import { isOrdinaryName, looksSpecial, readSignals, type Signals } from '../src/section-detector.ts';
import { code, data, rela, toyModule } from './toy-architecture.ts';

const [inCode, inData, external] = [1, 2, 3];

interface Judgment {
  readonly special: boolean;
  readonly signals: Signals;
}

/** What the detector says about a section; symbol 1 is in code, 2 in data, 3 is somebody else's. */
function judge(
  section: SectionSpecification,
  relocations: readonly Partial<RelocationSpecification>[] = [],
): Judgment {
  const object = parseObjectFile(
    toyModule([section, code(), data('.data', 64), rela(1, relocations)], {
      symbols: [
        { name: 'work', section: 2 },
        { name: 'table', section: 3 },
        { name: 'printk', section: 0, binding: 1 },
      ],
    }),
  );
  const [, judged, , , holder] = object.sections;
  if (judged === undefined || holder === undefined) throw new Error('the file lost a section');
  const table = relocations.length === 0 ? undefined : object.relocations(holder);
  return { special: looksSpecial(object, judged, table), signals: readSignals(object, judged, table) };
}

/** Relocations at every multiple of a stride. */
function every(
  stride: number,
  size: number,
  symbol: number,
  first = 0,
): readonly Partial<RelocationSpecification>[] {
  return Array.from({ length: Math.floor(size / stride) }, (_, entry) => ({
    offset: entry * stride + first,
    symbol,
  }));
}

describe('an ordinary name is', () => {
  test.each([
    '.text',
    '.text.unlikely',
    '.text.work',
    '.init.text',
    '.exit.text',
    '.ref.text',
    '.data',
    '.data.rel.ro',
    '.data..read_mostly',
    '.init.data',
    '.rodata',
    '.rodata.str1.8',
    '.init.rodata',
    '.bss',
    '.bss..page_aligned',
    '.sdata',
    '.text$hot',
    '.tbss',
    '.init',
    '.fini',
    '.eh_frame',
    '.comment',
    '.group',
  ])('%s', (name) => {
    expect(isOrdinaryName(name)).toBe(true);
  });

  test.each([
    '__ex_table',
    '.altinstructions',
    '.static_call.text',
    '.noinstr.text',
    '.textual',
    '.databases',
    '.init.setup',
    '.initcall',
    '.data_sites',
    'text',
    '',
    '.',
  ])('not %j', (name) => {
    expect(isOrdinaryName(name)).toBe(false);
  });
});

describe('the detector finds', () => {
  test('a table of pointers into code', () => {
    expect(judge(data('__made_up', 32), every(8, 32, inCode))).toEqual({
      special: true,
      signals: { pointsIntoCode: true, stride: 8, declaresEntries: false },
    });
  });

  test('a table of structures that point into code and elsewhere', () => {
    const size = 5 * 24;
    const relocations = [...every(24, size, inCode), ...every(24, size, external, 8)];
    expect(judge(data('__made_up', size), relocations)).toMatchObject({
      special: true,
      signals: { pointsIntoCode: true, stride: 24 },
    });
  });

  test('a table of structures that do not point into code', () => {
    expect(judge(data('__made_up', 48), every(16, 48, inData, 8))).toMatchObject({
      special: true,
      signals: { pointsIntoCode: false, stride: 16 },
    });
  });

  test('a single pointer into code', () => {
    expect(judge(data('__made_up', 8), [{ offset: 0, symbol: inCode }])).toMatchObject({
      special: true,
      signals: { pointsIntoCode: true, stride: undefined },
    });
  });

  test('a table without relocations that declares the size of its entries', () => {
    expect(judge(data('__made_up', 32, { entrySize: 8 }))).toMatchObject({
      special: true,
      signals: { declaresEntries: true },
    });
  });

  test('a section that is linked to another', () => {
    expect(judge(data('__made_up', 32, { flags: SHF_ALLOC | SHF_LINK_ORDER })).special).toBe(true);
  });

  test('executable bytes under a name that no compiler gives', () => {
    expect(judge(data('.made_up.text', 32, { flags: SHF_ALLOC | SHF_EXECINSTR })).special).toBe(true);
  });
});

describe('the detector finds nothing in', () => {
  test.each(['.text.work', '.rodata', '.data.rel.ro', '.init.data', '.exit.text'])(
    '%s, whatever it points at',
    (name) => {
      expect(judge(data(name, 32), every(8, 32, inCode)).special).toBe(false);
    },
  );

  test('text of a compiler', () => {
    expect(judge(code('.text.work')).special).toBe(false);
  });

  test('merged strings, whose entries are bytes', () => {
    const flags = SHF_ALLOC | SHF_MERGE | SHF_STRINGS;
    expect(judge(data('__strings', 32, { flags, entrySize: 1 })).special).toBe(false);
  });

  test('an empty section', () => {
    expect(judge(data('__made_up', 0, { entrySize: 8 })).special).toBe(false);
  });

  test('a section that is not loaded', () => {
    expect(judge(data('__made_up', 32, { flags: 0n }), every(8, 32, inCode)).special).toBe(false);
  });

  test('bytes without any signal', () => {
    expect(judge(data('__made_up', 32))).toEqual({
      special: false,
      signals: { pointsIntoCode: false, stride: undefined, declaresEntries: false },
    });
  });

  test('bytes with pointers at no stride', () => {
    const offsets = [0, 8, 20].map((offset) => ({ offset, symbol: inData }));
    expect(judge(data('__made_up', 32), offsets)).toMatchObject({
      special: false,
      signals: { stride: undefined },
    });
  });
});

function strideOf(
  size: number,
  relocations: readonly Partial<RelocationSpecification>[],
): number | undefined {
  return judge(data('__made_up', size), relocations).signals.stride;
}

describe('the stride', () => {
  test('is the smallest that repeats', () => {
    expect(strideOf(64, every(8, 64, inData))).toBe(8);
  });

  test('needs two entries', () => {
    expect(strideOf(8, every(8, 8, inData))).toBeUndefined();
  });

  test('covers the whole section', () => {
    expect(strideOf(64, every(8, 32, inData))).toBeUndefined();
  });

  test('divides the size', () => {
    expect(strideOf(60, every(8, 64, inData).slice(0, 8))).not.toBe(8);
  });

  test('may be 128 and not more', () => {
    expect([strideOf(256, every(128, 256, inData)), strideOf(272, every(136, 272, inData))]).toEqual([
      128,
      undefined,
    ]);
  });

  test('does not depend on the order of the relocations', () => {
    expect(strideOf(48, every(16, 48, inData, 4).toReversed())).toBe(16);
  });

  test('takes two relocations at one place for one', () => {
    expect(strideOf(32, [...every(16, 32, inData), ...every(16, 32, inCode)])).toBe(16);
  });
});

test('a symbol that the file does not have is an error', () => {
  expect(() => judge(data('__made_up', 8), [{ offset: 0, symbol: 99 }])).toThrow(
    expect.objectContaining({ code: 'elf/symbol-index' }),
  );
});
