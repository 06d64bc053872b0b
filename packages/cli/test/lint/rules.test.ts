import {
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_RELA_LIVEPATCH,
  SHF_WRITE,
  SHT_PROGBITS,
  SHT_SYMTAB,
} from '@kelp/core/elf';
import { lintRules } from '@kelp/livepatch';
import { describe, expect, it } from 'vitest';
import { data, findings, ids, late, module, thing, types, type Case, type Parts } from './parts.ts';
import { hazards } from './hazards.ts';

const long = 'm'.repeat(56);
const functionNamed = (oldName: string, position = 0n, object: string | undefined = 'xfs'): Parts => ({
  objects: [{ name: object, functions: [{ oldName, position }] }],
});
const lateSymbol = (symbol: string): Parts => ({ late: [late('.data.late', 8, 1, symbol)] });
const withSymbols = (names: readonly string[], parts: Parts = {}): Parts => ({
  ...parts,
  input: { symbols: new Map([['xfs', names]]) },
});
const withModule = (file: ReturnType<typeof module>, parts: Parts = {}): Parts => ({
  ...parts,
  input: { modules: new Map([['xfs', file]]) },
});

/** A livepatch with an ordinary relocation against a symbol, and what vmlinux has. */
function importing(symbol: string, names: readonly string[]): Parts {
  return {
    sections: [{ ...data, name: '.data.own', relocated: [{ offset: 0, type: 1, symbol }] }],
    input: { symbols: new Map([['vmlinux', names]]) },
  };
}

/** Sections of objtool with one klp_func that has a name or a replacement. */
function objtool(field: 'name' | 'replacement'): Parts {
  return {
    objects: [],
    sections: [
      {
        name: '.init.klp_objects',
        flags: SHF_ALLOC | SHF_WRITE,
        bytes: new Uint8Array(64).fill(1, 56, 57),
        relocated: [
          { offset: 0, type: 1, symbol: '.names' },
          { offset: 8, type: 1, symbol: '.init.klp_funcs' },
        ],
      },
      {
        name: '.init.klp_funcs',
        flags: SHF_ALLOC | SHF_WRITE,
        bytes: new Uint8Array(24),
        relocated: [
          field === 'name'
            ? { offset: 0, type: 1, symbol: '.names' }
            : { offset: 8, type: 1, symbol: '.text' },
          ...(field === 'name' ? [] : [{ offset: 0, type: 1, symbol: '.names' }]),
        ],
      },
      { name: '.names', bytes: Buffer.from('xfs\0') },
    ],
  };
}

/** Turn the symbol table into data. */
function strip(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [start, count] = [Number(view.getBigUint64(40, true)), view.getUint16(60, true)];
  for (let index = 0; index < count; index++) {
    const at = start + index * 64 + 4;
    if (view.getUint32(at, true) === SHT_SYMTAB) view.setUint32(at, SHT_PROGBITS, true);
  }
}

