import { SHF_ALLOC, SHF_EXECINSTR, SHT_REL } from '@kelp/core/elf';
import { data, ids, late, thing, types, type ArchitectureId, type Case, type Parts } from './parts.ts';

// Faults and hazards that depend on the architecture.

/** A table with references into `.text`: offset of the field in the table, place in the text, type. */
interface Table {
  readonly section: string;
  readonly size: number;
  readonly references: readonly (readonly [offset: number, place: number, type: number])[];
  readonly lengths: readonly (readonly [offset: number, bytes: number])[];
}

const alternative = (size: number, type: number, lengths: Table['lengths']): Table => ({
  section: '.altinstructions',
  size,
  // 8 bytes at 0x40 are overwritten with a copy of those at 0x80.
  references: [
    [0, 0x40, type],
    [4, 0x80, type],
  ],
  lengths,
});

const patched: Readonly<Record<ArchitectureId, Table>> = {
  x86: alternative(14, types.x86.near, [
    [12, 8],
    [13, 8],
  ]),
  arm64: alternative(12, types.arm64.near, [
    [10, 8],
    [11, 8],
  ]),
  s390x: alternative(13, types.s390x.near, [[12, 8]]),
  ppc64le: {
    section: '__ftr_fixup',
    size: 48,
    // Relative to the entry, so that the addend holds the offset of the field, too.
    references: [
      [16, 0x40 + 16, 44],
      [24, 0x48 + 24, 44],
      [32, 0x80 + 32, 44],
      [40, 0x88 + 40, 44],
    ],
    lengths: [],
  },
};

/** A livepatch whose `.text` is patched by a table, with a call to the target at a place. */
function call(id: ArchitectureId, offset: number): Parts {
  const { section, size, references, lengths } = patched[id];
  const bytes = new Uint8Array(size);
  for (const [at, value] of lengths) bytes[at] = value;
  const relocated = references.map(([at, place, type]) => ({
    offset: at,
    type,
    symbol: '.text',
    addend: BigInt(place),
  }));
  return {
    sections: [{ name: section, alignment: 8, bytes, relocated }],
    late: [late('.text', offset, types[id].call)],
  };
}

/** A jump table of one entry whose key is in the target, or in the kernel. */
function jumpLabel(id: ArchitectureId, object: 'vmlinux' | 'xfs'): Parts {
  const { near, far } = types[id];
  return {
    sections: [
      {
        name: '__jump_table',
        flags: data.flags ?? 0n,
        alignment: 8,
        bytes: new Uint8Array(16),
        relocated: [0, 4].map((offset) => ({ offset, type: near, symbol: '.text' })),
      },
    ],
    late: [late('__jump_table', 8, far, `.klp.sym.${object}.key,0`, `.klp.rela.${object}.__jump_table`)],
  };
}

const nop = 0x60000000;
const bl = 0x48000001;

/** `.text` of ppc64le with a call, and the word behind it. */
function powerCall(after: number, more: Parts = {}): Parts {
  const bytes = new Uint8Array(256);
  const view = new DataView(bytes.buffer);
  view.setUint32(0x40, bl, true);
  view.setUint32(0x44, after, true);
  const sections = [{ name: '.text', flags: SHF_ALLOC | SHF_EXECINSTR, alignment: 16, bytes }];
  return { sections, late: [late('.text', 0x40, types.ppc64le.call)], ...more };
}

/** Data with an ordinary relocation of 8 bytes at 8, and a late one that may overlap it. */
function converted(id: ArchitectureId, offset: number): Parts {
  const relocated = [{ offset: 8, type: types[id].address, symbol: '.text' }];
  return {
    sections: [{ ...data, name: '.data.own', relocated }],
    late: [late('.data.own', offset, types[id].near)],
  };
}

const toc = { ...data, name: '.toc' };
const filled = { ...data, name: '.data.filled', bytes: new Uint8Array(8).fill(1) };
const refusedTypes: Readonly<Record<ArchitectureId, number>> = {
  x86: 9,
  ppc64le: 249,
  s390x: 37,
  arm64: 309,
};
const rodata = { name: '.rodata', alignment: 8, bytes: new Uint8Array(16) };

