import { describe, expect, test } from 'vitest';
import { finalizationSteps, finalizeStep } from '@kelp/core';

const order = {
  steps: [finalizeStep('alternatives', ['.altinstructions'], 'apply_alternatives')],
  ftraceSections: ['__mcount_loc'],
  source: { file: 'arch/toy/kernel/module.c', symbol: 'module_finalize' },
};

describe('finalizationSteps', () => {
  test('generic steps stand around those of module_finalize(), in the order of load_module()', () => {
    expect(finalizationSteps(order).map(({ name }) => name)).toEqual([
      'sort-exception-table',
      'per-cpu-template',
      'alternatives',
      'ftrace-call-sites',
      'bug-table',
      'cfi-traps',
      'jump-labels',
      'static-calls',
    ]);
  });

  test('ftrace reads the sections that the architecture names', () => {
    const ftrace = finalizationSteps(order).find(({ phase }) => phase === 'ftrace');
    expect(ftrace?.sections).toEqual(['__mcount_loc']);
  });
});
