import {
  defineArchitecture,
  existingZero,
  ignored,
  padding,
  pcRelative32,
  refused,
  relocationTable,
  signed,
  special,
  u16,
  unsigned,
  whole,
  write,
  bits,
  type Applicability,
  type Architecture,
  type ArchitectureDefinition,
  type RuleText,
  type Special,
  type SpecialSection,
} from '@kelp/core';

const loader = { file: 'arch/toy/kernel/module.c', symbol: 'apply_relocate_add' };

/** The options of one model exclude the other. */
const oldModel: readonly Applicability[] = [{ config: { TOY_MODEL: false } }];
const newModel: readonly Applicability[] = [{ since: '6.4', config: { TOY_MODEL: true } }];

const address: RuleText = { formula: 'S + A', field: whole(4), steps: [unsigned(32), write] };

const nopAfter: Special = {
  name: 'nop-after',
  description: 'The next instruction must be a nop.',
  apply: () => undefined,
  clear: () => undefined,
};

const specialSections: readonly SpecialSection[] = [
  {
    name: '.sites',
    config: 'TOY_SITES',
    layouts: [
      {
        applies: [{ before: '6.12' }],
        size: 4,
        fields: { code: pcRelative32(0) },
        structure: 'asm/toy.h struct site',
      },
      {
        applies: [{ since: '6.12' }],
        size: 8,
        fields: { code: pcRelative32(0, { optional: true }), length: u16(4), feature: u16(6) },
        structure: 'asm/toy.h struct site',
      },
    ],
    consumer: { file: 'arch/toy/kernel/sites.c', symbol: 'apply_sites' },
    phase: 'post_relocation',
    patchesCode: true,
    effect: 'Rewrites each site.',
    hazard: { level: 'high', reason: 'A late relocation of a rewritten site corrupts it.' },
  },
  section('.note.toy'),
  section('.moved', { applies: [{ before: '6.12' }], effect: 'The old way.' }),
  section('.moved', { applies: [{ since: '6.12' }], effect: 'The new way.', sorted: true }),
  section('.fixup_*', {
    layouts: [{ size: 4, fields: { code: pcRelative32(0) }, structure: 'struct fixup' }],
  }),
  section('.fixup_late', {
    layouts: [
      { size: 4, lastSize: 2, fields: { index: u16(0), pad: padding(2, 2) }, structure: 'struct late' },
    ],
  }),
];

function section(name: string, row: Partial<SpecialSection> = {}): SpecialSection {
  const hazard = { level: 'none', reason: 'Nothing happens.' } as const;
  return { name, layouts: [], phase: 'never', effect: 'Nothing.', hazard, ...row };
}

export const toyDefinition: ArchitectureDefinition = {
  id: 'toy',
  title: 'Toy',
  aliases: ['toy64'],
  elf: { machine: 0x7e57, byteOrder: 'little' },
  abi: 'Toy ABI, 3.5',
  relocationTypes: relocationTable(loader, [
    [0, 'R_TOY_NONE', ignored],
    [1, 'R_TOY_32', address],
    [2, 'R_TOY_COPY', refused],
    [3, 'R_TOY_TOC', { ...address, applies: oldModel }, { ...refused, applies: newModel }],
    [4, 'R_TOY_TOCSAVE', { ...ignored, applies: oldModel }, { ...refused, applies: newModel }],
    [5, 'R_TOY_PREL', { ...address, applies: newModel }, { ...refused, applies: oldModel }],
    [
      6,
      'R_TOY_CALL',
      {
        applies: [{ since: '6.12' }],
        formula: 'D + A - P',
        field: bits(4, 2, 24, 2),
        steps: [existingZero, special(nopAfter), signed(24), write],
        note: 'The nop becomes a load.',
      },
    ],
    [7, 'R_TOY_GONE'],
  ]),
  specialSections,
  linkage: { letters: { D: { meaning: 'where the branch goes', direct: 'S' }, G: { meaning: 'the GOT' } } },
  finalization: [
    {
      steps: [{ name: 'sites', phase: 'post_relocation', sections: ['.sites'], function: 'apply_sites' }],
      ftraceSections: [],
      source: loader,
    },
  ],
  livepatch: {
    lateStores: [
      { function: 'plain store', readOnly: false, source: loader },
      {
        applies: [{ since: '6.12' }],
        types: [6],
        function: 'text_poke',
        readOnly: true,
        note: 'Once per section.',
        source: loader,
      },
    ],
    clear: [{ applies: [{ since: '6.12' }], source: loader, effect: 'Writes zeros.' }],
  },
  support: {
    capabilities: [
      {
        name: 'livepatch',
        title: 'Livepatching',
        kernels: [
          { applies: [{ since: '6.12' }], state: 'yes', source: { file: 'arch/toy/Kconfig' } },
          {
            applies: [{ since: '6.1' }],
            state: 'conditional',
            condition: 'TOY_FTRACE',
            source: { file: 'arch/toy/Kconfig' },
          },
        ],
      },
      { name: 'static-calls', title: 'Static calls', kernels: [] },
    ],
    tools: [
      {
        feature: '.sites',
        tool: 'klp-build',
        applies: [{ since: '6.12' }],
        state: 'regenerated',
        note: 'by objtool',
      },
      { feature: '.sites', tool: 'kpatch', state: 'supported' },
      { feature: 'R_TOY_CALL', tool: 'kpatch', state: 'refused' },
    ],
  },
};

/** An architecture with a row for each thing that the matrix tells apart. */
export const toy: Architecture = defineArchitecture(toyDefinition);
