import { KelpError, parseConfiguration } from '@kelp/core';
import {
  parseObjectFile,
  SHF_ALLOC,
  SHF_INFO_LINK,
  SHF_RELA_LIVEPATCH,
  SHN_LIVEPATCH,
  SHT_PROGBITS,
  type SectionSpecification,
  type SymbolSpecification,
} from '@kelp/core/elf';
import { describe, expect, test } from 'vitest';
import { inspect, type InspectedSection, type Inspection, type InspectOptions } from '../src/index.ts';
import { code, data, modinfo, rela, toy, toyMachine, toyModule } from './toy-architecture.ts';

const symbols: readonly SymbolSpecification[] = [
  { name: 'target', binding: 1, section: 1 },
  { name: '_printk', binding: 1, section: 0 },
];

function inspectModule(
  sections: readonly SectionSpecification[],
  options: Omit<InspectOptions, 'architectures'> = {},
  more: Parameters<typeof toyModule>[1] = {},
): Inspection {
  const object = parseObjectFile(toyModule(sections, { symbols, ...more }), 'toy.ko');
  return inspect(object, 'toy.ko', { architectures: [toy], ...options });
}

const codes = ({ findings }: Inspection): readonly string[] => findings.map((finding) => finding.code);

describe('the kernel', () => {
  test('is that of vermagic', () => {
    const { kernel, vermagic } = inspectModule([modinfo('6.1.176 SMP preempt')]);
    expect(kernel).toMatchObject({ release: '6.1.176', configuration: undefined });
    expect(vermagic).toBe('6.1.176 SMP preempt');
  });

  test('is the one that is given, with its configuration', () => {
    const configuration = parseConfiguration('CONFIG_TOY=y\n');
    const { kernel, vermagic } = inspectModule([modinfo('6.1.176 SMP')], {
      kernel: '7.3-rc7',
      configuration,
    });
    expect(kernel).toMatchObject({ release: '7.3-rc7', configuration });
    expect(vermagic).toBe('6.1.176 SMP');
  });

  test('that is given must be one', () => {
    expect(() => inspectModule([], { kernel: 'latest' })).toThrow(KelpError);
  });

  test.each([[[]], [[modinfo('99999.1 SMP')]], [[modinfo('')]]])(
    'is not known without a vermagic that can be read',
    (sections) => {
      const inspection = inspectModule(sections);
      expect(inspection.kernel).toBeUndefined();
      expect(inspection.refused).toBeNull();
      expect(codes(inspection)).toEqual(['kernel/unknown']);
    },
  );
});

describe('the file', () => {
  test('of no known architecture is refused', () => {
    expect(() => inspectModule([], {}, { machine: toyMachine + 1 })).toThrow(
      expect.objectContaining({ code: 'architecture/unsupported', file: 'toy.ko' }),
    );
  });

  test('has its modinfo tags and section headers', () => {
    const {
      modinfo: tags,
      sections,
      type,
      flags,
    } = inspectModule([modinfo('6.1'), code()], {}, { flags: 2 });
    expect(tags).toEqual([
      { tag: 'license', value: 'GPL' },
      { tag: 'vermagic', value: '6.1' },
    ]);
    expect([type, flags]).toEqual([1, 2]);
    expect(sections[0]).toMatchObject({ index: 0, name: '', type: 0 });
    expect(sections[2]).toEqual({
      index: 2,
      name: '.text',
      type: SHT_PROGBITS,
      flags: '0x6',
      bytes: 64,
      offset: 64 + '\0license=GPL\0vermagic=6.1'.length,
      alignment: 1,
      entrySize: 0,
      link: 0,
      info: 0,
    });
  });

  test('needs symbols that it does not define, each once and in order', () => {
    const { neededSymbols } = inspectModule(
      [modinfo('6.1')],
      {},
      {
        symbols: [
          { name: 'local', section: 1 },
          { name: '_printk', binding: 1, section: 0 },
          { name: 'memcpy', binding: 2, section: 0 },
          { name: '_printk', binding: 1, section: 0 },
          { name: '.klp.sym.vmlinux.state,2', binding: 1, section: SHN_LIVEPATCH, reserved: true },
          { name: 'target', binding: 1, section: 1 },
        ],
      },
    );
    expect(neededSymbols).toEqual(['.klp.sym.vmlinux.state,2', '_printk', 'memcpy']);
  });
});

