import { KelpError } from '@kelp/core';
import { describe, expect, test } from 'vitest';
import {
  buildMatrix,
  checkedKernels,
  type CoverageMatrix,
  type Evidence,
  type MatrixCell,
  type MatrixOptions,
} from '../src/index.ts';
import { toy } from './toy-architecture.ts';
import { evidenceFile, record, toyCensus } from './toy-input.ts';

function matrixOf(records: readonly Evidence[] = [], options: MatrixOptions = {}): CoverageMatrix {
  return buildMatrix([{ architecture: toy, evidence: evidenceFile(records) }], options);
}

function cell(matrix: CoverageMatrix, feature: string, kernel: string): MatrixCell {
  const row = matrix.rows.find((one) => one.feature === feature);
  const found = row?.cells.find((one) => one.kernel === kernel);
  if (found === undefined) throw new Error(`no cell ${feature} ${kernel}`);
  return found;
}

describe('kernels', () => {
  test('are those that the tables were checked against, where nothing was scanned', () => {
    expect(matrixOf().kernels).toEqual(checkedKernels);
  });

  test('are the series of the censuses, oldest first', () => {
    const [newer, older] = ['6.12.107+deb13-amd64', '6.1.0-50-amd64'].map((release) =>
      toyCensus({ release, modules: 1 }),
    );
    if (newer === undefined || older === undefined) throw new Error('no census');
    expect(matrixOf([], { censuses: [newer, older, newer] }).kernels).toEqual(['6.1', '6.12']);
  });

  test('that are asked for are series, each once', () => {
    const matrix = matrixOf([], { kernels: ['6.12', '6.12.107', '7.3-rc7'] });
    expect(matrix.kernels).toEqual(['6.12', '7.3']);
    for (const { cells } of matrix.rows) expect(cells.map(({ kernel }) => kernel)).toEqual(['6.12', '7.3']);
  });

  test('that are no kernels are refused', () => {
    expect(() => matrixOf([], { kernels: ['latest'] })).toThrow(KelpError);
  });
});

describe('support', () => {
  test('comes from the rows, by kernel', () => {
    const matrix = matrixOf([], { kernels: ['6.1', '6.12'] });
    expect(cell(matrix, 'capability/livepatch', '6.1').support.state).toBe('conditional');
    expect(cell(matrix, 'relocation/R_TOY_CALL', '6.1').support.state).toBe('no');
    expect(cell(matrix, 'section/.moved', '6.12').support.state).toBe('yes');
    expect(cell(matrix, 'section/.sites', '6.12').tools.map(({ tool }) => tool)).toEqual([
      'klp-build',
      'kpatch',
    ]);
  });
});

