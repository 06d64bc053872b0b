import { padding, pcRelative32, u16, type SpecialSection } from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { compareSource, SourceTree } from '../src/index.ts';
import { readSectionNames } from '../src/section-names.ts';
import { readTexts } from '../src/texts.ts';
import { buildTree } from './build-tree.ts';
import { toyArchitecture, toyLoader, toyNumbers, toySource } from './toy.ts';

function names(files: Readonly<Record<string, string>>) {
  return readSectionNames(
    readTexts(SourceTree.open(buildTree(files)), [
      'include',
      'kernel',
      'scripts',
      'arch/toy',
      'tools/objtool',
    ]),
  );
}

const found = (files: Readonly<Record<string, string>>) =>
  names(files).named.map(({ name, origin, line }) => `${origin} ${name} ${line}`);

describe('section names', () => {
  test('of assembler, in its own files and in strings of C', () => {
    const text = `#define T(x) ".pushsection .toy_table, \\"a\\"\\n" \\
	"\\t.section\\t__toy_" #x ", \\"a\\"\\n"
/* .pushsection .in_a_comment */
a->b.section = 3;
.section ".quoted", "ax"
`;
    expect(found({ 'arch/toy/include/asm/toy.h': text })).toEqual([
      'assembler .toy_table 1',
      'assembler __toy_* 2',
      'assembler .quoted 5',
    ]);
  });

  test('of attributes, through macros that stand for a string', () => {
    const text = `#define TOY_SECTION ".toy.init"
static int a __section(".toy_a") = 1;
static int b __attribute__((__section__("__toy_b" "_tail")));
static int c __section(TOY_SECTION);
static int d __section(#sec);
`;
    const { named, macroNamed } = names({ 'include/linux/toy.h': text });
    expect(named.map(({ name, line }) => `${name} ${line}`)).toEqual([
      '.toy_a 2',
      '__toy_b* 3',
      '.toy.init 4',
    ]);
    expect(macroNamed).toEqual([{ expression: '#sec', file: 'include/linux/toy.h', line: 5 }]);
  });

  test('of linker scripts, told apart by what they link', () => {
    const text = `SECTIONS {
	.toy 0 : ALIGN(8) { KEEP(*(.toy)) *(SORT(.toy.*)) }
	/DISCARD/ : { *(.gone .gone.[0-9a-z]*) }
}
#define TABLE(_name) *(_name)
`;
    expect(new Set(found({ 'scripts/module.lds.S': text }))).toEqual(
      new Set([
        'module-script .toy 2',
        'module-script .toy.* 2',
        'module-script .gone 3',
        'module-script .gone.* 3',
      ]),
    );
    expect(found({ 'arch/toy/kernel/vmlinux.lds.S': '  . = ALIGN(8);\n  *(.only_here)' })).toEqual([
      'image-script .only_here 2',
    ]);
  });

  test('that code looks for, and that objtool makes', () => {
    const code = `	mod->toys = section_objs(info, "__toys", sizeof(*mod->toys), &n);
	if (!strcmp(".toy_alt", secstrings + s->sh_name)) alt = s;
	if (str_has_prefix(secname, ".toy_indirect")) go();
	if (!strcmp(name, ".not_a_section")) go();
	sect = find_section(hdr, sechdrs, "__toy_fixup");
static const char * const ro_after_init_sections[] = { ".data..toys", "no" };
`;
    expect(found({ 'kernel/module/main.c': code })).toEqual([
      'loader __toys 1',
      'loader __toy_fixup 5',
      'loader .toy_alt 2',
      'loader .toy_indirect* 3',
      'loader .data..toys 6',
    ]);
    const macro = `#ifdef CONFIG_A
#define CALLSITES "__toy_a"
#else
#define CALLSITES "__toy_b"
#endif
	mod->sites = section_objs(info, CALLSITES, sizeof(long), &n);
`;
    expect(found({ 'kernel/module/main.c': macro })).toEqual(['loader __toy_a 6', 'loader __toy_b 6']);
    const objtool = 'sec = elf_create_section_pair(file->elf, ".toy_sites", 4, n, n);\n';
    expect(found({ 'tools/objtool/check.c': objtool })).toEqual(['objtool .toy_sites 1']);
  });
});