describe('the loader', () => {
  test('accepts what the rows of the kernel accept', () => {
    expect(inspectModule([code(), rela(1, [{ type: 1 }, { type: 0 }]), modinfo('6.1')]).refused).toEqual([]);
  });

  test('refuses a type, in order of the file, with an errno', () => {
    const { refused } = inspectModule([
      code(),
      rela(1, [
        { offset: 8, type: 3000 },
        { offset: 16, type: 99, symbol: 2 },
      ]),
      modinfo('6.1'),
    ]);
    expect(
      refused?.map(({ errno, section, offset, typeName, symbol }) => [
        errno,
        section,
        offset,
        typeName,
        symbol,
      ]),
    ).toEqual([
      ['ENOEXEC', '.text', 8, 'R_TOY_FAR', ''],
      ['ENOEXEC', '.text', 16, undefined, '_printk'],
    ]);
  });

  test('is not asked about a file that is linked', () => {
    const inspection = inspectModule([code(), modinfo('6.1')], { kernel: '6.1' }, { type: 2 });
    expect(inspection.kernel?.release).toBe('6.1');
    expect(inspection.refused).toBeNull();
  });
});

/** `__bugs` in the layout before 6.12: two entries. */
const oldBugs = [
  data('__bugs', 16),
  rela(1, [
    { type: 2, symbol: 1, addend: 4n },
    { offset: 8, type: 2, symbol: 2 },
  ]),
];

function special(inspection: Inspection, name: string): InspectedSection {
  const found = inspection.special.find((section) => section.name === name);
  if (found === undefined) throw new Error(`no special section ${name}`);
  return found;
}

describe('special sections', () => {
  test('have the layout of the kernel', () => {
    const inspection = inspectModule([...oldBugs, modinfo('6.1')]);
    expect(special(inspection, '__bugs')).toMatchObject({
      bytes: 16,
      entrySize: 8,
      count: 2,
      foreignLayout: false,
      entries: null,
    });
    expect(codes(inspection)).toEqual([]);
  });

  test('in the layout of another kernel are decoded by it, which is noted', () => {
    const inspection = inspectModule([...oldBugs, modinfo('6.12')], { entries: true });
    const bugs = special(inspection, '__bugs');
    expect(bugs).toMatchObject({ entrySize: 8, count: 2, foreignLayout: true });
    expect(bugs.entries).toHaveLength(2);
    expect(inspection.findings).toMatchObject([
      { code: 'special-section/foreign-layout', severity: 'note', place: { section: '__bugs', offset: 0 } },
    ]);
  });

  test('of a size that no layout has are a finding', () => {
    const inspection = inspectModule([data('__bugs', 13), modinfo('6.1')]);
    expect(special(inspection, '__bugs')).toMatchObject({ entrySize: null, count: null });
    expect(inspection.findings).toMatchObject([
      {
        code: 'special-section/layout',
        severity: 'warning',
        message: '13 bytes fit no entry layout that is known',
      },
    ]);
  });

  test('without entries or bytes are no finding', () => {
    const inspection = inspectModule([data('.thunks', 7), data('__bugs', 0), modinfo('6.1')]);
    expect(special(inspection, '.thunks')).toMatchObject({
      entrySize: null,
      count: null,
      row: { name: '.thunks' },
    });
    expect(codes(inspection)).toEqual([]);
  });

  test('that only look special are a finding', () => {
    const inspection = inspectModule([code('.new_code'), modinfo('6.1')]);
    expect(special(inspection, '.new_code').row).toBeNull();
    expect(inspection.findings).toMatchObject([
      { code: 'special-section/unknown', place: { section: '.new_code' } },
    ]);
  });

  test('are those of the kernel that is given, not of vermagic', () => {
    // In 6.1 nothing is known of the section, and nothing in the file gives it away.
    const sections = [data('__calls', 8), modinfo('6.1')];
    expect(inspectModule(sections).special).toEqual([]);
    expect(special(inspectModule(sections, { kernel: '6.12' }), '__calls').row).toMatchObject({
      name: '__calls',
    });
  });

  test('of one name are all inspected', () => {
    const inspection = inspectModule([
      ...oldBugs,
      data('__bugs', 8),
      rela(3, [{ type: 2, symbol: 1 }]),
      modinfo('6.1'),
    ]);
    expect(inspection.special.filter(({ name }) => name === '__bugs').map(({ count }) => count)).toEqual([
      2, 1,
    ]);
  });

  test('are found by their own header where the first header is not empty', () => {
    const bytes = toyModule([data('__bugs', 8), rela(1, [{ type: 2, symbol: 1 }]), modinfo('6.1')], {
      symbols,
    });
    const view = new DataView(bytes.buffer);
    const headers = Number(view.getBigUint64(40, true));
    // sh_type of section 0; its name is empty and it has no bytes.
    view.setUint32(headers + 4, SHT_PROGBITS, true);
    const inspection = inspect(parseObjectFile(bytes), 'toy.ko', { architectures: [toy] });
    expect(special(inspection, '__bugs')).toMatchObject({ bytes: 8, count: 1 });
  });
});

