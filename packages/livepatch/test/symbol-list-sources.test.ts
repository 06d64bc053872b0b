import {
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHN_ABS,
  SHN_UNDEF,
  SHT_PROGBITS,
  STB_GLOBAL,
  STT_FILE,
  STT_SECTION,
  writeObjectFile,
  type SymbolSpecification,
} from '@kelp/core/elf';
import { describe, expect, it } from 'vitest';
import { formatSymbolList } from '../src/symbol-list.ts';
import { SymbolCollector } from '../src/symbol-list-sources.ts';

const encoder = new TextEncoder();
const code = SHF_ALLOC | SHF_EXECINSTR;

function elf(
  type: number,
  modinfo: string | undefined,
  symbols?: readonly SymbolSpecification[],
): Uint8Array {
  return writeObjectFile({
    machine: 22,
    byteOrder: 'big',
    type,
    sections: [
      { name: '.text', type: SHT_PROGBITS, flags: code, bytes: new Uint8Array(16) },
      { name: '.init.text', type: SHT_PROGBITS, flags: code, bytes: new Uint8Array(16) },
      { name: '.debug_info', type: SHT_PROGBITS, bytes: new Uint8Array(16) },
      ...(modinfo === undefined
        ? []
        : [{ name: '.modinfo', type: SHT_PROGBITS, flags: SHF_ALLOC, bytes: encoder.encode(modinfo) }]),
    ],
    ...(symbols === undefined ? {} : { symbols }),
  });
}

const symbols: readonly SymbolSpecification[] = [
  { name: 'file.c', type: STT_FILE, section: SHN_ABS, reserved: true },
  { name: '', type: STT_SECTION, section: 1 },
  { name: 'late', section: 1, value: 0x80n },
  { name: 'twice', section: 1, value: 0x40n, size: 1n },
  { name: 'debug', section: 3 },
  { name: '$x', section: 1 },
  { name: '$d.1', section: 1 },
  { name: 'absolute', section: SHN_ABS, reserved: true },
  { name: 'twice', section: 1, value: 0x20n },
  { name: '__ksymtab_late', section: 1, value: 0xffff_ffff_8000_0000n },
  { name: 'missing', binding: STB_GLOBAL, section: SHN_UNDEF },
];

function collect(
  ...inputs: readonly (readonly [file: string, bytes: Uint8Array | string])[]
): SymbolCollector {
  const collector = new SymbolCollector();
  for (const [file, bytes] of inputs) {
    collector.add({ file, bytes: typeof bytes === 'string' ? encoder.encode(bytes) : bytes });
  }
  return collector;
}

describe('kernel and modules', () => {
  it('vmlinux by address, a module by its symbol table, without what is in no memory', () => {
    const { objects, findings } = collect(
      ['vmlinux', elf(2, undefined, symbols)],
      ['x/my-mod.ko.xz', elf(1, 'license=GPL\0', symbols)],
      ['other.ko', elf(1, 'name=real_name\0', [])],
    );
    expect([...objects]).toStrictEqual([
      ['vmlinux', ['twice', 'twice', 'late', '__ksymtab_late']],
      ['my_mod', ['late', 'twice', 'twice', '__ksymtab_late']],
      ['real_name', []],
    ]);
    expect(findings).toStrictEqual([]);
  });

  it('warns of a name that init memory has too', () => {
    const { findings } = collect([
      'a.ko',
      elf(1, 'name=a\0', [
        { name: 'f', section: 1 },
        { name: 'f', section: 2 },
      ]),
    ]);
    expect(findings).toMatchObject([{ code: 'symbols/init-duplicate', severity: 'warning' }]);
  });

  it('leaves out names that no line can hold', () => {
    const { objects, findings } = collect([
      'a.ko',
      elf(1, 'name=a\0', [
        { name: 'f\ng', section: 1 },
        { name: '*f', section: 1 },
        { name: 'ok', section: 1 },
      ]),
    ]);
    expect(formatSymbolList(objects)).toBe('klp-convert-symbol-data.0.1\n*a\nok\n');
    expect(findings.map((finding) => finding.code)).toStrictEqual([
      'symbols/unwritable-name',
      'symbols/unwritable-name',
    ]);
  });
});

describe('text', () => {
  it('System.map: by address', () => {
    const { objects } = collect(['System.map', 'ffff20 T b\nffff10 t a\n0000 A zero\n']);
    expect([...objects]).toStrictEqual([['vmlinux', ['zero', 'a', 'b']]]);
  });

  it('kallsyms: modules in their order, the order of the file where addresses are hidden', () => {
    const zero = '0'.repeat(16);
    const { objects } = collect([
      'kallsyms',
      [
        `${zero} T second`,
        `${zero} t first`,
        `${zero} t g\t[ext4]`,
        `${zero} t f\t[ext4]`,
        `${zero} t bpf_prog\t[bpf]`,
        `${zero} t tramp\t[__builtin__ftrace]`,
        `${zero} U gone\t[ext4]`,
      ].join('\n'),
    ]);
    expect([...objects]).toStrictEqual([
      ['vmlinux', ['second', 'first']],
      ['ext4', ['g', 'f']],
    ]);
  });

  it('a symbol list is taken as it is', () => {
    const { objects } = collect(['symbols.klp', 'klp-convert-symbol-data.0.1\n*vmlinux\nb\na\n']);
    expect([...objects]).toStrictEqual([['vmlinux', ['b', 'a']]]);
  });
});

describe('errors', () => {
  it.each([
    ['', 'symbols/empty'],
    ['hello\n', 'symbols/unknown-format'],
    [elf(2, undefined), 'symbols/no-symbol-table'],
    [elf(1, undefined, symbols), 'symbols/not-linked'],
    [Uint8Array.of(0x7f), 'elf/not-elf'],
  ])('%#: %s', (bytes, expected) => {
    let caught: unknown;
    try {
      collect(['input', bytes]);
    } catch (error) {
      caught = error;
    }
    expect(caught).toMatchObject({ code: expected, file: 'input' });
  });

  it('two files for one object', () => {
    const map = '00 T a\n';
    expect(() => collect(['System.map', map], ['kallsyms', map])).toThrow(
      'which System.map has given already',
    );
  });
});