const row: SpecialSection = {
  name: '.toy_alt',
  layouts: [
    {
      size: 8,
      fields: { site: pcRelative32(0), kind: u16(4), pad: padding(6, 2) },
      structure: 'arch/*/include/asm/toy.h struct toy_alt',
    },
  ],
  consumer: { file: 'arch/toy/kernel/module.c', symbol: 'store' },
  phase: 'post_relocation',
  effect: 'Nothing.',
  hazard: { level: 'none', reason: 'A toy.' },
};

const sources = {
  'arch/toy/kernel/module.c': toyLoader,
  'arch/toy/include/asm/elf.h': toyNumbers,
  'arch/toy/include/asm/toy.h': 'struct toy_alt {\n\ts32 site;\n\tu16 kind;\n\tu8 pad[2];\n};\n',
  'kernel/module/main.c': 'alt = find_sec(info, ".toy_alt");\n',
};

function compare(files: Readonly<Record<string, string>>, specialSections = [row]) {
  const architecture = toyArchitecture({ specialSections });
  return compareSource(
    SourceTree.open(buildTree({ ...sources, ...files })),
    [{ architecture, source: toySource }],
    [],
  );
}

describe('the table of special sections', () => {
  test('agrees with a tree that has its names, consumers and structures', () => {
    const { disagreements, unread, architectures } = compare({});
    expect([disagreements, unread]).toEqual([[], []]);
    expect(architectures[0]?.layouts).toMatchObject([{ section: '.toy_alt', structure: 'toy_alt', size: 8 }]);
  });

  test('disagrees with a loader that looks for more, and with a tree that has nothing of it', () => {
    const { disagreements } = compare({ 'kernel/module/main.c': 'new = find_sec(info, ".toy_new");\n' });
    expect(disagreements.map(({ code, subject }) => [code, subject])).toEqual([
      ['section/unknown', '.toy_new'],
      ['section/missing', '.toy_alt'],
    ]);
  });

  test('disagrees with a header or objtool that makes more, not with what only the image links', () => {
    const { disagreements } = compare({
      'include/linux/new.h': 'static int a __section("__toy_header");\n',
      'arch/toy/include/asm/vdso/new.h': 'static int a __section("__toy_vdso");\n',
      'kernel/new.c': 'static int a __section("__toy_private");\n',
      'tools/objtool/new.c': 'sec = elf_create_section(elf, ".toy_objtool", 0, n);\n',
      'arch/toy/kernel/vmlinux.lds.S': '  *(.toy_image)\n',
    });
    expect(disagreements.map(({ subject, tree }) => `${subject}: ${tree}`)).toEqual([
      '__toy_header: an attribute in a header makes it',
      '.toy_objtool: objtool makes it',
    ]);
  });

  test('disagrees where the consumer or the structure has another name or place', () => {
    const moved = { ...row, consumer: { file: 'arch/toy/kernel/module.c', symbol: 'keep' } };
    const files = {
      'arch/toy/include/asm/toy.h': '',
      'include/linux/toy.h': sources['arch/toy/include/asm/toy.h'],
    };
    expect(compare(files, [moved]).disagreements).toMatchObject([
      { code: 'section/consumer', tree: 'arch/toy/kernel/module.c has no keep' },
      { code: 'section/structure', tree: 'struct toy_alt is in include/linux/toy.h' },
    ]);
  });

  test('disagrees with a structure of another size or other members', () => {
    const grown = sources['arch/toy/include/asm/toy.h'].replace('u8 pad[2]', 'u8 pad[4]');
    const swapped = 'struct toy_alt {\n\tu16 kind;\n\tu16 pad;\n\ts32 site;\n};\n';
    for (const text of [grown, swapped]) {
      const [one, ...rest] = compare({ 'arch/toy/include/asm/toy.h': text }).disagreements;
      expect(one).toMatchObject({ code: 'section/layout', subject: '.toy_alt' });
      expect(rest).toEqual([]);
    }
  });

  test('lists a structure that it cannot lay out', () => {
    const text = 'struct toy_alt {\n\ts32 site;\n\tmystery_t kind;\n};\n';
    expect(compare({ 'arch/toy/include/asm/toy.h': text }).unread).toEqual([
      { file: 'arch/toy/include/asm/toy.h', line: 1, what: 'struct toy_alt: line 3: mystery_t kind' },
    ]);
  });
});
