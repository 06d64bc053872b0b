import { parseObjectFile, type RelocationSpecification, type SectionSpecification } from '@kelp/core/elf';
import { renderHtml, renderMarkdown } from '@kelp/report';
import { describe, expect, test } from 'vitest';
import { CensusBuilder } from '../src/census-builder.ts';
import type { Census } from '../src/census.ts';
import { compareCensuses, type Change } from '../src/drift.ts';
import { applyBaseline, readBaseline } from '../src/drift-baseline.ts';
import { driftReport } from '../src/drift-report.ts';
import { Inventory } from '../src/inventory.ts';
import { TemporaryFolder } from './temporary-folder.ts';
import { code, data, modinfo, rela, toy, toyModule } from './toy-architecture.ts';

const folder = new TemporaryFolder();

const symbols = [
  { name: 'work', section: 1, value: 0n, size: 64n, type: 2 },
  { name: 'far', section: 0, binding: 1 },
];

/** A module with .text and one more section, which is relocated. */
interface Toy {
  readonly section?: SectionSpecification;
  readonly relocations?: readonly Partial<RelocationSpecification>[];
}

function censusOf(release: string, ...modules: readonly Toy[]): Census {
  const builder = new CensusBuilder();
  const inventory = new Inventory([toy]);
  for (const { section, relocations = [] } of modules) {
    const sections = [
      code(),
      ...(section === undefined ? [] : [section, rela(2, relocations)]),
      modinfo(release),
    ];
    builder.addInventory(inventory.take(parseObjectFile(toyModule(sections, { symbols }), 'x.ko')));
  }
  return builder.census();
}

/** Relocations of a table with pointers into code at the start of each entry. */
function pointers(entries: number, size: number): readonly Partial<RelocationSpecification>[] {
  return Array.from({ length: entries }, (_none, entry) => ({ offset: entry * size, type: 2, symbol: 1 }));
}

function changes(...censuses: readonly Census[]): readonly Change[] {
  return compareCensuses(censuses, [toy]).flatMap((comparison) => comparison.changes);
}

/** Kind, subject and consequence. */
function short(list: readonly Change[]): readonly string[] {
  return list.map(({ kind, subject, consequence }) => `${consequence} ${kind} ${subject}`);
}

const plain: Toy = {};
const jumps: Toy = {
  section: data('__jump_table', 32),
  relocations: [
    ...pointers(2, 16),
    { offset: 4, type: 2, symbol: 1 },
    { offset: 20, type: 2, symbol: 1 },
    { offset: 8, symbol: 2 },
    { offset: 24, symbol: 2 },
  ],
};
const bugsBefore: Toy = { section: data('__bugs', 16), relocations: pointers(2, 8) };
const bugsAfter: Toy = {
  section: data('__bugs', 24),
  relocations: [...pointers(2, 12), { offset: 4, type: 2, symbol: 2 }, { offset: 16, type: 2, symbol: 2 }],
};

test('the same kernel twice has no changes', () => {
  const census = censusOf('6.1.0', jumps, bugsBefore);
  expect(changes(census, census)).toEqual([]);
});

