import { describe, expect, test } from 'vitest';
import { describeConditions } from '../src/c/functions.ts';
import { evaluate, parseCondition } from '../src/c/condition.ts';
import { preprocess } from '../src/c/preprocess.ts';
import { tokenize } from '../src/c/tokens.ts';

const known = (name: string): boolean | undefined =>
  new Map([
    ['CONFIG_ON', true],
    ['CONFIG_OFF', false],
  ]).get(name);

function kept(source: string): readonly string[] {
  return preprocess(tokenize(source), known).map(({ text, conditions }) =>
    conditions.length === 0 ? text : `${text} if ${describeConditions(conditions)}`,
  );
}

describe('conditions', () => {
  test.each([
    ['defined(CONFIG_ON) && !IS_ENABLED(CONFIG_OFF)', true],
    ['defined CONFIG_OFF || 0', false],
    ['CONFIG_OFF && CONFIG_OTHER', false],
    ['CONFIG_ON || CONFIG_OTHER', true],
    ['!(CONFIG_ON && CONFIG_OTHER)', undefined],
    ['LINUX_VERSION_CODE > 5', undefined],
  ])('%s is %s', (text, value) => {
    expect(evaluate(parseCondition(text), known)).toBe(value);
  });
});

describe('preprocessing', () => {
  test('takes the branch that the options decide', () => {
    expect(kept('#ifdef CONFIG_OFF\na\n#elif defined(CONFIG_ON)\nb\n#else\nc\n#endif\nd')).toEqual([
      'b',
      'd',
    ]);
    expect(kept('#if 0\na\n#ifdef CONFIG_ON\nb\n#endif\n#else\nc\n#endif')).toEqual(['c']);
  });

  test('keeps all branches that nothing decides, with what they ask', () => {
    expect(kept('#ifndef CONFIG_X\na\n#else\nb\n#endif\nc')).toEqual([
      'a if !CONFIG_X',
      'b if CONFIG_X',
      'c',
    ]);
    expect(kept('#if CONFIG_X || CONFIG_OFF\na\n#elif CONFIG_ON\nb\n#else\nc\n#endif')).toEqual([
      'a if CONFIG_X || CONFIG_OFF',
      'b if !(CONFIG_X || CONFIG_OFF)',
    ]);
  });

  test.each([
    ['the file ends within 1 #if', '#if 1\na'],
    ['line 2: #endif without #if', 'a\n#endif'],
  ])('says that %s', (message, source) => {
    const error = { code: 'source/truncated', message };
    expect(() => kept(source)).toThrow(expect.objectContaining(error));
  });
});
