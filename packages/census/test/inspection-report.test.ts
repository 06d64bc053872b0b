import { parseConfiguration } from '@kelp/core';
import { parseObjectFile, SHF_ALLOC, SHF_RELA_LIVEPATCH, type SectionSpecification } from '@kelp/core/elf';
import { renderTerminal } from '@kelp/report';
import { describe, expect, test } from 'vitest';
import { inspect, inspectionReport, type InspectOptions } from '../src/index.ts';
import { code, data, modinfo, rela, toy, toyModule } from './toy-architecture.ts';

const symbols = [{ name: '_printk', binding: 1, section: 0 }];

function textOf(
  sections: readonly SectionSpecification[],
  options: Omit<InspectOptions, 'architectures'> = {},
  more: Parameters<typeof toyModule>[1] = { symbols },
): string {
  const object = parseObjectFile(toyModule(sections, more));
  const report = inspectionReport(inspect(object, 'toy.ko', { architectures: [toy], ...options }));
  return renderTerminal(report, { color: false });
}

/** The lines under a heading or caption, with single spaces, up to the next empty line. */
function block(text: string, first: RegExp): readonly string[] {
  const lines = text.split('\n').map((line) => line.trim().replaceAll(/ {2,}/gu, ' '));
  const start = lines.findIndex((line) => first.test(line));
  const end = lines.indexOf('', start + 1);
  return start === -1 ? [] : lines.slice(start + 1, end);
}

describe('the header', () => {
  test('names architecture, kernel and every modinfo tag', () => {
    expect(block(textOf([modinfo('6.1.176 SMP')]), /^$/u)).toEqual([
      'Architecture: Toy',
      'Byte order: little',
      'Type: REL (relocatable)',
      'Flags: 0x0',
      'Judged by kernel: 6.1.176',
      'Configuration: not known, so options count as off',
      'modinfo license: GPL',
      'modinfo vermagic: 6.1.176 SMP',
    ]);
  });

  test('does not speak of a configuration that was given', () => {
    const text = textOf([modinfo('6.1')], { configuration: parseConfiguration('CONFIG_TOY=y') });
    expect(text).not.toContain('Configuration');
  });
});

describe('the loader', () => {
  test('accepts', () => {
    expect(textOf([code(), modinfo('6.1')])).toContain('\nLoader: 6.1 accepts every relocation.\n');
  });

  test('refuses, with every reason', () => {
    const text = textOf([code(), rela(1, [{ offset: 8, type: 3000, symbol: 1 }]), modinfo('6.1')]);
    expect(block(text, /^Loader: 6\.1 refuses the module with ENOEXEC; 1 reason:$/u)).toEqual([
      'errno section offset type symbol reason',
      'ENOEXEC .text 0x8 R_TOY_FAR _printk R_TOY_FAR is not accepted by the loader',
    ]);
  });

  test('refuses, with the first twenty of many reasons', () => {
    const many = Array.from({ length: 25 }, (_, index) => ({ offset: index, type: 99 }));
    const text = textOf([code(), rela(1, many), modinfo('6.1')]);
    const lines = block(text, /^Loader: 6\.1 refuses the module with ENOEXEC; 25 reasons, the first 20:$/u);
    expect(lines).toHaveLength(21);
    expect(lines[1]).toContain('unknown(99)');
  });

  test('is not asked where no kernel is known, or the file is linked', () => {
    expect(textOf([code()])).toContain('Loader: not judged, as no kernel is known.');
    expect(textOf([code()], { kernel: '6.1' }, { type: 2 })).toContain(
      'Loader: not judged, as the file is linked already.',
    );
  });
});