const cases: readonly Case[] = [
  // The module as a whole.
  { rule: 'KLP001', architecture: 'arm64', faulty: { kernel: '6.12' }, clean: { kernel: '7.3' } },
  {
    rule: 'KLP001',
    faulty: { configuration: 'CONFIG_SMP=y' },
    clean: { configuration: 'CONFIG_LIVEPATCH=y' },
  },
  {
    rule: 'KLP002',
    faulty: { modinfo: 'vermagic=7.3.0 SMP \0' },
    clean: { modinfo: 'livepatch=\0vermagic=7.3.0 SMP \0' },
  },
  { rule: 'KLP003', faulty: { modinfo: 'livepatch=yes\0vermagic=7.3.0 SMP \0' }, clean: {} },
  { rule: 'KLP004', faulty: { kernel: '6.12' }, clean: { kernel: '7.3.0' } },
  { rule: 'KLP004', faulty: { modinfo: 'livepatch=Y\0' }, clean: {} },
  {
    rule: 'KLP004',
    faulty: { input: { reference: module([], { modinfo: 'vermagic=7.3.0 SMP preempt \0' }) } },
    clean: { input: { reference: module([]) } },
  },
  {
    rule: 'KLP005',
    faulty: { sections: [{ name: '.gnu.linkonce.this_module', flags: 0n, bytes: new Uint8Array(896) }] },
    clean: {},
  },
  {
    rule: 'KLP006',
    faulty: { input: { reference: module([], { structureSize: 960 }) } },
    clean: { input: { reference: module([]) } },
  },
  { rule: 'KLP007', faulty: { change: strip, late: null, objects: [] }, clean: {} },
  {
    rule: 'KLP008',
    faulty: { sections: [{ name: '__ksymtab', bytes: new Uint8Array(12) }] },
    clean: { sections: [{ name: '__ksymtab' }] },
  },
  {
    rule: 'KLP009',
    faulty: { sections: [{ name: '.klp.arch.xfs..altinstructions' }] },
    clean: { kernel: '5.4', sections: [{ name: '.klp.arch.xfs..altinstructions' }] },
  },

  {
    rule: 'KLP010',
    faulty: { sections: [{ name: '.text.own', flags: SHF_ALLOC | SHF_EXECINSTR | SHF_WRITE }] },
    clean: {
      sections: [{ name: '.text.own', flags: SHF_ALLOC | SHF_EXECINSTR | SHF_WRITE }],
      configuration: 'CONFIG_LIVEPATCH=y\n',
    },
  },

  // Objects and functions.
  {
    rule: 'KLP101',
    faulty: { objects: [{ name: long, functions: [{ oldName: 'f', position: 0n }] }] },
    clean: { objects: [{ name: long.slice(1), functions: [{ oldName: 'f', position: 0n }] }] },
  },
  {
    rule: 'KLP102',
    faulty: { objects: [{ name: 'snd-hda', functions: [{ oldName: 'f', position: 0n }] }] },
    clean: { objects: [{ name: 'snd_hda', functions: [{ oldName: 'f', position: 0n }] }] },
  },
  {
    rule: 'KLP102',
    faulty: { objects: [{ name: 'vmlinux', functions: [{ oldName: 'f', position: 0n }] }] },
    clean: { objects: [{ name: undefined, functions: [{ oldName: 'f', position: 0n }] }] },
  },
  {
    rule: 'KLP103',
    faulty: { objects: ['a', 'a'].map((name) => ({ name, functions: [{ oldName: 'f', position: 0n }] })) },
    clean: { objects: ['a', 'b'].map((name) => ({ name, functions: [{ oldName: 'f', position: 0n }] })) },
  },
  { rule: 'KLP104', faulty: objtool('name'), clean: objtool('replacement') },
  { rule: 'KLP105', faulty: functionNamed('f'.repeat(512)), clean: functionNamed('f'.repeat(511)) },
  {
    rule: 'KLP105',
    faulty: { ...functionNamed('f'.repeat(128)), kernel: '5.10' },
    clean: functionNamed('f'.repeat(128)),
  },
  {
    rule: 'KLP106',
    faulty: {
      objects: [{ name: 'xfs', functions: [0n, 1n].map((position) => ({ oldName: 'f', position })) }],
    },
    clean: {
      objects: [{ name: 'xfs', functions: [1n, 2n].map((position) => ({ oldName: 'f', position })) }],
    },
  },
  {
    rule: 'KLP107',
    faulty: withSymbols(['thing'], functionNamed('f')),
    clean: withSymbols(['f'], functionNamed('f')),
    expected: { moment: 'target' },
  },
  {
    rule: 'KLP108',
    faulty: withSymbols(['f', 'f'], functionNamed('f')),
    clean: withSymbols(['f', 'f'], functionNamed('f', 2n)),
  },
  {
    rule: 'KLP109',
    faulty: withSymbols(['f', 'f'], functionNamed('f', 3n)),
    clean: withSymbols(['f', 'f'], functionNamed('f', 2n)),
  },
  {
    rule: 'KLP110',
    faulty: withModule(
      module([
        ['f', '.text'],
        ['f', '.init.text'],
      ]),
      functionNamed('f', 1n),
    ),
    clean: withModule(
      module([
        ['f', '.text'],
        ['f', '.text'],
      ]),
      functionNamed('f', 1n),
    ),
  },
  {
    rule: 'KLP111',
    faulty: withModule(
      module(
        [
          ['f', '.text'],
          ['g', '.text'],
        ],
        { sites: ['g'] },
      ),
      functionNamed('f'),
    ),
    clean: withModule(
      module(
        [
          ['f', '.text'],
          ['g', '.text'],
        ],
        { sites: ['f'] },
      ),
      functionNamed('f'),
    ),
  },

  // Sections.
  { rule: 'KLP201', faulty: { late: [late('.data.late', 8, 1, thing, '.klp.rela..x')] }, clean: {} },
  {
    rule: 'KLP202',
    faulty: { late: [late('.data.late', 8, 1, thing, `.klp.rela.${long}.x`)] },
    clean: { late: [late('.data.late', 8, 1, thing, `.klp.rela.${long.slice(1)}.x`)] },
  },
  {
    rule: 'KLP203',
    faulty: { late: [late('.data.late', 8, 1, thing, '.klp.rela.ext4.x')] },
    clean: { late: [{ name: '.klp.rela.ext4.x', target: '.data.late', records: [] }] },
  },
  {
    rule: 'KLP204',
    faulty: { late: [{ ...late('.data.late', 8, 1), flags: SHF_RELA_LIVEPATCH }] },
    clean: {
      late: [
        {
          ...late('.data.late', 8, 1, '.klp.sym.vmlinux.f,0', '.klp.rela.vmlinux.x'),
          flags: SHF_RELA_LIVEPATCH,
        },
      ],
    },
  },
  {
    rule: 'KLP205',
    faulty: {
      sections: [
        { name: '.klp.rela.xfs.x', flags: SHF_ALLOC | SHF_RELA_LIVEPATCH, bytes: new Uint8Array(24) },
      ],
    },
    clean: {},
  },
  { rule: 'KLP206', faulty: { late: [{ ...late('.data.late', 8, 1), target: 200 }] }, clean: {} },
  {
    rule: 'KLP206',
    faulty: {
      sections: [{ name: '.comment', flags: 0n, bytes: new Uint8Array(16) }],
      late: [late('.comment', 0, 1)],
    },
    clean: {},
  },
  {
    rule: 'KLP207',
    faulty: { sections: [{ ...data, name: '.init.data' }], late: [late('.init.data', 0, 1)] },
    clean: { sections: [{ ...data, name: '.exit.data' }], late: [late('.exit.data', 0, 1)] },
  },
  { rule: 'KLP208', faulty: { late: [{ ...late('.data.late', 8, 1), flags: SHF_ALLOC }] }, clean: {} },
  {
    rule: 'KLP209',
    faulty: { sections: [{ name: '__klp_relocs.ext4', bytes: new Uint8Array(24) }] },
    clean: { sections: [{ name: '__klp_relocs.xfs', bytes: new Uint8Array(24) }] },
  },
  { rule: 'KLP209', faulty: { sections: [{ name: '.klp.module_relocs.xfs' }] }, clean: {} },

  // Symbols.
  { rule: 'KLP301', faulty: { reserved: { [thing]: 0 } }, clean: {} },
  { rule: 'KLP302', faulty: lateSymbol('.klp.sym.xfs.other'), clean: lateSymbol('.klp.sym.xfs.other,1') },
  {
    rule: 'KLP302',
    faulty: { ...lateSymbol(`.klp.sym.xfs.${'s'.repeat(128)},0`), kernel: '5.10' },
    clean: lateSymbol(`.klp.sym.xfs.${'s'.repeat(128)},0`),
  },
  {
    rule: 'KLP303',
    faulty: lateSymbol('.klp.sym.vmlinux.f,0'),
    clean: { late: [late('.data.late', 8, 1, '.klp.sym.vmlinux.f,0', '.klp.rela.vmlinux.x')] },
  },
  { rule: 'KLP304', faulty: withSymbols(['xfs_read']), clean: withSymbols(['xfs_read', 'thing']) },
  { rule: 'KLP305', faulty: withSymbols(['thing', 'thing']), clean: withSymbols(['thing']) },
  {
    rule: 'KLP306',
    faulty: withSymbols(['thing'], lateSymbol('.klp.sym.xfs.thing,2')),
    clean: withSymbols(['thing', 'thing'], lateSymbol('.klp.sym.xfs.thing,2')),
  },
  {
    rule: 'KLP307',
    faulty: withModule(module([['thing', '.init.text']])),
    clean: withModule(module([['thing', '.text']])),
  },
  {
    rule: 'KLP308',
    faulty: { late: [late('.data.late', 8, 1, thing, '.klp.rela.vmlinux.x')] },
    clean: { late: [late('.data.late', 8, 1, '.klp.sym.vmlinux.f,0', '.klp.rela.vmlinux.x')] },
  },
  {
    // Whether the file of xfs names the other module is not known.
    rule: 'KLP309',
    faulty: lateSymbol('.klp.sym.lib_crc.f,0'),
    clean: lateSymbol('.klp.sym.xfs.f,0'),
    expected: { severity: 'note' },
  },
  {
    rule: 'KLP309',
    faulty: withModule(module([]), lateSymbol('.klp.sym.lib_crc.f,0')),
    clean: withModule(
      module([], { modinfo: 'depends=a,lib-crc\0vermagic=7.3.0 SMP \0' }),
      lateSymbol('.klp.sym.lib_crc.f,0'),
    ),
    expected: { severity: 'warning' },
  },
  {
    rule: 'KLP310',
    faulty: {
      sections: [{ ...data, name: '.data.own', relocated: [{ offset: 0, type: 1, symbol: thing }] }],
    },
    clean: {
      sections: [{ ...data, name: '.data.own', relocated: [{ offset: 0, type: 1, symbol: 'printk' }] }],
    },
  },
  {
    rule: 'KLP311',
    faulty: { ...lateSymbol('.klp.sym.xfs.other,0'), reserved: { '.klp.sym.xfs.other,0': 0 } },
    clean: lateSymbol('.klp.sym.xfs.other,0'),
  },
  {
    rule: 'KLP312',
    faulty: importing('kfree', ['__ksymtab_printk']),
    clean: importing('kfree', ['__ksymtab_kfree']),
  },
  // Without any export the list does not tell.
  { rule: 'KLP312', faulty: importing('kfree', ['__ksymtab_printk']), clean: importing('kfree', ['kfree']) },
  ...hazards,
];

