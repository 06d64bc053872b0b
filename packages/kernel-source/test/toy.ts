import {
  defineArchitecture,
  ignored,
  refused,
  relocationTable,
  whole,
  write,
  type Architecture,
  type ArchitectureDefinition,
} from '@kelp/core';
import type { ArchitectureSource } from '../src/index.ts';

const plain = { formula: 'S + A', field: whole(4), steps: [write] };

/** An architecture that no CPU has, with a relocation table and places in a source tree. */
export function toyArchitecture(changes: Partial<ArchitectureDefinition> = {}): Architecture {
  return defineArchitecture({
    id: 'toy',
    title: 'Toy',
    aliases: [],
    elf: { machine: 0x7e57, byteOrder: 'little' },
    abi: 'Toy ABI',
    relocationTypes: relocationTable({ file: 'arch/toy/kernel/module.c', symbol: 'apply_relocate_add' }, [
      [0, 'R_TOY_NONE', ignored],
      [1, 'R_TOY_32', plain],
      [2, 'R_TOY_PC32', { ...plain, formula: 'S + A - P' }],
      [3, 'R_TOY_COPY', refused],
      [4, 'R_TOY_WIDE', { ...plain, applies: [{ config: { TOY_WIDE: true } }] }],
    ]),
    specialSections: [],
    finalization: [],
    support: { capabilities: [], tools: [] },
    ...changes,
  });
}

/** Where a tree keeps the toy. */
export const toySource: ArchitectureSource = {
  schema: 'kelp-architecture-source/1',
  folder: 'toy',
  macros: { CONFIG_TOY64: true, CONFIG_TOY32: false },
  loader: ['arch/toy/kernel/module.c'],
  excluded: [],
  relocationNumbers: ['arch/toy/include/asm/elf.h'],
  relocationPrefixes: ['R_TOY_'],
  hooks: [],
  lateModules: [],
};

/** Numbers of the toy's types, one of them through another name. */
export const toyNumbers = `/* types */
#define R_TOY_NONE 0
#define R_TOY_32\t1 /* direct */
#define R_TOY_PC32 (2)
#define R_OLD_COPY 0x3
#define R_TOY_COPY R_OLD_COPY
#define R_TOY_WIDE 4u
`;

/** A loader that does what the table of the toy says. */
export const toyLoader = `// The loader of a machine that does not exist.
#ifdef CONFIG_TOY32
int apply_relocate_add(void)
{
	switch (kind) { case R_TOY_NARROW: break; }
}
#else
static int store(int kind, long value)
{
	/* case R_TOY_COMMENT: */
	const char *note = "case R_TOY_STRING: {";

	switch (kind) {
	case R_TOY_NONE:
		break;
	case R_TOY_32:	/* direct */
	case R_TOY_PC32:
		put(value);
		break;
#ifdef CONFIG_TOY_WIDE
	case R_TOY_WIDE: {
		put(value);
		break;
	}
#endif
	case R_TOY_COPY:
		return -ENOEXEC;
	default:
		pr_err("unknown %d", kind);
		return -ENOEXEC;
	}
	return 0;
}

int apply_relocate_add(struct module *me)
{
	return store(me->kind, 1);
}
#endif
`;