export const hazards: readonly Case[] = [
  // Types and fields.
  ...ids.map((architecture) => ({
    rule: 'KLP401',
    architecture,
    faulty: { late: [late('.data.late', 8, refusedTypes[architecture])] },
    clean: { late: [late('.data.late', 8, types[architecture].address)] },
    expected: { moment: 'target', errno: 'ENOEXEC' },
  })),
  {
    rule: 'KLP402',
    architecture: 'ppc64le',
    faulty: {
      sections: [{ ...data, name: '.data.own', relocated: [{ offset: 0, type: 0, symbol: thing }] }],
    },
    clean: {
      sections: [{ ...data, name: '.data.own', relocated: [{ offset: 0, type: 38, symbol: 'printk' }] }],
    },
    expected: { moment: 'load', type: 'R_PPC64_NONE' },
  },
  {
    rule: 'KLP403',
    faulty: { sections: [filled], late: [late('.data.filled', 0, 1)] },
    clean: { sections: [data], late: [late('.data.late', 8, 1)] },
  },
  {
    rule: 'KLP404',
    architecture: 'ppc64le',
    faulty: powerCall(0x38600000),
    clean: powerCall(nop),
    expected: { object: 'xfs' },
  },
  ...ids.map((architecture) => ({
    rule: 'KLP405',
    architecture,
    faulty: { late: [late('.data.late', 60, types[architecture].address)] },
    clean: { late: [late('.data.late', 56, types[architecture].address)] },
  })),
  { rule: 'KLP406', faulty: { sections: [{ name: '.rel.data', type: SHT_REL, info: 1 }] }, clean: {} },
  { rule: 'KLP407', architecture: 'ppc64le', faulty: { bare: true }, clean: {} },
  { rule: 'KLP407', architecture: 'arm64', faulty: { bare: true }, clean: {} },

  ...ids.map((architecture) => ({
    rule: 'KLP408',
    architecture,
    faulty: converted(architecture, 12),
    clean: converted(architecture, 16),
    expected: { errno: architecture === 'x86' ? 'ENOEXEC' : undefined },
  })),

  // Special sections, and code that is rewritten.
  ...ids.map((architecture) => ({
    rule: 'KLP501',
    architecture,
    faulty: jumpLabel(architecture, 'xfs'),
    clean: jumpLabel(architecture, 'vmlinux'),
    expected: { place: { section: '__jump_table', offset: 8 }, severity: 'error' },
  })),
  ...ids.map((architecture) => ({
    rule: 'KLP502',
    architecture,
    faulty: {
      sections: [{ ...data, name: '__ex_table' }],
      late: [late('__ex_table', 0, types[architecture].near)],
    },
    clean: {
      sections: [{ ...data, name: '__ex_tables' }],
      late: [late('__ex_tables', 0, types[architecture].near)],
    },
  })),
  ...(['x86', 's390x'] as const).map((architecture) => ({
    rule: 'KLP503',
    architecture,
    faulty: {
      sections: [{ ...data, name: '.altinstr_replacement' }],
      late: [late('.altinstr_replacement', 4, types[architecture].near)],
    },
    clean: {
      sections: [{ ...data, name: '.altinstr_aux_data' }],
      late: [late('.altinstr_aux_data', 4, types[architecture].near)],
    },
    expected: { severity: 'error' },
  })),
  {
    rule: 'KLP503',
    architecture: 'ppc64le',
    faulty: { sections: [toc], late: [late('.toc', 0, 38)] },
    clean: {},
    expected: { severity: 'note' },
  },
  ...ids.map((architecture) => ({
    rule: 'KLP504',
    architecture,
    faulty: call(architecture, 0x44),
    clean: call(architecture, 0x48),
  })),
  ...ids.map((architecture) => ({
    rule: 'KLP505',
    architecture,
    faulty: call(architecture, 0x84),
    clean: call(architecture, 0x88),
  })),
  {
    rule: 'KLP506',
    faulty: { sections: [{ name: 'runtime_ptr_dentry_hashtable', bytes: new Uint8Array(4) }] },
    clean: { sections: [{ name: 'runtime_ptr_dentry_hashtable' }] },
  },

  // Stores into a livepatch that runs.
  {
    rule: 'KLP601',
    architecture: 'ppc64le',
    faulty: { sections: [rodata], late: [late('.rodata', 0, 38)] },
    clean: { ...powerCall(nop), configuration: 'CONFIG_LIVEPATCH=y\nCONFIG_STRICT_MODULE_RWX=y\n' },
  },
  {
    rule: 'KLP601',
    architecture: 'ppc64le',
    faulty: {
      sections: [{ ...data, name: '.data..ro_after_init' }],
      late: [late('.data..ro_after_init', 0, 38)],
    },
    clean: { sections: [rodata], late: [late('.rodata', 0, 38)], configuration: 'CONFIG_LIVEPATCH=y\n' },
  },
  {
    // The prologue is not the one that R_PPC64_ENTRY rewrites, so that nothing is written.
    rule: 'KLP601',
    architecture: 'ppc64le',
    faulty: powerCall(nop, { late: [late('.text', 0x40, 38)] }),
    clean: powerCall(nop, { late: [late('.text', 0x40, 118)] }),
  },
  {
    rule: 'KLP602',
    architecture: 'arm64',
    faulty: { late: [late('.data.late', 10, 257)] },
    clean: { late: [late('.data.late', 12, 257)] },
  },
  {
    rule: 'KLP603',
    architecture: 'arm64',
    faulty: { late: [late('.text', 0x40, 275)] },
    clean: { late: [late('.text', 0x40, 277)] },
    expected: { severity: 'note' },
  },
  {
    rule: 'KLP603',
    architecture: 'arm64',
    faulty: { late: [late('.text', 0x40, 283)] },
    clean: { late: [late('.text', 0x40, 277)] },
  },

  // Targets that go and come back.
  { rule: 'KLP701', faulty: { kernel: '6.1' }, clean: { kernel: '7.3' } },
  {
    rule: 'KLP701',
    architecture: 'ppc64le',
    faulty: powerCall(nop, { kernel: '6.1' }),
    clean: powerCall(nop),
  },
  {
    // A call goes through the PLT only where it cannot go directly.
    rule: 'KLP702',
    architecture: 's390x',
    faulty: { late: [late('.text', 0x42, types.s390x.call)] },
    clean: { late: [late('.text', 0x42, 19)] },
    expected: { severity: 'note' },
  },
  {
    rule: 'KLP702',
    architecture: 's390x',
    faulty: { late: [late('.text', 0x42, 26)] },
    clean: { late: [late('.text', 0x42, 19)] },
    expected: { severity: 'warning' },
  },
  {
    rule: 'KLP703',
    architecture: 'ppc64le',
    faulty: powerCall(nop),
    clean: { sections: [toc], late: [late('.toc', 0, 38)] },
    expected: {
      message: '1 of 1 relocations take another slot at each reload; there is none left at reload 2',
    },
  },
];