describe('a section', () => {
  test('that appears has the consequence of its row, the worst first', () => {
    const list = changes(censusOf('6.1.0', plain), censusOf('6.1.5', bugsBefore, jumps));
    expect(short(list)).toEqual([
      'breaks section-appeared __jump_table',
      'tools section-appeared __bugs',
      'tools relocation-appeared R_TOY_64',
      'tools relocation-appeared R_TOY_PC32',
    ]);
    expect(list[0]).toMatchObject({
      text: 'new in 1 module, 2 entries of 16 bytes, pointers at 0 (code), 4 (code), 8',
      why: 'A toy breaks.',
    });
  });

  test('that no row knows is the worst of all', () => {
    const newcomer: Toy = { section: data('__surprise', 24), relocations: pointers(3, 8) };
    const [first] = changes(censusOf('6.1.0', jumps), censusOf('6.1.5', jumps, newcomer));
    expect(first).toMatchObject({
      kind: 'section-appeared',
      subject: '__surprise',
      consequence: 'unknown',
      text: 'new in 1 module, entries of 8 bytes, pointers at 0 (code)',
      why: 'No row of the tables knows it: points into code, regular stride.',
    });
  });

  test('that is gone needs nothing, unless tools insist on it', () => {
    expect(short(changes(censusOf('6.1.0', bugsBefore), censusOf('6.1.5', plain)))).toContain(
      'none section-gone __bugs',
    );
  });

  test('whose entries change in size', () => {
    const list = changes(censusOf('6.1.0', bugsBefore), censusOf('6.12.0', bugsAfter));
    expect(list).toContainEqual(
      expect.objectContaining({
        kind: 'entry-size',
        subject: '__bugs',
        text: 'entries of 8 bytes become 12',
      }),
    );
  });

  test('that no row knows and whose stride changes', () => {
    const [one, other] = [8, 24].map((size): Toy => ({
      section: data('__odd', size * 3),
      relocations: pointers(3, size),
    }));
    const list = changes(censusOf('6.1.0', one ?? plain), censusOf('6.1.5', other ?? plain));
    expect(list).toEqual([
      expect.objectContaining({ kind: 'entry-size', subject: '__odd', text: 'entries of 8 bytes become 24' }),
    ]);
  });

  test('whose pointers move', () => {
    const moved: Toy = {
      section: data('__odd', 24),
      relocations: pointers(3, 8).map((one) => ({ ...one, offset: (one.offset ?? 0) + 4 })),
    };
    const list = changes(
      censusOf('6.1.0', { section: data('__odd', 24), relocations: pointers(3, 8) }),
      censusOf('6.1.5', moved),
    );
    expect(list).toEqual([
      expect.objectContaining({
        kind: 'layout',
        subject: '__odd',
        text: 'pointers move from 0 (code) to 4 (code)',
      }),
    ]);
  });

  test('whose header changes', () => {
    const declared: Toy = { ...bugsBefore, section: data('__bugs', 16, { entrySize: 8 }) };
    const list = changes(censusOf('6.1.0', bugsBefore), censusOf('6.1.5', declared));
    expect(list).toEqual([
      expect.objectContaining({
        kind: 'header',
        consequence: 'tools',
        text: 'header changes from type 1, flags 0x2, sh_entsize 0 to type 1, flags 0x2, sh_entsize 8',
      }),
    ]);
  });

  test('that many more modules use', () => {
    const few = censusOf(
      '6.1.0',
      ...Array.from({ length: 40 }, (_none, index) => (index < 10 ? bugsBefore : plain)),
    );
    const many = censusOf(
      '6.1.5',
      ...Array.from({ length: 40 }, (_none, index) => (index < 30 ? bugsBefore : plain)),
    );
    expect(changes(few, many)).toContainEqual(
      expect.objectContaining({
        kind: 'section-use',
        subject: '__bugs',
        text: 'modules 10 -> 30, entries 20 -> 60, functions 10 -> 30',
      }),
    );
  });
});

test('a relocation type that the loader refuses, and one that no row knows', () => {
  const bad = [3000, 77].map((type): Toy => ({ section: data('.data', 8), relocations: [{ type }] }));
  expect(short(changes(censusOf('6.1.0', plain), censusOf('6.1.5', ...bad)))).toEqual([
    'unknown relocation-appeared unknown(77)',
    'breaks relocation-appeared R_TOY_FAR',
    'none section-appeared .data',
  ]);
  expect(short(changes(censusOf('6.1.5', ...bad), censusOf('6.1.9', plain)))).toContain(
    'none relocation-gone R_TOY_FAR',
  );
});