describe('entries', () => {
  const sections = [...oldBugs, data('.thunks', 4), data('__bugs', 0), modinfo('6.1')];

  test('are not decoded unless they are asked for', () => {
    expect(inspectModule(sections).special.every(({ entries }) => entries === null)).toBe(true);
  });

  test('of all sections have a value for each field', () => {
    expect(special(inspectModule(sections, { entries: true }), '__bugs').entries).toEqual([
      [
        { field: 'place', value: '__bugs+0x4' },
        { field: 'line', value: '0' },
        { field: 'flags', value: '0' },
      ],
      [
        { field: 'place', value: '_printk' },
        { field: 'line', value: '0' },
        { field: 'flags', value: '0' },
      ],
    ]);
  });

  test('of named sections only', () => {
    const inspection = inspectModule([...sections, data('__jumps', 0)], { entries: ['__bugs'] });
    expect(inspection.special.filter(({ entries }) => entries !== null).map(({ name }) => name)).toEqual([
      '__bugs',
    ]);
    expect(codes(inspection)).toEqual([]);
  });

  test.each([
    ['__jumps', 'the file has no special section of this name, so no entries are shown'],
    ['.modinfo', 'the file has no special section of this name, so no entries are shown'],
    [
      '.thunks',
      'no entries are shown: the section is empty, or its entries have no fixed size that is known',
    ],
  ])('of %s cannot be shown, which is noted', (name, message) => {
    const { findings } = inspectModule(sections, { entries: [name] });
    expect(findings).toMatchObject([
      { code: 'special-section/no-entries', severity: 'note', place: { section: name }, message },
    ]);
  });

  test('that point behind the symbol table are an error', () => {
    const broken = [data('__bugs', 8), rela(1, [{ type: 2, symbol: 7 }]), modinfo('6.1')];
    expect(() => inspectModule(broken, { entries: true })).toThrow(KelpError);
  });
});

test('livepatch relocations are counted and judged like the others', () => {
  const inspection = inspectModule([
    data('.data', 32),
    rela(1, [{ type: 1 }], { name: '.rela.data' }),
    rela(1, [{ type: 3000, symbol: 2 }], {
      name: '.klp.rela.hello..data',
      flags: SHF_ALLOC | SHF_INFO_LINK | SHF_RELA_LIVEPATCH,
    }),
    modinfo('6.1'),
  ]);
  expect(inspection.inventory.relocations).toEqual([
    { section: '.data', type: 1, count: 1 },
    { section: '.data', type: 3000, count: 1 },
  ]);
  expect(inspection.refused).toMatchObject([{ section: '.data', typeName: 'R_TOY_FAR' }]);
});
