import { parseObjectFile, rewriteObjectFile } from '@kelp/core/elf';
import { SymbolList } from '@kelp/livepatch';
import { describe, expect, test } from 'vitest';
import { bytesOf, convert, converted, livepatchContents, unconverted } from './marked-fixture.ts';
import { annotation, architectureNames, code, data, smallModule, type SmallSection } from './small-module.ts';

const symbols = new SymbolList(
  new Map([
    ['vmlinux', ['v', 'twice', 'twice', 'shared', 'exported', '__ksymtab_exported']],
    ['target', ['m', 'shared']],
  ]),
);

function convertSections(sections: readonly SmallSection[], name: Parameters<typeof smallModule>[0] = 'x86') {
  return convert(smallModule(name, sections), { symbols });
}

/** Codes of findings and where they are. */
function codesOf({ findings }: ReturnType<typeof convert>) {
  return findings.map(({ code: found, severity }) => `${severity} ${found}`);
}

const use = (symbol: string, offset = 0): SmallSection => ({
  name: '.data',
  flags: data,
  relocated: [{ offset, symbol }],
});

describe('what the tools refuse is refused', () => {
  test.each<[string, readonly SmallSection[], string]>([
    ['a symbol in no list', [use('nobody')], 'convert/unknown-symbol'],
    ['a name that an object has twice', [use('twice')], 'convert/ambiguous-symbol'],
    ['a name that two objects have', [use('shared')], 'convert/ambiguous-symbol'],
    [
      'sympos 0 where several match',
      [use('twice'), annotation('x86', 'vmlinux', [['twice', 0]])],
      'convert/wrong-position',
    ],
    [
      'a sympos that is not found',
      [use('twice'), annotation('x86', 'vmlinux', [['twice', 3]])],
      'convert/wrong-position',
    ],
    [
      'an object that lacks the symbol',
      [use('v'), annotation('x86', 'target', [['v', 0]])],
      'convert/wrong-position',
    ],
    [
      'annotations that contradict each other',
      [
        use('twice'),
        annotation('x86', 'vmlinux', [
          ['twice', 1],
          ['twice', 2],
        ]),
      ],
      'convert/annotation-conflict',
    ],
  ])('%s', (_, sections, expected) => {
    const result = convertSections(sections);
    expect(codesOf(result)).toEqual([`error ${expected}`]);
    expect(result.bytes).toBeUndefined();
  });

  test('the choices are part of the message', () => {
    expect(convertSections([use('shared')]).findings[0]?.message).toBe(
      'shared is not unique; annotate it: KLP_MODULE_RELOC(vmlinux) with KLP_SYMPOS(shared, 0), or KLP_MODULE_RELOC(target) with KLP_SYMPOS(shared, 0)',
    );
    expect(convertSections([use('twice')]).findings[0]?.message).toContain('KLP_SYMPOS(twice, 1 to 2)');
  });

  test('annotations and their relocations that do not agree in number', () => {
    const { bytes = new Uint8Array(), ...section } = annotation('s390x', 'vmlinux', [['twice', 1]]);
    const module = smallModule('s390x', [use('twice'), { ...section, bytes: Buffer.concat([bytes, bytes]) }]);
    expect(() => convert(module, { symbols })).toThrow(
      expect.objectContaining({ code: 'convert/annotation-count' }),
    );
  });

  test('an annotation that nothing needs is a warning', () => {
    const result = convertSections([use('v'), annotation('x86', 'vmlinux', [['twice', 1]])]);
    expect(codesOf(result)).toEqual(['warning convert/annotation-unused']);
    expect(result.symbols).toEqual([{ object: 'vmlinux', name: 'v', position: 0n }]);
    expect(result.bytes).toBeDefined();
  });

  test('exported symbols stay with the module loader, unless they are annotated', () => {
    const plain = smallModule('x86', [use('exported')]);
    expect(Buffer.compare(converted(convert(plain, { symbols })), plain)).toBe(0);
    const annotated = convertSections([use('exported'), annotation('x86', 'vmlinux', [['exported', 1]])]);
    expect(annotated.symbols).toEqual([{ object: 'vmlinux', name: 'exported', position: 1n }]);
  });

  test('without symbols the list dialects cannot begin', () => {
    expect(() => convert(smallModule('x86', [use('v')]))).toThrow(
      expect.objectContaining({ code: 'convert/no-symbols' }),
    );
  });

  test('marks of two dialects need a decision', () => {
    const module = smallModule('x86', [
      use('.klp.sym.rela.vmlinux.vmlinux.v,0'),
      annotation('x86', 'vmlinux', [['v', 0]]),
    ]);
    expect(() => convert(module, { symbols })).toThrow(
      expect.objectContaining({ code: 'convert/mixed-dialects' }),
    );
    expect(convert(module, { dialect: 'minimal' }).symbols).toHaveLength(1);
  });
});