test('three censuses are two comparisons; one census with several kernels is a sequence of its own', () => {
  const three = ['6.1.0', '6.6.0', '6.12.0'].map((release) => censusOf(release, plain));
  const steps = compareCensuses(three, [toy]).map(({ from, to }) => [from, to]);
  expect(steps).toEqual([
    ['6.1.0', '6.6.0'],
    ['6.6.0', '6.12.0'],
  ]);
  const builder = new CensusBuilder();
  for (const census of three) builder.addCensus(census);
  expect(compareCensuses([builder.census()], [toy]).map(({ from, to }) => [from, to])).toEqual(steps);
});

describe('a baseline', () => {
  const comparisons = compareCensuses([censusOf('6.1.0', plain), censusOf('6.1.5', jumps)], [toy]);
  const accepted = { kind: 'section-appeared', subject: '__jump_table', reason: 'tested' } as const;

  test('accepts what it names, with its reason', () => {
    const { comparisons: judged, unused } = applyBaseline(comparisons, [accepted]);
    const list = judged.flatMap(({ changes: all }) => all);
    expect(list.filter(({ accepted: reason }) => reason !== undefined)).toEqual([
      expect.objectContaining({ subject: '__jump_table', accepted: 'tested' }),
    ]);
    expect(unused).toEqual([]);
  });

  test('of another architecture or kind accepts nothing, and says so', () => {
    const others = [
      { ...accepted, architecture: 'other' },
      { ...accepted, kind: 'layout' as const },
    ];
    expect(applyBaseline(comparisons, others).unused).toEqual(others);
  });

  test('is read as it was written', () => {
    const file = folder.write(
      'baseline.json',
      JSON.stringify({ schema: 1, accepted: [{ ...accepted, architecture: 'toy' }] }),
    );
    expect(readBaseline(file)).toEqual([{ ...accepted, architecture: 'toy' }]);
  });

  test.each([
    ['no JSON', 'accepted:', 'not a JSON file'],
    ['another schema', '{"schema":2,"accepted":[]}', 'expected schema 1'],
    ['no list', '{"schema":1}', 'expected schema 1'],
    ['an entry that is no object', '{"schema":1,"accepted":[1]}', 'entry 1 of accepted has no kind'],
    ['an unknown kind', '{"schema":1,"accepted":[{"kind":"x","subject":"a","reason":"b"}]}', 'has no kind'],
    [
      'an entry without a subject',
      '{"schema":1,"accepted":[{"kind":"layout","reason":"b"}]}',
      'has no subject',
    ],
    [
      'an entry without a reason',
      '{"schema":1,"accepted":[{"kind":"layout","subject":"a","reason":" "}]}',
      'has no reason',
    ],
  ])('with %s is refused', (_what, text, message) => {
    const file = folder.write('baseline.json', text);
    expect(() => readBaseline(file)).toThrow(
      expect.objectContaining({
        code: 'drift/baseline',
        message: expect.stringContaining(message) as unknown,
      }),
    );
  });

  test('that does not exist is named', () => {
    expect(() => readBaseline(folder.at('none.json'))).toThrow(
      expect.objectContaining({ code: 'file/not-found' }),
    );
  });
});

test('the report has a chart of use by kernel, and what the baseline accepts', () => {
  const censuses = [
    censusOf('6.1.0', bugsBefore, bugsBefore),
    censusOf('6.12.0', bugsAfter, bugsAfter, jumps, jumps),
  ];
  const drift = applyBaseline(compareCensuses(censuses, [toy]), [
    { kind: 'entry-size', subject: '__bugs', reason: 'known' },
    { kind: 'layout', subject: 'gone', reason: 'old' },
  ]);
  const report = driftReport(drift, censuses, [toy]);
  const markdown = renderMarkdown(report);
  expect(markdown).toContain('Toy: 6.1.0 to 6.12.0');
  expect(markdown).toMatch(/tools \(accepted\) +\| entry-size +\| `__bugs`/u);
  expect(markdown).toContain('- layout gone');
  expect(renderHtml(report)).toContain('<svg viewBox="0 0 ');
});
