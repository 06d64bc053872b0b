import { describe, expect, test } from 'vitest';
import { buildMatrix, type CoverageMatrix, type Evidence } from '../src/index.ts';
import { toy } from './toy-architecture.ts';
import { evidenceFile, record, toyCensus, type ToyRelease } from './toy-input.ts';

function gapsOf(
  release: Omit<ToyRelease, 'modules' | 'release'>,
  ...records: readonly Evidence[]
): CoverageMatrix {
  const censuses = [toyCensus({ release: '6.12.107', modules: 9, ...release })];
  return buildMatrix([{ architecture: toy, evidence: evidenceFile(records) }], { censuses });
}

const reasons = (matrix: CoverageMatrix): readonly (readonly [string, string])[] =>
  matrix.uncovered.map(({ name, reason }) => [name, reason]);

type Uses = Omit<ToyRelease, 'modules' | 'release'>;

/** Two files use the type five times. */
function typeUse(type: number): Uses {
  return { relocations: [[type, 5, 2]] };
}

/** Three files have the section. */
function sectionUse(name: string, entries: number | null): Uses {
  return { sections: [{ name, modules: 3, entries }] };
}

describe('a relocation type that modules use', () => {
  test('is covered when it was applied as a linker does', () => {
    const records = [record('relocation/R_TOY_32', 'recognized'), record('relocation/R_TOY_32', 'applied')];
    expect(gapsOf(typeUse(1), ...records).uncovered).toEqual([]);
  });

  test('is not covered when it was only recognized or decoded', () => {
    const records = [record('relocation/R_TOY_32', 'recognized'), record('relocation/R_TOY_32', 'decoded')];
    expect(gapsOf(typeUse(1), ...records).uncovered).toEqual([
      {
        architecture: 'toy',
        kernel: '6.12',
        name: 'relocation/R_TOY_32',
        modules: 2,
        reason: 'no evidence that it is applied as a linker does',
      },
    ]);
  });

  test.each([
    [0, 'R_TOY_NONE'],
    // Ignored under a condition.
    [4, 'R_TOY_TOCSAVE'],
  ])('(%i) and that the loader ignores is covered when it was recognized', (type, name) => {
    expect(gapsOf(typeUse(type), record(`relocation/${name}`, 'recognized')).uncovered).toEqual([]);
    expect(gapsOf(typeUse(type)).uncovered).toHaveLength(1);
  });

  test('although the kernel refuses it is not covered', () => {
    const records = [
      record('relocation/R_TOY_COPY', 'recognized'),
      record('relocation/R_TOY_COPY', 'applied'),
    ];
    expect(reasons(gapsOf(typeUse(2), ...records))).toEqual([
      ['relocation/R_TOY_COPY', 'modules use it, but the table says that this kernel does not have it'],
    ]);
  });

  test('and that a check contradicts is not covered', () => {
    const records = [
      record('relocation/R_TOY_32', 'applied'),
      record('relocation/R_TOY_32', 'decoded', { holds: false }),
    ];
    expect(reasons(gapsOf(typeUse(1), ...records))).toEqual([
      ['relocation/R_TOY_32', 'a check contradicts the table'],
    ]);
  });
});

const both = (name: string): readonly Evidence[] => [record(name, 'recognized'), record(name, 'decoded')];

describe('a section that modules have', () => {
  test('is covered when its entries were decoded', () => {
    expect(gapsOf(sectionUse('.sites', 7), ...both('section/.sites')).uncovered).toEqual([]);
    expect(reasons(gapsOf(sectionUse('.sites', 7), record('section/.sites', 'recognized')))).toEqual([
      ['section/.sites', 'no evidence that its entries are decoded'],
    ]);
  });

  test('but in no size that the table has is not covered', () => {
    expect(reasons(gapsOf(sectionUse('.sites', null), ...both('section/.sites')))).toEqual([
      ['section/.sites', 'no section of the modules fits an entry layout of the table'],
    ]);
  });

  test('is covered when it was recognized, where it has no entries', () => {
    expect(
      gapsOf(sectionUse('.note.toy', null), record('section/.note.toy', 'recognized')).uncovered,
    ).toEqual([]);
    expect(reasons(gapsOf(sectionUse('.note.toy', null)))).toEqual([
      ['section/.note.toy', 'no evidence that it is recognized'],
    ]);
  });
});

test('what no module uses is no gap', () => {
  expect(gapsOf({}).uncovered).toEqual([]);
});

describe('what no row knows', () => {
  const unknown = { special: true, known: false } as const;

  test('is a section that looks special, and a relocation type', () => {
    const matrix = gapsOf({
      sections: [
        { name: '.new_table', modules: 3, ...unknown },
        { name: '.text', modules: 9, special: false, known: false },
      ],
      relocations: [[99, 4, 5]],
    });
    expect(matrix.unknown).toEqual([
      {
        architecture: 'toy',
        kernel: '6.12',
        name: 'unknown(99)',
        modules: 5,
        reason: 'a relocation type that no row knows',
      },
      {
        architecture: 'toy',
        kernel: '6.12',
        name: '.new_table',
        modules: 3,
        reason: 'looks like a special section, and no row knows it',
      },
    ]);
  });

  test('is not what a row of another kernel knows: that is used and not covered', () => {
    const censuses = [toyCensus({ release: '6.1', modules: 9, relocations: [[6, 1, 1]] })];
    const matrix = buildMatrix([{ architecture: toy, evidence: evidenceFile([]) }], { censuses });
    expect(matrix.unknown).toEqual([]);
    expect(matrix.uncovered.map(({ name }) => name)).toEqual(['relocation/R_TOY_CALL']);
  });

  test('is summed over the releases of a series', () => {
    const sections = [{ name: '.new_table', modules: 3, ...unknown }];
    const censuses = [
      toyCensus({ release: '6.12.1', modules: 9, sections }, { release: '6.12.2', modules: 9, sections }),
    ];
    const { unknown: gaps } = buildMatrix([{ architecture: toy, evidence: evidenceFile([]) }], { censuses });
    expect(gaps.map(({ name, modules }) => [name, modules])).toEqual([['.new_table', 6]]);
  });
});

test('the most used comes first', () => {
  const { uncovered } = gapsOf({
    sections: [
      { name: '.sites', modules: 3, entries: 1 },
      { name: '.note.toy', modules: 8 },
    ],
    relocations: [
      [1, 9, 8],
      [0, 1, 1],
    ],
  });
  expect(uncovered.map(({ name, modules }) => [modules, name])).toEqual([
    [8, 'relocation/R_TOY_32'],
    [8, 'section/.note.toy'],
    [3, 'section/.sites'],
    [1, 'relocation/R_TOY_NONE'],
  ]);
});
