import { ignored, relocationTable } from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { compareSource, SourceTree, type AcceptedDisagreement } from '../src/index.ts';
import { buildTree } from './build-tree.ts';
import { toyArchitecture, toyLoader, toyNumbers, toySource } from './toy.ts';

function compare(
  loader: string,
  architecture = toyArchitecture(),
  accepted: readonly AcceptedDisagreement[] = [],
  numbers = toyNumbers,
) {
  const root = buildTree({ 'arch/toy/kernel/module.c': loader, 'arch/toy/include/asm/elf.h': numbers });
  return compareSource(SourceTree.open(root), [{ architecture, source: toySource }], accepted);
}

describe('the relocations of a loader', () => {
  test('are found behind the functions that apply_relocate_add() calls, by number', () => {
    const { architectures, disagreements, unread } = compare(toyLoader);
    const apply = architectures[0]?.relocations?.apply;
    expect(apply?.cases.map(({ name, number, function: inside }) => [name, number, inside])).toEqual([
      ['R_TOY_NONE', 0, 'store'],
      ['R_TOY_32', 1, 'store'],
      ['R_TOY_PC32', 2, 'store'],
      ['R_TOY_WIDE', 4, 'store'],
      ['R_TOY_COPY', 3, 'store'],
    ]);
    expect(apply?.refusesOthers).toBe(true);
    expect([disagreements, unread]).toEqual([[], []]);
  });

  test('that the table does not have disagree with it, and the reverse', () => {
    const loader = toyLoader.replace('R_TOY_PC32', 'R_TOY_NEW');
    const numbers = `${toyNumbers}#define R_TOY_NEW 77\n`;
    expect(compare(loader, undefined, undefined, numbers).disagreements).toMatchObject([
      {
        code: 'relocation/verdict',
        subject: 'R_TOY_PC32',
        tree: 'refused, no case names it',
        table: 'applied',
      },
      {
        subject: 'R_TOY_NEW (77)',
        tree: 'applied',
        table: 'no row',
        place: 'arch/toy/kernel/module.c:17 store()',
      },
    ]);
  });

  test('disagree in their verdict', () => {
    const relocationTypes = relocationTable({ file: 'module.c' }, [
      [0, 'R_TOY_NONE', { verdict: 'refused', errno: 'ENOEXEC' }],
      [1, 'R_TOY_32', ignored],
    ]);
    const { disagreements } = compare(toyLoader, toyArchitecture({ relocationTypes }));
    expect(disagreements.map(({ subject, tree, table }) => [subject, tree, table])).toEqual([
      ['R_TOY_NONE', 'ignored', 'refused'],
      ['R_TOY_32', 'applied', 'ignored'],
      ['R_TOY_PC32 (2)', 'applied', 'no row'],
      ['R_TOY_WIDE (4)', 'applied', 'no row'],
    ]);
  });

  test('disagree only under the options that matter', () => {
    const loader = toyLoader.replace('#ifdef CONFIG_TOY_WIDE\n', '#ifdef CONFIG_TOY_BROAD\n');
    expect(compare(loader).disagreements).toMatchObject([
      { subject: 'R_TOY_WIDE', tree: 'applied', table: 'refused', configuration: 'TOY_BROAD=y' },
    ]);
  });

  test('are accepted with a reason, for the kernels that it is about', () => {
    const loader = toyLoader.replace('	case R_TOY_NONE:\n		break;\n', '');
    const row = {
      code: 'relocation/verdict',
      architecture: 'toy',
      subject: 'R_TOY_NONE',
      reason: 'Nobody emits it.',
    };
    const { disagreements } = compare(loader, undefined, [{ ...row, applies: [{ since: '6.12' }] }]);
    expect(disagreements).toMatchObject([{ subject: 'R_TOY_NONE', accepted: 'Nobody emits it.' }]);
    const older = compare(loader, undefined, [{ ...row, applies: [{ before: '6.12' }] }]);
    expect(older.disagreements[0]).not.toHaveProperty('accepted');
  });

  test('that are cleared disagree with a table that has no row for it', () => {
    const loader = `${toyLoader}void clear_relocate_add(void)\n{\n\tstore(0, 0);\n}\n`;
    const architecture = toyArchitecture({ livepatch: { lateStores: [] } });
    expect(compare(loader, architecture).disagreements).toMatchObject([
      { code: 'relocation/clear', tree: 'clears', table: 'does not clear' },
    ]);
  });
});

