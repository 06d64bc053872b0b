import { describe, expect, test } from 'vitest';
import { addKallsymsTable } from '../src/kallsyms-table.ts';
import { KernelReader } from '../src/kernel-reader.ts';
import { SymbolCollector, type KernelSymbols } from '../src/kernel-symbols.ts';
import { parseVmcoreInfo, type VmcoreInfo } from '../src/vmcoreinfo.ts';
import { kallsymsNames, kallsymsOffsets, type KallsymsForm, type TableSymbol } from './kallsyms-data.ts';
import { PhysicalMemory } from './physical-memory.ts';
import { refusal, refused } from './refusal.ts';

const start = 0xffff_ffff_8100_0000n;

const symbols: readonly TableSymbol[] = [
  { name: '_stext', address: start, type: 'T' },
  { name: 'schedule', address: start + 0x100n, type: 'T' },
  { name: 'kallsyms_init', address: start + 0x180n, type: 't' },
  { name: `long_${'name'.repeat(60)}`, address: start + 0x200n, type: 't' },
  { name: 'modules', address: start + 0x3000n, type: 'D' },
];
const perCpu: TableSymbol = { name: 'cpu_number', address: 0x35000n, type: 'A' };

interface Table {
  readonly info: VmcoreInfo;
  readonly reader: KernelReader;
}

/** The tables in memory, with what VMCOREINFO says about them. */
function table(
  listed: readonly TableSymbol[],
  form: KallsymsForm,
  byteOrder: 'little' | 'big' = 'little',
): Table {
  const memory = new PhysicalMemory(start + 0x10_0000n, 1 << 16);
  const lines = ['OSRELEASE=6.1.0', 'PAGESIZE=4096'];
  const place = (name: string, bytes: Uint8Array): bigint => {
    const address = memory.allocate(bytes.length, 8);
    memory.put(address, bytes);
    lines.push(`SYMBOL(kallsyms_${name})=${address.toString(16)}`);
    return address;
  };
  const { tokenTable, tokenIndex, names } = kallsymsNames(listed, byteOrder);
  place('token_table', tokenTable);
  place('token_index', tokenIndex);
  place('names', names);
  const count = place('num_syms', new Uint8Array(8));
  new DataView(memory.bytes.buffer).setUint32(
    Number(count - memory.start),
    listed.length,
    byteOrder === 'little',
  );
  const offsets = place('offsets', new Uint8Array(listed.length * 4));
  memory.put(offsets, kallsymsOffsets(listed, byteOrder, form, { table: offsets, base: start }));
  if (form !== 'from own place') memory.putU64(place('relative_base', new Uint8Array(8)), start, byteOrder);
  const info = parseVmcoreInfo(Buffer.from(lines.join('\n')));
  if (info === undefined) throw new Error('no VMCOREINFO');
  return { info, reader: new KernelReader(memory.source, byteOrder, '/vmcore') };
}

function decode({ info, reader }: Table): KernelSymbols {
  const collector = new SymbolCollector();
  addKallsymsTable(collector, info, reader);
  return collector.symbols();
}

const listed = (found: KernelSymbols): TableSymbol[] => {
  return [...found].map(({ name, address, type }) => ({ name, address, type }));
};

describe.each(['little', 'big'] as const)('a %s-endian table', (byteOrder) => {
  test.each(['from base', 'from own place'] as const)('with offsets %s gives every symbol', (form) => {
    expect(listed(decode(table(symbols, form, byteOrder)))).toEqual(symbols);
  });

  test('with absolute per-CPU symbols gives every symbol', () => {
    const all = [perCpu, ...symbols];
    expect(listed(decode(table(all, 'from base, absolute per-CPU', byteOrder)))).toEqual(all);
  });
});

/** A table whose places VMCOREINFO tells otherwise; the empty text leaves one out. */
function withLines({ info, reader }: Table, change: (name: string) => string | undefined): Table {
  const names = ['num_syms', 'token_table', 'token_index', 'offsets', 'names', 'relative_base'];
  const lines = names.flatMap((name) => {
    const value = change(name) ?? info.symbol(`kallsyms_${name}`)?.toString(16);
    return value === undefined || value === '' ? [] : [`SYMBOL(kallsyms_${name})=${value}`];
  });
  const changed = parseVmcoreInfo(Buffer.from(['OSRELEASE=5.10.0', 'PAGESIZE=4096', ...lines].join('\n')));
  if (changed === undefined) throw new Error('no VMCOREINFO');
  return { info: changed, reader };
}

describe('a table that cannot be read', () => {
  test('because the kernel does not tell where it is', () => {
    const found = refusal(() =>
      decode(withLines(table(symbols, 'from base'), (name) => (name === 'names' ? '' : undefined))),
    );
    expect(found).toEqual(refused('memory/no-kallsyms', /5\.10\.0 does not name kallsyms_names/u, '/vmcore'));
  });

  test.each(['num_syms', 'token_table', 'token_index', 'offsets', 'names', 'relative_base'])(
    'because %s is not in the dump',
    (part) => {
      const changed = withLines(table(symbols, 'from base'), (name) =>
        name === part ? 'ffffffff90000000' : undefined,
      );
      expect(refusal(() => decode(changed))).toEqual(
        refused('memory/absent', /0xffffffff90000000/u, '/vmcore'),
      );
    },
  );

  test('because it counts no symbols', () => {
    expect(refusal(() => decode(table([], 'from base')))).toEqual(
      refused('memory/damaged-kallsyms', /0 symbols/u),
    );
  });

  test('because a name is empty', () => {
    const empty = table([{ name: '', address: start, type: 'T' }], 'from base');
    expect(refusal(() => decode(empty))).toEqual(refused('memory/damaged-kallsyms', /no name/u));
  });
});
