import { parseModinfo } from '../../src/elf/modinfo.ts';
import type { ObjectFile } from '../../src/elf/object-file.ts';

/** Read all that a file can be asked for, in one list of plain values. */
export function readEverything(object: ObjectFile): readonly unknown[] {
  return [
    object.machine,
    object.type,
    object.flags,
    ...object.sections.flatMap((section) => [
      section.name,
      section.type,
      section.flags,
      section.address,
      section.offset,
      section.size,
      section.link,
      section.info,
      section.alignment,
      section.entrySize,
      section.bytes.length,
    ]),
    ...parseModinfo(object.section('.modinfo')?.bytes ?? new Uint8Array()),
    ...readSymbols(object),
    ...readRelocations(object),
  ];
}

function readSymbols(object: ObjectFile): readonly unknown[] {
  const symbols = object.symbols();
  return Array.from({ length: symbols?.count ?? 0 }, (_, index) => [
    symbols?.name(index),
    symbols?.value(index),
    symbols?.size(index),
    symbols?.binding(index),
    symbols?.type(index),
    symbols?.other(index),
    symbols?.sectionIndex(index),
    symbols?.isExternal(index),
  ]);
}

function readRelocations(object: ObjectFile): readonly unknown[] {
  const symbols = object.symbols();
  return object.sections.flatMap((section) => {
    const relocations = object.relocations(section);
    return Array.from({ length: relocations?.count ?? 0 }, (_, index) => {
      const symbol = relocations?.symbol(index) ?? 0;
      return [
        relocations?.offset(index),
        relocations?.type(index),
        symbols?.name(symbol),
        relocations?.addend(index),
      ];
    });
  });
}