describe('use', () => {
  test('is not known where nothing was scanned', () => {
    const censuses = [toyCensus({ release: '6.1.100', modules: 3 })];
    const matrix = matrixOf([], { censuses, kernels: ['6.1', '6.12'] });
    expect(cell(matrix, 'section/.sites', '6.12').usage).toBeNull();
    expect(cell(matrix, 'section/.sites', '6.1').usage).toEqual({ modules: 0, of: 3, count: 0 });
    expect(cell(matrix, 'capability/livepatch', '6.1').usage).toBeNull();
  });

  test('of several releases of a series is summed', () => {
    const sites = { name: '.sites', modules: 2, entries: 10 };
    const matrix = matrixOf([], {
      censuses: [
        toyCensus({ release: '6.1.100', modules: 3, sections: [sites], relocations: [[1, 40, 3]] }),
        toyCensus({
          release: '6.1.0-50-amd64',
          modules: 5,
          sections: [{ ...sites, modules: 4 }],
          relocations: [[1, 2, 1]],
        }),
        toyCensus({ release: '6.12.1', modules: 7, sections: [sites] }),
      ],
    });
    expect(cell(matrix, 'section/.sites', '6.1').usage).toEqual({ modules: 6, of: 8, count: 20 });
    expect(cell(matrix, 'relocation/R_TOY_32', '6.1').usage).toEqual({ modules: 4, of: 8, count: 42 });
    expect(cell(matrix, 'section/.sites', '6.12').usage).toEqual({ modules: 2, of: 7, count: 10 });
  });

  test('of sections without entries has no count', () => {
    const censuses = [
      toyCensus({ release: '6.1', modules: 1, sections: [{ name: '.note.toy', modules: 1 }] }),
    ];
    expect(cell(matrixOf([], { censuses }), 'section/.note.toy', '6.1').usage).toEqual({
      modules: 1,
      of: 1,
      count: null,
    });
    expect(cell(matrixOf([], { censuses }), 'section/.moved', '6.1').usage).toEqual({
      modules: 0,
      of: 1,
      count: null,
    });
  });

  test('of a pattern is what one name has at most: the same files may have the others', () => {
    const sections = [
      { name: '.fixup_early', modules: 2, entries: 3 },
      { name: '.fixup_resume', modules: 5, entries: 8 },
      { name: '.fixup_late', modules: 9, entries: 20 },
    ];
    const matrix = matrixOf([], { censuses: [toyCensus({ release: '6.1', modules: 9, sections })] });
    expect(cell(matrix, 'section/.fixup_*', '6.1').usage).toEqual({ modules: 5, of: 9, count: 11 });
    // The row with the name itself takes it away from the pattern.
    expect(cell(matrix, 'section/.fixup_late', '6.1').usage).toEqual({ modules: 9, of: 9, count: 20 });
  });

  test('of kernels that are in no column is reported', () => {
    const censuses = [
      toyCensus(
        { release: '6.1', modules: 1 },
        { release: 'unknown', modules: 4 },
        { release: '99999.1', modules: 2 },
      ),
    ];
    expect(matrixOf([], { censuses }).outside).toEqual([
      { architecture: 'toy', release: 'unknown', modules: 4 },
      { architecture: 'toy', release: '99999.1', modules: 2 },
    ]);
    expect(matrixOf([], { censuses, kernels: ['6.12'] }).outside).toHaveLength(3);
  });
});

describe('flags', () => {
  test('are the checks of which there is evidence for the kernel', () => {
    const matrix = matrixOf(
      [record('section/.sites', 'decoded', { kernels: ['6.12'] }), record('section/.sites', 'recognized')],
      { kernels: ['6.1', '6.12', '7.3'] },
    );
    expect(cell(matrix, 'section/.sites', '6.1').flags).toEqual(['recognized']);
    expect(cell(matrix, 'section/.sites', '6.12').flags).toEqual(['recognized', 'decoded']);
    expect(cell(matrix, 'section/.sites', '7.3').flags).toEqual([]);
  });

  test('do not come from stale evidence', () => {
    const matrix = matrixOf([record('section/.sites', 'decoded', { digest: '00' })], { kernels: ['6.1'] });
    expect(cell(matrix, 'section/.sites', '6.1')).toMatchObject({ flags: [], contradicted: false });
  });

  test('are taken away by a record that contradicts, which the cell says', () => {
    const records = [
      record('section/.sites', 'recognized'),
      record('section/.sites', 'decoded'),
      record('section/.sites', 'decoded', { kernels: ['6.12'], holds: false, source: 'corpus' }),
    ];
    const matrix = matrixOf(records, { kernels: ['6.1', '6.12'] });
    expect(cell(matrix, 'section/.sites', '6.1')).toMatchObject({
      flags: ['recognized', 'decoded'],
      contradicted: false,
    });
    expect(cell(matrix, 'section/.sites', '6.12')).toMatchObject({
      flags: ['recognized'],
      contradicted: true,
    });
  });

  test('need evidence of the same architecture', () => {
    const evidence = { ...evidenceFile([]), architecture: 'other' };
    expect(() => buildMatrix([{ architecture: toy, evidence }])).toThrow(KelpError);
  });
});

test('architectures that no subject names are left out', () => {
  const census = toyCensus({ release: '6.1', modules: 1 });
  const [counts] = Object.values(census.architectures);
  if (counts === undefined) throw new Error('no counts');
  const matrix = matrixOf([], {
    censuses: [{ ...census, architectures: { ...census.architectures, other: counts } }],
  });
  expect(matrix.architectures).toEqual([{ id: 'toy', title: 'Toy' }]);
  expect(new Set(matrix.rows.map(({ architecture }) => architecture))).toEqual(new Set(['toy']));
});
