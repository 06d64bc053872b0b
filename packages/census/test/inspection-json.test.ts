import { parseObjectFile } from '@kelp/core/elf';
import { expect, test } from 'vitest';
import { inspect, inspectionJson } from '../src/index.ts';
import { code, data, modinfo, rela, toy, toyModule } from './toy-architecture.ts';

function jsonOf(...[sections, more]: Parameters<typeof toyModule>): unknown {
  const symbols = [{ name: '_printk', binding: 1, section: 0 }];
  const object = parseObjectFile(toyModule(sections, { symbols, ...more }));
  // As a program reads it.
  return JSON.parse(
    JSON.stringify(inspectionJson(inspect(object, 'toy.ko', { architectures: [toy], entries: true }))),
  );
}

test('everything of an inspection, as plain data', () => {
  const sections = [
    data('__bugs', 8),
    rela(1, [{ type: 2, symbol: 1 }]),
    code('.new_code'),
    rela(3, [{ type: 99 }, { offset: 8, type: 99 }]),
    modinfo('6.1.176 SMP'),
  ];
  expect(jsonOf(sections)).toMatchObject({
    schema: 1,
    file: 'toy.ko',
    architecture: 'toy',
    byteOrder: 'little',
    type: 1,
    flags: 0,
    kernel: '6.1.176',
    vermagic: '6.1.176 SMP',
    modinfo: [
      { tag: 'license', value: 'GPL' },
      { tag: 'vermagic', value: '6.1.176 SMP' },
    ],
    relocations: [
      { section: '__bugs', type: 2, name: 'R_TOY_PC32', count: 1 },
      { section: '.new_code', type: 99, name: 'unknown(99)', count: 2 },
    ],
    specialSections: [
      {
        name: '__bugs',
        bytes: 8,
        entrySize: 8,
        entries: 1,
        foreignLayout: false,
        known: true,
        phase: 'coming',
        patchesCode: false,
        hazard: 'none',
        decoded: [[{ field: 'place', value: '_printk' }, { field: 'line' }, { field: 'flags' }]],
      },
      {
        name: '.new_code',
        bytes: 64,
        entrySize: null,
        entries: null,
        known: false,
        phase: null,
        hazard: null,
        decoded: null,
      },
    ],
    neededSymbols: ['_printk'],
    loader: {
      accepted: false,
      refused: [
        { section: '.new_code', offset: 0, type: 99, errno: 'ENOEXEC', reason: 'unknown relocation type' },
        { section: '.new_code', offset: 8, type: 99 },
      ],
    },
    findings: [
      { code: 'special-section/unknown', severity: 'warning', place: { section: '.new_code', offset: 0 } },
    ],
  });
});

test('null for what is not known', () => {
  expect(jsonOf([code()])).toMatchObject({ kernel: null, vermagic: null, modinfo: [], loader: null });
});

test('accepted', () => {
  expect(jsonOf([code(), modinfo('6.1')])).toMatchObject({ loader: { accepted: true, refused: [] } });
});
