import { describe, expect, test } from 'vitest';
import { findFunctions } from '../src/c/functions.ts';
import { preprocess } from '../src/c/preprocess.ts';
import { effectOf, findSwitches } from '../src/c/switches.ts';
import { tokenize } from '../src/c/tokens.ts';

const read = (source: string) => findFunctions(preprocess(tokenize(source), () => undefined));

describe('functions', () => {
  test('are found with their lines, and nothing else is', () => {
    const source = `struct table rows[] = {
	{ .run = start(1) },
};
DEFINE_MUTEX(lock);
int declared(void);
static int __init first(struct a *a,
			int b)
{
	if (b) { second(); }
	return 0;
}

void second(void) __acquires(lock) { }
#define third() { }
static const struct operations operations = { .open = first };
`;
    expect(read(source).functions.map(({ name, line, endLine }) => [name, line, endLine])).toEqual([
      ['first', 6, 11],
      ['second', 13, 13],
    ]);
  });

  test('whose braces conditions tear apart are listed as unread, and the next is found', () => {
    const source = `int torn(void)
{
#ifdef CONFIG_A
	if (a) {
#else
	if (b) {
#endif
	}
}

int whole(void)
{
}
`;
    const { functions, unread } = read(source);
    expect(functions.map(({ name }) => name)).toEqual(['whole']);
    expect(unread).toEqual([{ line: 1, what: 'torn() does not close its braces' }]);
  });
});

describe('switches', () => {
  const [groups = []] = findSwitches(
    preprocess(
      tokenize(`switch (a) {
	case ONE: case TWO:
		switch (b) { case INNER: break; }
		return -EINVAL;
	case THREE: { break; }
	case A + B: go(); break;
	default: continue;
	}`),
      () => undefined,
    ),
  );

  test('group labels that share statements; expressions are not read', () => {
    expect(groups.map(({ labels }) => labels.map(({ name }) => name))).toEqual([
      ['ONE', 'TWO'],
      ['THREE'],
      [undefined],
      [],
    ]);
    expect(groups.map(({ isDefault }) => isDefault)).toEqual([false, false, false, true]);
  });

  test.each([
    ['return -ENOEXEC;', 'stops'],
    ['break;', 'nothing'],
    ['rc = 0; break;', 'nothing'],
    ['{ continue; }', 'nothing'],
    ['if (IS_ENABLED(CONFIG_ON)) break; put();', 'nothing'],
    ['if (IS_ENABLED(CONFIG_OFF)) break; put();', 'acts'],
    ['rc = put(); break;', 'acts'],
    ['return 0;', 'acts'],
  ])('the effect of %s is: %s', (source, effect) => {
    const statements = preprocess(tokenize(source), () => undefined);
    expect(effectOf(statements, (name) => name === 'CONFIG_ON')).toBe(effect);
  });
});
