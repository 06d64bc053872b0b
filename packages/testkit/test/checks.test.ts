import { defineArchitecture, parseKernel, relocationTable, signed, whole, write } from '@kelp/core';
import { writeObjectFile, SHF_ALLOC, SHT_PROGBITS } from '@kelp/core/elf';
import { expect, test } from 'vitest';
import { conformanceFailures, describeFlags, openInput, parseVectors, shownFlags } from '../src/index.ts';
import { parseFacts } from '../src/kernel-facts.ts';
import { checkNames, checkVerdicts } from '../src/relocation-checks.ts';
import { checkStructures } from '../src/structure-check.ts';
import { toy } from './toy-architecture.ts';

const facts = parseFacts(
  JSON.stringify({
    names: { 0: 'R_TOY_NONE', 1: 'R_TOY_WORD', 9: 'R_TOY_LAST' },
    loaders: [
      {
        kernel: '6.12',
        applied: ['R_TOY_32', 'R_TOY_COPY'],
        ignored: [],
        unknown: 'EINVAL',
        overflow: 'ENOEXEC',
      },
    ],
    structures: {
      '6.12': {
        site: {
          size: 12,
          members: [
            ['code', 0, 4, 'signed'],
            ['flags', 4, 4, 'unsigned'],
            ['target', 8, 4, 'signed'],
          ],
        },
      },
    },
  }),
);

test('another name, an unknown number and a missing row are failures', () => {
  const messages = [...checkNames(toy, facts, new Set(['R_TOY_COPY']))].map(
    ({ feature, message }) => `${feature}: ${message}`,
  );
  expect(messages).toContain('relocation/R_TOY_32: number 1 is R_TOY_WORD to readelf');
  expect(messages).toContain('relocation/R_TOY_NEW: number 4 is unknown to readelf');
  expect(messages).toContain('relocation/R_TOY_LAST: no row has number 9');
  expect(messages.some((message) => message.includes('R_TOY_COPY'))).toBe(false);
});

test('another verdict and another error are failures', () => {
  const messages = [...checkVerdicts(toy, facts)].map(({ feature, message }) => `${feature}: ${message}`);
  expect(messages).toContain('relocation/R_TOY_COPY: 6.12: refused, the loader has it applied');
  expect(messages).toContain('relocation/R_TOY_NONE: 6.12: ignored, the loader has it refused');
  expect(messages.some((message) => message.includes('R_TOY_32'))).toBe(false);
});

test('members in another order are failures, unless the field is no member', () => {
  const named = {
    ...toy,
    specialSections: toy.specialSections.map((row) => ({
      ...row,
      layouts: row.layouts.map((layout) => ({ ...layout, structure: 'toy.h struct site' })),
    })),
  };
  const messages = [...checkStructures(defineArchitecture(named), facts, new Set())].map(
    ({ message }) => message,
  );
  expect(messages).toEqual([
    '6.12: no member is target, pc-relative, 4 bytes at 4',
    '6.12: no member is flags, unsigned, 4 bytes at 8',
  ]);
  const allowed = new Set(['__sites.target', '__sites.flags']);
  expect([...checkStructures(defineArchitecture(named), facts, allowed)]).toEqual([]);
});

const modinfo = Buffer.from('license=GPL\0vermagic=6.12.107 SMP\0');
const module = writeObjectFile({
  ...toy.elf,
  sections: [
    { name: '.modinfo', type: SHT_PROGBITS, flags: SHF_ALLOC, bytes: modinfo },
    { name: '.note.toy', type: SHT_PROGBITS, flags: SHF_ALLOC, bytes: new Uint8Array(4) },
  ],
});

test('a range without vectors at its ends is a failure, and flags say what was shown', () => {
  const one = defineArchitecture({
    ...toy,
    specialSections: toy.specialSections.filter(({ name }) => name === '.note.toy'),
    relocationTypes: relocationTable({ file: 'arch/toy/kernel/module.c' }, [
      [1, 'R_TOY_8', { formula: 'S', field: whole(1), steps: [signed(8), write] }],
    ]),
  });
  const cases = [{ type: 1, name: 'R_TOY_8', S: '0x5', A: '0x0', P: '0x0', before: '00', after: '05' }];
  const input = openInput({
    vectors: parseVectors(JSON.stringify({ tool: 'by hand', cases })),
    kernels: [parseKernel('6.12')],
    modules: new Map([['note.ko', { bytes: module, configuration: undefined }]]),
  });
  const failures = [...conformanceFailures(one, input)];
  expect(failures.map(({ message }) => message)).toEqual(
    ['-0x80', '0x7f', '-0x81', '0x80'].map((end) => `6.12: no vector of ${end}`),
  );
  expect(describeFlags(shownFlags(one, input))).toEqual([
    'recognized: .note.toy',
    'recognized, decoded, applied, reversible: R_TOY_8',
  ]);
});