const rules = new Map(lintRules.map((rule) => [rule.code, rule]));

describe.each(cases.map((one) => [`${one.rule} ${rules.get(one.rule)?.name}`, one] as const))(
  '%s',
  (_name, one) => {
    const { rule, architecture = 'x86', faulty, clean, expected = {} } = one;

    it(`is found on ${architecture}`, () => {
      const found = findings(architecture, faulty).filter((finding) => finding.rule.code === rule);
      expect(found.length).toBeGreaterThan(0);
      expect(found[0]).toMatchObject(expected);
      for (const { message } of found) expect(message).toMatch(/[^.]$/u);
    });

    it(`is not found on ${architecture} where there is none`, () => {
      const found = findings(architecture, clean).filter((finding) => finding.rule.code === rule);
      expect(found.map(({ message }) => message)).toEqual([]);
    });
  },
);

describe('the rules', () => {
  it('have codes that are unique, in order, and a case each', () => {
    const codes = lintRules.map(({ code }) => code);
    expect(codes).toEqual([...new Set(codes)].toSorted());
    expect([...new Set(cases.map(({ rule }) => rule))].toSorted()).toEqual(codes);
  });

  it('have names that are unique, and texts', () => {
    expect(new Set(lintRules.map(({ name }) => name)).size).toBe(lintRules.length);
    for (const { code, name, title, advice, source } of lintRules) {
      expect([code, name]).toEqual([
        expect.stringMatching(/^KLP\d{3}$/u),
        expect.stringMatching(/^[a-z]+(?:-[a-z]+)*$/u),
      ]);
      expect([title, advice]).toEqual([
        expect.stringMatching(/^[A-Z].*[^.]$/u),
        expect.stringMatching(/^[A-Z].*[^.]\.?$/u),
      ]);
      expect(source.file).toMatch(/^(?:arch|include|kernel|tools)\//u);
    }
  });

  it.each(ids)('find nothing in a clean livepatch of %s', (id) => {
    const more: Parts = {
      configuration: 'CONFIG_LIVEPATCH=y\nCONFIG_STRICT_MODULE_RWX=y\n',
      late: [
        late('.data.late', 8, types[id].far),
        late('.data.late', 16, types[id].address, '.klp.sym.vmlinux.f,1', '.klp.rela.vmlinux.x'),
      ],
      sections: [{ name: '.text.more', flags: SHF_ALLOC | SHF_EXECINSTR, bytes: new Uint8Array(16) }],
      input: {
        symbols: new Map([
          ['vmlinux', ['f', 'f']],
          ['xfs', ['xfs_read', 'thing']],
        ]),
        reference: module([]),
      },
    };
    expect(findings(id, more).map(({ rule, message }) => [rule.code, message])).toEqual([]);
  });
});
