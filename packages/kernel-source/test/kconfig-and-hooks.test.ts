import { describe, expect, test } from 'vitest';
import { compareSource, parseArchitectureSource, SourceTree } from '../src/index.ts';
import { alwaysSelected, possibleSelects, readSelects } from '../src/kconfig.ts';
import { hookNames } from '../src/loader-hooks.ts';
import { buildTree } from './build-tree.ts';
import { toyArchitecture, toyLoader, toyNumbers, toySource } from './toy.ts';

const kconfig = `config TOY
	def_bool y
	select HAVE_ALWAYS # a comment
	select HAVE_WIDE		if TOY64
	select HAVE_NARROW if TOY32
	select HAVE_LONG if (TOY64 && \\
		OTHER)

config TOY_RELATIVE
	def_bool y
	depends on TOY

config ASKED
	bool "Asked?"
`;

const header = `int apply_relocate_add(int a);
#ifdef CONFIG_MODULES_REL
int apply_relocate(int a);
#else
static inline int apply_relocate(int a)
{
	return -1;
}
#endif
int module_finalize(int a,
		    int b);
static inline void module_helper(void) { }
`;

describe('Kconfig', () => {
  const selects = readSelects(SourceTree.open(buildTree({ 'arch/toy/Kconfig': kconfig })), 'toy');
  const known = (name: string) =>
    new Map([
      ['CONFIG_TOY64', true],
      ['CONFIG_TOY32', false],
    ]).get(name);

  test('selects and turns on, with conditions and lines', () => {
    expect(selects.map(({ option, condition, line }) => [option, condition, line])).toEqual([
      ['TOY', undefined, 2],
      ['HAVE_ALWAYS', undefined, 3],
      ['HAVE_WIDE', 'TOY64', 4],
      ['HAVE_NARROW', 'TOY32', 5],
      ['HAVE_LONG', '(TOY64 && \t\tOTHER)', 6],
      ['TOY_RELATIVE', undefined, 10],
    ]);
  });

  test('tells what is always on, and what cannot be', () => {
    expect([...alwaysSelected(selects, known)]).toEqual([
      'CONFIG_TOY',
      'CONFIG_HAVE_ALWAYS',
      'CONFIG_HAVE_WIDE',
      'CONFIG_TOY_RELATIVE',
    ]);
    expect(possibleSelects(selects, known).map(({ option }) => option)).not.toContain('HAVE_NARROW');
  });
});

describe('hooks of the loader', () => {
  const files = {
    'arch/toy/Kconfig': kconfig,
    'arch/toy/kernel/module.c': `${toyLoader}int module_finalize(int a, int b)\n{\n}\n`,
    'arch/toy/include/asm/elf.h': toyNumbers,
    'include/linux/moduleloader.h': header,
  };
  const tree = SourceTree.open(buildTree(files));

  test('are what the header declares, not what it defines alone', () => {
    expect(hookNames(tree)).toEqual(['apply_relocate_add', 'apply_relocate', 'module_finalize']);
  });

  test('disagree where the table expects others; so do capabilities with the options selected', () => {
    const support = {
      capabilities: ['HAVE_ALWAYS', 'HAVE_NARROW', 'HAVE_NEVER'].map((symbol) => ({
        name: symbol.toLowerCase(),
        title: symbol,
        kernels: [{ state: 'yes' as const, source: { file: 'arch/toy/Kconfig', symbol } }],
      })),
      tools: [],
    };
    const hooks = [
      { name: 'apply_relocate_add' },
      { name: 'module_frob', applies: [{ since: '6.0' as const }] },
    ];
    const subject = { architecture: toyArchitecture({ support }), source: { ...toySource, hooks } };
    expect(
      compareSource(tree, [subject], []).disagreements.map(({ code, subject: what, tree: says }) => [
        code,
        what,
        says,
      ]),
    ).toEqual([
      ['loader/hook', 'module_finalize', 'defined'],
      ['loader/hook', 'module_frob', 'not defined'],
      ['kconfig/capability', 'have_narrow', 'HAVE_NARROW is not selected'],
      ['kconfig/capability', 'have_never', 'HAVE_NEVER is not selected'],
    ]);
  });
});

test.each([
  ['no JSON', '{'],
  ['another schema', '{"schema":"kelp-architecture-source/2"}'],
  ['a member that is missing', JSON.stringify({ ...toySource, loader: undefined })],
  ['a macro that is no boolean', JSON.stringify({ ...toySource, macros: { A: 1 } })],
  ['a hook without name', JSON.stringify({ ...toySource, hooks: [{}] })],
])('a file of an architecture is refused for %s', (_what, text) => {
  expect(() => parseArchitectureSource(text)).toThrow(
    expect.objectContaining({ code: 'source/architecture' }),
  );
  expect(parseArchitectureSource(JSON.stringify(toySource))).toEqual(toySource);
});