test('a table of handlers is read like a switch; types that a switch takes out before it are not its own', () => {
  const loader = `static int none(int type) { return 0; }

static int error(int type)
{
	pr_err("refused %d", type);
	return -EINVAL;
}

static int store(int type)
{
	switch (type) {
	case R_TOY_32 ... R_TOY_PC32:
		put(type);
		break;
	default:
		return -EINVAL;
	}
	return 0;
}

static int wide(int type)
{
	put(type);
	return 0;
}

static handler_t handlers[] = {
	[R_TOY_NONE ... R_TOY_WIDE] = error,
	[R_TOY_NONE] = none,
	[R_TOY_32 ... R_TOY_COPY] = store,
};

int apply_relocate_add(int type)
{
	if (!handlers[type])
		return -EINVAL;
	switch (type) {
#ifdef CONFIG_TOY_WIDE
	case R_TOY_WIDE:
		return wide(type);
#endif
	default:
		return handlers[type](type);
	}
}
`;
  const { disagreements, unread, architectures } = compare(loader);
  expect([disagreements, unread]).toEqual([[], []]);
  expect(architectures[0]?.relocations.apply.refusesOthers).toBe(true);
  const changed = compare(loader.replace('R_TOY_COPY] = store', 'R_TOY_COPY] = wide'));
  expect(changed.disagreements.map(({ subject, tree }) => [subject, tree])).toEqual([
    ['R_TOY_COPY', 'applied'],
  ]);
  expect(compare(loader.replace('= none,', '= missing,')).unread.map(({ what }) => what)).toEqual([
    'the handler missing is no function',
  ]);
});

describe('what cannot be read is listed:', () => {
  test('a truncated file', () => {
    const { unread } = compare(toyLoader.slice(0, toyLoader.indexOf('"unknown') + 4));
    expect(unread).toEqual([
      {
        file: 'arch/toy/kernel/module.c',
        line: 29,
        what: 'the file ends within a string (source/truncated)',
      },
      {
        file: 'arch/toy/kernel/module.c',
        line: 1,
        what: 'no switch or table over relocation types is reached from apply_relocate_add()',
      },
    ]);
  });

  test('brackets that nest without end', () => {
    const deep = `${toyLoader}int deep(void)\n{\n\tput(${'('.repeat(5_000)}`;
    expect(compare(deep).unread[0]).toMatchObject({
      line: 42,
      what: 'brackets nested deeper than 200 (source/too-deep)',
    });
    const condition = `#if ${'('.repeat(5_000)}1\n#endif\n${toyLoader}`;
    expect(compare(condition).disagreements).toEqual([]);
  });

  test('a type without a number, and a case that is no name', () => {
    const loader = toyLoader.replace('case R_TOY_32:', 'case R_TOY_MYSTERY:\n\tcase 40 + 2:');
    expect(compare(loader).unread.map(({ what }) => what)).toEqual([
      'no header gives R_TOY_MYSTERY a plain number',
      'a case that is no single name',
    ]);
  });

  test('a tree without the architecture', () => {
    const { unread } = compareSource(
      SourceTree.open(buildTree({})),
      [{ architecture: toyArchitecture(), source: toySource }],
      [],
    );
    expect(unread).toEqual([{ file: 'arch/toy', line: 1, what: 'the tree has no toy' }]);
  });
});
