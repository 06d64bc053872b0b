import { expect, test } from 'vitest';
import {
  ET_REL,
  SHF_INFO_LINK,
  SHF_LINK_ORDER,
  SHN_ABS,
  SHN_LORESERVE,
  SHN_XINDEX,
  SHT_GROUP,
  SHT_PROGBITS,
  SHT_RELA,
} from '../../src/elf/constants.ts';
import { parseObjectFile } from '../../src/elf/object-file.ts';
import { rewriteObjectFile } from '../../src/elf/rewriter.ts';
import { writeObjectFile, type SectionSpecification } from '../../src/elf/writer.ts';

const machine = { machine: 22, byteOrder: 'big' } as const;
const data: SectionSpecification = { name: '.data', type: SHT_PROGBITS, bytes: Uint8Array.of(1, 2, 3) };

function thrownBy(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}

test('only relocatable files are changed', () => {
  const image = writeObjectFile({ ...machine, type: 2, sections: [data] });
  expect(thrownBy(() => rewriteObjectFile(image, {}, 'vmlinux'))).toMatchObject({
    code: 'elf/not-relocatable',
    file: 'vmlinux',
  });
  const withSegments = writeObjectFile({ ...machine, type: ET_REL, sections: [data] });
  withSegments[57] = 1;
  expect(thrownBy(() => rewriteObjectFile(withSegments, {}))).toMatchObject({ code: 'elf/not-relocatable' });
  const narrow = writeObjectFile({ ...machine, sections: [data] });
  narrow[4] = 1;
  expect(thrownBy(() => rewriteObjectFile(narrow, {}))).toMatchObject({ code: 'elf/wrong-class' });
});

test('the bytes that are given stay, also those of a Buffer', () => {
  const symbols = [{ name: 'f', section: 1 }];
  const bytes = Buffer.from(writeObjectFile({ ...machine, sections: [data], symbols }));
  const before = bytes.toString('hex');
  const changed = rewriteObjectFile(bytes, { symbols: new Map([[1, { name: 'g', reserved: SHN_ABS }]]) });
  const same = rewriteObjectFile(bytes, {});
  changed.fill(0);
  same.fill(0);
  expect(bytes.toString('hex')).toBe(before);
});

test('header fields that nobody reads are kept', () => {
  const bytes = writeObjectFile({ ...machine, flags: 0x1234, sections: [data] });
  bytes[7] = 3;
  bytes[8] = 1;
  const changed = rewriteObjectFile(bytes, { added: [data] });
  expect(changed.subarray(0, 40)).toEqual(bytes.subarray(0, 40));
  expect(parseObjectFile(changed).flags).toBe(0x1234);
});

test('groups lose the sections that go and keep those that stay', () => {
  const members = Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 3);
  const group = { name: '.group', type: SHT_GROUP, bytes: members, alignment: 4, entrySize: 4 };
  const bytes = writeObjectFile({ ...machine, sections: [data, group, data], symbols: [] });
  const changed = parseObjectFile(rewriteObjectFile(bytes, { removed: new Set([1]) }));
  expect(changed.sections[1]?.bytes).toEqual(Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 2));
});

test.each([
  ['sh_link', { ...data, flags: SHF_LINK_ORDER, link: 1 }],
  ['sh_info', { ...data, flags: SHF_INFO_LINK, info: 1 }],
  ['the target of relocations', { name: '.rela.data', type: SHT_RELA, info: 1, relocations: [] }],
])('a section that another one needs as %s is not removed', (_, other) => {
  const bytes = writeObjectFile({ ...machine, sections: [data, other], symbols: [] });
  expect(thrownBy(() => rewriteObjectFile(bytes, { removed: new Set([1]) }, 'a.ko'))).toMatchObject({
    code: 'elf/removed-section',
    file: 'a.ko',
    section: other.name,
  });
});

test('a section that is added is relocated by one that is added', () => {
  const bytes = writeObjectFile({ ...machine, sections: [data, data], symbols: [] });
  const count = parseObjectFile(bytes).sections.length;
  const added = [data, { name: '.rela.data', type: SHT_RELA, info: count, relocations: [] }];
  const changed = parseObjectFile(rewriteObjectFile(bytes, { removed: new Set([1]), added }));
  expect(changed.sections[changed.sections.at(-1)?.info ?? 0]).toBe(changed.sections.at(-2));
});

test('neither the null section nor the names of sections are removed', () => {
  const bytes = writeObjectFile({ ...machine, sections: [data] });
  for (const index of [0, 2])
    expect(thrownBy(() => rewriteObjectFile(bytes, { removed: new Set([index]) }))).toMatchObject({
      code: 'elf/removed-section',
    });
});

test('a huge alignment does not blow up the file', () => {
  const sections = Array.from({ length: 100 }, () => ({ ...data, alignment: 1 }));
  const bytes = writeObjectFile({ ...machine, sections });
  const view = new DataView(bytes.buffer);
  for (const { index } of parseObjectFile(bytes).sections)
    view.setBigUint64(Number(view.getBigUint64(40)) + index * 64 + 48, 1n << 62n);
  const changed = rewriteObjectFile(bytes, { added: [data] });
  expect(changed.length).toBeLessThan(1 << 20);
  expect(parseObjectFile(changed).sections[5]?.alignment).toBe(1n << 62n);
});

// Files of 65280 sections take their time on a machine that has much else to do.
test(
  'the number of sections crosses 65280 both ways, with symbols on either side',
  { timeout: 60_000 },
  () => {
    const count = SHN_LORESERVE - 5;
    const sections = Array.from({ length: count }, (): SectionSpecification => ({
      name: 's',
      type: SHT_PROGBITS,
    }));
    const symbols = [1, 2].map((section) => ({ name: `in ${section}`, section }));
    const bytes = writeObjectFile({ ...machine, sections, symbols });
    expect([bytes[60], bytes[61]]).toEqual([0xfe, 0xff]);
    const added = Array.from({ length: 3 }, () => data);
    const grown = rewriteObjectFile(bytes, { added });
    const read = parseObjectFile(grown);
    expect([grown[60], grown[61], read.sections.length]).toEqual([0, 0, count + 7]);
    expect(read.section('.symtab')?.index).toBe(count + 1);
    expect(read.sections.at(-1)?.name).toBe('.data');

    const far = { name: 'far', section: count + 6 };
    const beyond = writeObjectFile({
      ...machine,
      sections: Array.from({ length: count + 6 }, (_, index): SectionSpecification => ({
        name: `s${index}`,
        type: SHT_PROGBITS,
      })),
      symbols: [{ name: 'gone', section: 1 }, ...symbols.slice(1), far],
    });
    expect(parseObjectFile(beyond).symbols()?.rawSectionIndex(3)).toBe(SHN_XINDEX);
    const shrunk = rewriteObjectFile(beyond, {
      removed: new Set(Array.from({ length: 20 }, (_, index) => index + 1)),
    });
    const small = parseObjectFile(shrunk);
    const table = small.symbols();
    expect(small.sections.length).toBe(count + 6 - 20 + 5);
    expect([table?.name(1), table?.rawSectionIndex(1), table?.binding(1)]).toEqual(['', SHN_ABS, 0]);
    expect(small.sections[table?.sectionIndex(3) ?? -1]?.name).toBe(`s${count + 5}`);
    expect(small.sections[0]?.size).toBe(0);
  },
);
