import { KelpError } from '@kelp/core';
import { renderTerminal } from '@kelp/report';
import { describe, expect, test } from 'vitest';
import { toy } from '../../loader/test/toy.ts';
import { compareModule } from '../src/comparison.ts';
import { sumSections, verifyJson, verifyReport } from '../src/verify-report.ts';
import type { UnverifiedModule, VerifiedModule } from '../src/verify.ts';
import { loadToy, memoryWith } from './memory-of.ts';

const loaded = loadToy();

function verified(more: Partial<VerifiedModule> = {}, flipped?: bigint): VerifiedModule {
  return {
    name: 'toy',
    file: 'toy.ko',
    architecture: toy,
    refused: undefined,
    inferences: [],
    findings: [],
    loaded,
    ...compareModule(loaded, memoryWith(loaded, flipped)),
    ...more,
  };
}

function show(...results: readonly (UnverifiedModule | VerifiedModule)[]): string {
  return renderTerminal(
    verifyReport('somewhere', results, () => undefined),
    { width: undefined, color: false },
  );
}

const inference = { kind: 'feature', id: 'SMAP', answer: 'on', agreeing: 3, disagreeing: 0 } as const;

test('sums of sections', () => {
  const { sections } = verified({}, 0x10020n);
  expect(sumSections([...sections, ...sections])).toEqual({
    bytes: 96,
    equal: 78,
    explained: new Map([
      ['seal', { bytes: 2, sites: 2 }],
      ['relocation', { bytes: 14, sites: 2 }],
    ]),
    unexplained: 2,
  });
});

describe('the report', () => {
  test('has one line for a module, the most frequent cause first', () => {
    expect(show(verified())).toBe(
      [
        'Memory of somewhere',
        '\nBytes by what wrote them last:',
        '  module  compared  as in file  relocation  seal  unexplained',
        '  toy           48          40           7     1            0',
        '\nEvery byte is explained.\n',
      ].join('\n'),
    );
  });

  test('sums several modules', () => {
    expect(show(verified(), verified({ name: 'other' }))).toMatch(/^ +all +96 +80 +14 +2 +0$/mu);
  });

  test('shows features by answer, and answers that some places contradict', () => {
    const inferences = [
      { ...inference, id: 'UP' },
      inference,
      { ...inference, id: 'PTI', answer: 'off', disagreeing: 1 },
      { ...inference, kind: 'kernel-chosen' as const, id: 'pv_ops[3]', answer: '0x10' },
      { ...inference, kind: 'jump-label' as const, id: '0x20' },
    ];
    const shown = show(verified({ inferences }));
    expect(shown).toMatch(/^ +Features on: +SMAP, UP$/mu);
    expect(shown).toMatch(/^ +Features off: +PTI$/mu);
    expect(shown).toMatch(/^ +kernel-chosen +pv_ops\[3\] +0x10 +3 +0$/mu);
    expect(shown).toMatch(/contradict:\n.*\n +feature +PTI +off +3 +1$/mu);
    expect(shown).not.toContain('0x20');
  });

  test('shows traced functions by what they call', () => {
    const tracer = 'ftrace_trampoline at 0xffffffffc0300000';
    const inferences = Array.from({ length: 10 }, (_, index) => ({
      ...inference,
      kind: 'ftrace' as const,
      id: `0x${(0x10000 + index).toString(16)}`,
      answer: index < 9 ? tracer : 'ftrace_caller',
    }));
    const shown = show(verified({ inferences }));
    const names = Array.from({ length: 8 }, (_, index) => `0x1000${index}`).join(', ');
    expect(shown).toMatch(new RegExp(`^ +toy +${tracer} +9 +${names} and 1 more$`, 'mu'));
    expect(shown).toMatch(/^ +toy +ftrace_caller +1 +0x10009$/mu);
  });

  test('shows at most 40 unexplained places, and says how many there are', () => {
    const [section] = verified().sections;
    if (section === undefined) throw new Error('no section');
    const unexplained = Array.from({ length: 41 }, (_, index) => ({
      offset: index * 20,
      length: 17,
      expected: new Uint8Array(17),
      actual: new Uint8Array(17).fill(255),
    }));
    const shown = show(verified({ sections: [{ ...section, unexplained }] }));
    expect(shown).toContain('Unexplained, the first 40 of 41 places');
    expect(shown.match(/^ +toy +\.text\+0x/gmu)).toHaveLength(40);
    expect(shown).toContain(`${'ff'.repeat(16)}... (17 bytes)`);
  });

  test('never calls explained what was not compared', () => {
    const error = new KelpError('memory/truncated', 'too short', { file: 'a.bin' });
    const refused = {
      phase: 'relocate',
      errno: 'ENOENT',
      reason: 'nobody exports it',
      symbol: 'far',
    } as const;
    for (const result of [
      { name: 'toy', error },
      verified({ refused }),
      verified({ skipped: [{ name: '.rodata', reason: 'not in the memory that was given' }] }),
    ]) {
      const shown = show(result, verified());
      expect(shown).not.toContain('Every byte is explained.');
      expect(shown).toContain('Every byte is explained in 1 of 2 modules.');
    }
    expect(show({ name: 'toy', error })).toMatch(/^ +toy +memory\/truncated +a\.bin: too short$/mu);
    expect(show(verified({ refused }))).toMatch(/^ +toy +ENOENT +far +nobody exports it$/mu);
    expect(show()).toContain('No module is loaded.');
  });

  test('lists findings of the loader', () => {
    const findings = [{ code: 'load/layout', message: 'the section stands elsewhere' }];
    expect(show(verified({ findings }))).toMatch(/^ +toy +load\/layout +the section stands elsewhere$/mu);
  });
});

test('as JSON', () => {
  const error = new KelpError('memory/truncated', 'too short', { file: 'a.bin' });
  const symbol = { name: 'first', address: 0x10000n, type: 't', module: 'toy' };
  const traced = { ...inference, kind: 'ftrace' as const, id: '0x10020', answer: 'ftrace_caller' };
  const results = [verified({ inferences: [inference, traced] }, 0x10020n), { name: 'broken', error }];
  const data = verifyJson('somewhere', results, (module, address) =>
    module === 'toy' && address === 0x10020n ? { symbol, offset: 0x20n } : undefined,
  );
  expect(JSON.parse(JSON.stringify(data))).toEqual({
    schema: 1,
    origin: 'somewhere',
    machine: { inferred: [inference] },
    modules: [
      {
        name: 'toy',
        architecture: 'toy',
        refused: null,
        findings: [],
        sections: [
          {
            name: '.text',
            bytes: 48,
            equal: 39,
            explained: [
              { cause: 'seal', bytes: 1, sites: 1 },
              { cause: 'relocation', bytes: 7, sites: 1 },
            ],
            unexplained: [{ offset: 32, length: 1, expected: '20', actual: 'df', symbol: 'first' }],
          },
        ],
        skipped: [
          { name: '.data', reason: 'holds data that changes while the kernel runs' },
          { name: '.init.text', reason: 'freed after init' },
        ],
        traced: [{ address: '0x10020', symbol: 'first', tracer: 'ftrace_caller' }],
      },
    ],
    failed: [
      { name: 'broken', code: 'memory/truncated', message: 'too short', file: 'a.bin', section: null },
    ],
  });
});
