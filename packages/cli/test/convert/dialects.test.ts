import { parseObjectFile } from '@kelp/core/elf';
import { dialectNames, lint } from '@kelp/livepatch';
import { describe, expect, test } from 'vitest';
import {
  bytesOf,
  convert,
  converted,
  livepatchContents,
  livepatches,
  loadedBy,
  symbols,
  unconverted,
} from './marked-fixture.ts';

describe.each(livepatches)('%s', (name) => {
  test.each(dialectNames)('marked in the dialect %s becomes what the kernel reads', (dialect) => {
    const marked = unconverted(bytesOf(name), dialect);
    expect(parseObjectFile(marked).sections.some(({ isLivepatchRelocation }) => isLivepatchRelocation)).toBe(
      false,
    );
    const result = convert(marked, { symbols, dialect });
    expect(result.findings).toEqual([]);
    expect(livepatchContents(converted(result))).toEqual(livepatchContents(bytesOf(name)));
  });

  test.each(dialectNames)(
    '%s is recognized by its marks, except for the one that counts from 0',
    (dialect) => {
      const { dialect: found } = convert(unconverted(bytesOf(name), dialect), { symbols });
      expect(found).toBe(dialect === '2019' ? 'v7' : dialect);
    },
  );

  test.each(dialectNames)('%s: nothing of the marks is left, and the rest is as it was', (dialect) => {
    const marked = parseObjectFile(unconverted(bytesOf(name), dialect));
    const file = parseObjectFile(
      converted(convert(unconverted(bytesOf(name), dialect), { symbols, dialect })),
    );
    const names = file.sections.map((section) => section.name);
    expect(names.filter((one) => /klp\.module_relocs|__klp_relocs/u.test(one))).toEqual([]);
    expect(names.slice(0, names.indexOf('.shstrtab') + 1)).toEqual(
      marked.sections.map((section) => section.name).slice(0, names.indexOf('.shstrtab') + 1),
    );
    expect(file.symbols()?.count).toBe(marked.symbols()?.count);
    for (const section of file.sections) {
      const before = marked.section(section.name);
      if (before === undefined || section.name.startsWith('.rela') || section.name.endsWith('tab')) continue;
      expect([section.name, section.flags, section.alignment, section.entrySize, [...section.bytes]]).toEqual(
        [section.name, before.flags, before.alignment, before.entrySize, [...before.bytes]],
      );
    }
  });
});

describe.each(livepatches)('%s', (name) => {
  test.each(dialectNames)('marked in the dialect %s has no fault that it would not have had', (dialect) => {
    const result = converted(convert(unconverted(bytesOf(name), dialect), { symbols, dialect }));
    expect(faultsOf(result)).toEqual(faultsOf(bytesOf(name)));
  });
});

/** What lint says about a livepatch: its rules and the places. */
function faultsOf(bytes: Uint8Array): readonly string[] {
  const object = parseObjectFile(bytes);
  const { findings } = lint({ object, ...loadedBy(object) });
  return findings
    .map(({ rule, place, message }) => `${rule.code} ${place?.section} ${place?.offset} ${message}`)
    .toSorted();
}

test('what objtool klp post-link has done already is tidied up', () => {
  // The fixture still has the section in which klp diff noted one of its relocations.
  const result = convert(bytesOf('x86/livepatch-7.3'));
  expect([result.dialect, result.sections]).toEqual(['objtool', []]);
  const file = converted(result);
  expect(parseObjectFile(file).section('__klp_relocs.vmlinux')).toBeUndefined();
  expect(livepatchContents(file)).toEqual(livepatchContents(bytesOf('x86/livepatch-7.3')));
});