describe('names', () => {
  const marked = (mark: string) => convert(smallModule('x86', [use(`.klp.sym.rela.${mark}`)]));

  test.each([
    ['no position', 'vmlinux.vmlinux.f', 'convert/symbol-name'],
    ['no provider', 'vmlinux.f,0', 'convert/symbol-name'],
    ['an object of 56 bytes', `vmlinux.${'o'.repeat(56)}.f,0`, 'convert/symbol-name'],
    ['a symbol of 512 bytes', `vmlinux.vmlinux.${'f'.repeat(512)},0`, 'convert/symbol-name'],
    ['a patched object of 56 bytes', `${'o'.repeat(56)}.vmlinux.f,0`, 'convert/object'],
    ['a symbol of vmlinux for a module', 'target.vmlinux.f,0', 'convert/vmlinux-symbol'],
  ])('%s is refused', (_, mark, expected) => {
    const result = marked(mark);
    expect(codesOf(result)).toContain(`error ${expected}`);
    expect(result.bytes).toBeUndefined();
  });

  test.each(['f'.repeat(500), 'a.b.c', '__proto__', '\u001b[31m', 'constructor', 'é'])(
    '%j is kept',
    (name) => {
      const result = marked(`vmlinux.vmlinux.${name},7`);
      expect(livepatchContents(converted(result))).toMatchObject({
        symbols: [[expect.anything(), `.klp.sym.vmlinux.${name},7`, true]],
      });
      expect(result.symbols).toEqual([{ object: 'vmlinux', name, position: 7n }]);
    },
  );

  test('a section without a dot in front gets one in the minimal dialect', () => {
    const result = convert(
      smallModule('x86', [
        { ...use('.klp.sym.rela.vmlinux.vmlinux.f,0'), name: 'special' },
        { ...use('.klp.sym.rela.target.target.f,0'), name: '.data' },
      ]),
    );
    expect(result.sections.map(({ name }) => name)).toEqual([
      '.klp.rela.vmlinux.special',
      '.klp.rela.target.data',
    ]);
  });

  test('kernels before 6.1 read 127 bytes', () => {
    const module = smallModule('x86', [use(`.klp.sym.rela.vmlinux.vmlinux.${'f'.repeat(128)},0`)]);
    expect(codesOf(convert(module, { release: '5.10.223' }))).toEqual(['error convert/symbol-name']);
  });
});

describe('an object that the livepatch does not patch', () => {
  const mark = '.klp.sym.rela.other.other.f,0';

  test('is never applied where the structures are known', () => {
    const bytes = unconverted(bytesOf('x86/livepatch-6.1'), 'minimal');
    const table = parseObjectFile(bytes).symbols();
    const marked = Array.from({ length: table?.count ?? 0 }, (_, index) => index).find((index) =>
      table?.name(index).endsWith('hello.users,0'),
    );
    const result = convert(rewriteObjectFile(bytes, { symbols: new Map([[marked ?? 0, { name: mark }]]) }));
    expect(codesOf(result)).toEqual(['error convert/object']);
    expect(result.findings[0]?.message).toBe(
      '.klp.rela.other.text would never be applied: the livepatch patches vmlinux, hello, not other',
    );
  });

  test('is believed where the livepatch makes its structures at run time', () => {
    expect(convert(smallModule('x86', [use(mark)])).findings).toEqual([]);
  });
});

test('arm64 has no livepatch before 6.17', () => {
  const module = smallModule('arm64', [use('v')]);
  expect(codesOf(convert(module, { symbols, release: '6.12.107' }))).toEqual(['error convert/no-livepatch']);
  expect(convert(module, { symbols, release: '7.2.13' }).bytes).toBeDefined();
});

/** A section that the kernel reads while it loads the livepatch; sorted tables and sources of copies among them. */
const readAtLoad = ['__jump_table', '__ex_table', '__param', '.data..percpu', '.init.data'];

