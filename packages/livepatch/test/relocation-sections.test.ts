import {
  parseObjectFile,
  SHF_ALLOC,
  SHF_INFO_LINK,
  SHF_RELA_LIVEPATCH,
  SHN_LIVEPATCH,
  SHT_PROGBITS,
  SHT_RELA,
  STB_GLOBAL,
  writeObjectFile,
} from '@kelp/core/elf';
import { expect, it } from 'vitest';
import { livepatchRelocations } from '../src/relocation-sections.ts';

it('lists what livepatch applies, with object and target, and nothing else', () => {
  const flags = SHF_ALLOC | SHF_INFO_LINK | SHF_RELA_LIVEPATCH;
  const relocations = [{ offset: 4, type: 2, symbol: 1, addend: -4n }];
  const file = parseObjectFile(
    writeObjectFile({
      machine: 62,
      byteOrder: 'little',
      sections: [
        { name: '.text', type: SHT_PROGBITS, flags: SHF_ALLOC, bytes: new Uint8Array(16) },
        { name: '.rela.text', type: SHT_RELA, info: 1, relocations },
        { name: '.klp.rela.xfs..text', type: SHT_RELA, flags, info: 1, relocations },
        { name: '.klp.rela..text', type: SHT_RELA, flags, relocations },
      ],
      symbols: [{ name: '.klp.sym.xfs.f,0', binding: STB_GLOBAL, section: SHN_LIVEPATCH, reserved: true }],
    }),
  );
  const found = livepatchRelocations(file);
  expect(
    found.map(({ section, object, target, records }) => [section.name, object, target?.name, records.count]),
  ).toStrictEqual([
    ['.klp.rela.xfs..text', 'xfs', '.text', 1],
    ['.klp.rela..text', undefined, undefined, 1],
  ]);
});