describe('the tables', () => {
  test('of relocations count each type, with its first sections', () => {
    const names = ['.a', '.b', '.c', '.d', '.e', '.f'];
    const sections = names.flatMap((name, index) => [data(name, 8), rela(2 * index + 1, [{ type: 1 }])]);
    const text = textOf([...sections, code(), rela(13, [{ type: 0 }, { type: 3000 }, { type: 99 }])]);
    expect(block(text, /^Relocations$/u)).toEqual([
      'type name count sections',
      '0 R_TOY_NONE 1 .text',
      '1 R_TOY_64 6 .a, .b, .c, .d and 2 more',
      '99 unknown(99) 1 .text',
      '3000 R_TOY_FAR 1 .text',
    ]);
  });

  test('of special sections say what reads them and when', () => {
    const text = textOf([
      data('__bugs', 8),
      rela(1, [{ type: 2, symbol: 1 }]),
      code('.new_code'),
      modinfo('6.1'),
    ]);
    expect(block(text, /^Special sections$/u)).toEqual([
      'section bytes entries entry size phase patches code livepatch hazard',
      '__bugs 8 1 8 coming none',
      '.new_code 64 unknown unknown',
    ]);
  });

  test('of entries have a column for each field', () => {
    const sections = [
      data('__bugs', 16),
      rela(1, [
        { type: 2, symbol: 1 },
        { offset: 8, type: 2, symbol: 1, addend: 4n },
      ]),
    ];
    const text = textOf([...sections, modinfo('6.1')], { entries: true });
    expect(block(text, /^Entries of __bugs:$/u)).toEqual([
      'entry place line flags',
      '0 _printk 0 0',
      '1 _printk+0x4 0 0',
    ]);
  });

  test('of sections have the words and letters of readelf', () => {
    const klp = { name: '.klp.rela.x..text', flags: SHF_ALLOC | SHF_RELA_LIVEPATCH };
    const text = textOf([
      code('.text', 0x40),
      rela(1, [], { name: '.rela.text' }),
      rela(1, [], klp),
      data('.bss', 0, { type: 8, flags: 3n, size: 100, alignment: 32 }),
      data('.strings', 4, { flags: 0x32n, entrySize: 1 }),
      data('.odd', 4, { type: 0x6fff_fff0, flags: 0n, link: 3 }),
    ]);
    expect(block(text, /^Sections$/u)).toEqual([
      'index name type flags bytes offset align entry size link info',
      '0 NULL 0 0x0 0 0 0 0',
      '1 .text PROGBITS AX 64 0x40 1 0 0 0',
      '2 .rela.text RELA 0 0x80 8 24 7 1',
      '3 .klp.rela.x..text RELA A 0x100000 0 0x80 8 24 7 1',
      '4 .bss NOBITS WA 100 0x80 32 0 0 0',
      '5 .strings PROGBITS AMS 4 0x80 1 1 0 0',
      '6 .odd 0x6ffffff0 4 0x84 1 0 3 0',
      expect.stringMatching(/^7 \.symtab SYMTAB 48 /u),
      expect.stringMatching(/^8 \.strtab STRTAB /u),
      expect.stringMatching(/^9 \.shstrtab STRTAB /u),
    ]);
  });

  test('of findings name section and code', () => {
    expect(block(textOf([data('__bugs', 13), modinfo('6.1')]), /^Findings$/u)).toEqual([
      'severity code section message',
      'warning special-section/layout __bugs 13 bytes fit no entry layout that is known',
    ]);
    expect(textOf([modinfo('6.1')])).not.toContain('Findings');
  });
});

test('symbols that the module needs', () => {
  expect(block(textOf([modinfo('6.1')]), /^Symbols it needs$/u)).toEqual(['- _printk']);
  expect(block(textOf([modinfo('6.1')], {}, {}), /^Symbols it needs$/u)).toEqual(['none']);
});

test('names from the file cannot move the cursor', () => {
  const text = textOf([code('.\u001b[31mred\n.line', 8), modinfo('6.1 \u001b]0;title\u0007')]);
  expect(text).toContain(String.raw`.\x1b[31mred\x0a.line`);
  expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
});