describe.each(architectureNames)('%s', (name) => {
  test.each(readAtLoad)(
    'a relocation against a module in %s is refused, one against vmlinux is not',
    (section) => {
      const [late, early] = ['m', 'v'].map((symbol) =>
        convertSections([{ name: section, flags: data, relocated: [{ offset: 0, symbol }] }], name),
      );
      expect(codesOf(late ?? convertSections([]))).toHaveLength(1);
      expect(late?.findings[0]?.code).toMatch(/^convert\/(?:read-at-load|init-memory)$/u);
      expect(late?.findings[0]?.place).toEqual({ section, offset: 0 });
      expect(early?.findings).toEqual([]);
      expect(early?.bytes).toBeDefined();
    },
  );

  test('in data it can wait', () => {
    const result = convertSections([use('m', 8)], name);
    expect(result.findings).toEqual([]);
    expect(result.sections).toEqual([
      { name: '.klp.rela.target..data', object: 'target', target: '.data', count: 1 },
    ]);
  });
});

describe('instructions that the kernel replaces', () => {
  const pcRelative = 2;
  const call = (at: number): readonly SmallSection[] => [
    {
      name: '.text',
      flags: code,
      relocated: [{ offset: at + 1, symbol: 'm', type: pcRelative, addend: -4n }],
    },
  ];
  const table = (name: string, bytes: Uint8Array, fields: readonly number[], at: number): SmallSection => ({
    name,
    bytes,
    relocated: fields.map((offset) => ({ offset, symbol: '.text', type: pcRelative, addend: BigInt(at) })),
  });

  test.each([
    ['.retpoline_sites', table('.retpoline_sites', new Uint8Array(4), [0], 8)],
    ['.static_call_sites', table('.static_call_sites', new Uint8Array(8), [0, 4], 8)],
    [
      '.altinstructions',
      table('.altinstructions', Uint8Array.of(...Array.from({ length: 12 }, () => 0), 5, 0), [0, 4], 8),
    ],
  ])('because of %s', (name, section) => {
    const result = convertSections([...call(8), section]);
    expect(codesOf(result)).toEqual(['error convert/rewritten-at-load']);
    expect(result.findings[0]?.message).toContain(name);
    expect(convertSections([...call(16), section]).findings).toEqual([]);
    expect(convertSections([...call(3), section]).findings).toEqual([]);
  });

  test('not because of .call_sites, which leaves calls alone whose displacement is still 0', () => {
    expect(convertSections([...call(8), table('.call_sites', new Uint8Array(4), [0], 8)]).findings).toEqual(
      [],
    );
  });

  test('s390x: in the second halfword', () => {
    const sections = (at: number): readonly SmallSection[] => [
      { name: '.text', flags: code, relocated: [{ offset: at, symbol: 'm', type: 20, addend: 2n }] },
      {
        name: '.s390_return_reg',
        bytes: new Uint8Array(4),
        relocated: [{ offset: 0, symbol: '.text', type: 5, addend: 8n }],
      },
    ];
    expect(codesOf(convertSections(sections(10), 's390x'))).toEqual(['error convert/rewritten-at-load']);
    expect(convertSections(sections(16), 's390x').findings).toEqual([]);
  });

  test('x86: a replacement is copied before the relocation is applied', () => {
    const section = {
      name: '.altinstr_replacement',
      flags: code,
      relocated: [{ offset: 1, symbol: 'm', type: 4 }],
    };
    expect(codesOf(convertSections([section]))).toEqual(['error convert/read-at-load']);
  });
});

describe('late stores', () => {
  test('ppc64le: plain stores reach writable sections only', () => {
    const ADDR64 = 38;
    const rodata = { name: '.rodata', relocated: [{ offset: 0, symbol: 'm', type: ADDR64 }] };
    expect(codesOf(convertSections([rodata], 'ppc64le'))).toEqual(['error convert/read-only']);
    expect(convertSections([{ ...rodata, name: '.toc', flags: data }], 'ppc64le').findings).toEqual([]);
    const REL24 = 10;
    const text = { name: '.text', flags: code, relocated: [{ offset: 0, symbol: 'm', type: REL24 }] };
    expect(convertSections([text], 'ppc64le').findings).toEqual([]);
  });

  test('arm64: a place that is no multiple of 4 is lost', () => {
    expect(codesOf(convertSections([use('m', 6)], 'arm64'))).toEqual(['error convert/misaligned']);
    expect(convertSections([use('m', 6)], 'x86').findings).toEqual([]);
  });
});
