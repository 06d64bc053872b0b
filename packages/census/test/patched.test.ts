import { renderMarkdown } from '@kelp/report';
import { describe, expect, test } from 'vitest';
import { readFixYears, readPatchedList, type PatchedFunction } from '../src/patched-list.ts';
import { patchedReport, summarizePatched } from '../src/patched-report.ts';
import { PatchedScanner, type PatchedKernel } from '../src/patched-use.ts';
import { TemporaryFolder } from './temporary-folder.ts';
import { code, data, modinfo, rela, toy, toyModule } from './toy-architecture.ts';

const folder = new TemporaryFolder();

describe('a list of patched functions', () => {
  const read = (text: string): readonly PatchedFunction[] => readPatchedList(folder.write('list.tsv', text));

  test('may have its columns in any order, others too, and either line ends', () => {
    expect(read('function\tsource\tfix\tobject\tyear\r\nf\tx\tbsc1\tsnd-hda\t2020\r\n\r\n')).toEqual([
      { fix: 'bsc1', object: 'snd_hda', function: 'f', year: '2020' },
    ]);
  });

  test('takes the year of the latest CVE', () => {
    expect(
      read('fix\tobject\tfunction\tcve\na\tm\tf\tCVE-2019-1 CVE-2021-22 CVE-2020-1\nb\tm\tg\t\n'),
    ).toEqual([
      expect.objectContaining({ fix: 'a', year: '2021' }),
      expect.objectContaining({ fix: 'b', year: undefined }),
    ]);
  });

  test.each([
    ['no columns', 'a b c\n', 'no column fix'],
    ['a missing column', 'fix\tobject\n', 'no column function'],
    ['an empty cell', 'fix\tobject\tfunction\na\tm\tf\nb\t\tg\n', 'line 3 lacks'],
    ['an empty file', '', 'no column fix'],
  ])('with %s is refused', (_what, text, message) => {
    expect(() => read(text)).toThrow(
      expect.objectContaining({ code: 'patched/list', message: expect.stringContaining(message) as unknown }),
    );
  });

  test('that does not exist is named', () => {
    expect(() => readPatchedList(folder.at('none.tsv'))).toThrow(
      expect.objectContaining({ code: 'file/not-found' }),
    );
  });

  test('has years in another table', () => {
    const file = folder.write('fixes.tsv', 'fix\tcve\tcommit\na\tCVE-2019-9\t1\nb\t\t2\n');
    expect([...readFixYears(file)]).toEqual([['a', '2019']]);
    expect(() => readFixYears(folder.write('wrong.tsv', 'fix\n'))).toThrow(
      expect.objectContaining({ code: 'patched/list' }),
    );
  });
});

/** A module with `work` and its part, one jump label in each; the key is its own or a tracepoint. */
function moduleBytes(key: string, more: readonly string[] = []): Uint8Array {
  const symbols = [
    { name: 'work', section: 1, value: 0n, size: 16n, type: 2 },
    { name: 'work.cold', section: 1, value: 16n, size: 16n, type: 2 },
    { name: key, section: 2, value: 0n, size: 16n, type: 1 },
    ...more.map((name, index) => ({ name, section: 1, value: BigInt(32 + index * 4), size: 4n, type: 2 })),
  ];
  const relocations = [0, 1].flatMap((entry) => [
    { offset: entry * 16, symbol: entry + 1, type: 2 },
    { offset: entry * 16 + 4, symbol: entry + 1, type: 2 },
    { offset: entry * 16 + 8, symbol: 3 },
  ]);
  const sections = [
    code(),
    data('.data', 16),
    data('__jump_table', 32),
    rela(3, relocations),
    modinfo('6.1.0'),
  ];
  return toyModule(sections, { symbols });
}

const list: readonly PatchedFunction[] = [
  { fix: 'a', object: 'net_x', function: 'work', year: '2020' },
  { fix: 'a', object: 'net_x', function: 'gone', year: '2020' },
  { fix: 'b', object: 'other', function: 'only_here', year: undefined },
  { fix: 'b', object: 'nowhere', function: 'missing', year: undefined },
  { fix: 'c', object: 'vmlinux', function: 'schedule', year: '2021' },
];

async function scanned(files: Readonly<Record<string, Uint8Array | string>>): Promise<{
  readonly kernel: PatchedKernel;
  readonly scanner: PatchedScanner;
}> {
  const scanner = new PatchedScanner([toy], list);
  for (const [name, bytes] of Object.entries(files)) await scanner.scan(folder.write(name, bytes));
  const [kernel] = scanner.kernels();
  if (kernel === undefined) throw new Error('no kernel');
  return { kernel, scanner };
}

const tree = 'lib/modules/6.1.0/kernel/net';

describe('the functions of the list in a kernel', () => {
  test('are found with what they and their parts carry', async () => {
    const { kernel } = await scanned({
      [`${tree}/net-x.ko`]: moduleBytes('own_key'),
      [`${tree}/y/y.ko`]: moduleBytes('own_key', ['only_here']),
    });
    expect(kernel).toMatchObject({ architecture: 'toy', release: '6.1.0', image: false });
    expect(kernel.functions.map(({ function: name, state }) => [name, state])).toEqual([
      ['work', 'found'],
      ['gone', 'no-function'],
      ['only_here', 'another-module'],
      ['missing', 'no-object'],
      ['schedule', 'no-object'],
    ]);
    expect(kernel.functions[0]).toMatchObject({
      module: 'kernel/net/net-x.ko',
      subsystem: 'net',
      sections: [{ section: '__jump_table', entries: 2 }],
      verdict: 'refused',
    });
  });

  test('have the verdict of their keys', async () => {
    const { kernel } = await scanned({ [`${tree}/net-x.ko`]: moduleBytes('__tracepoint_x') });
    expect(kernel.functions[0]?.verdict).toBe('losing');
  });

  test('of the image are found where one is scanned, without what they carry', async () => {
    const symbols = [{ name: 'schedule', section: 1, value: 0n, size: 8n, type: 2 }];
    const banner = new TextEncoder().encode('Linux version 6.1.0 (x) ');
    const image = toyModule([code(), { ...data('.rodata', 0), bytes: banner }], { symbols, type: 2 });
    const { kernel } = await scanned({ vmlinux: image, [`${tree}/net-x.ko`]: moduleBytes('own_key') });
    expect(kernel.image).toBe(true);
    expect(kernel.functions.at(-1)).toMatchObject({
      state: 'found',
      sections: undefined,
      verdict: undefined,
    });
    expect(summarizePatched(kernel).examined).toBe(1);
  });

  test('have no verdict for a key that the image exports', async () => {
    const exporting = [
      { name: '__ksymtab_far_key', section: 1, value: 0n },
      { name: 'far_key', section: 1, value: 0n, size: 8n, type: 1, binding: 1 },
    ];
    const banner = new TextEncoder().encode('Linux version 6.1.0 (x) ');
    const image = toyModule([code(), { ...data('.rodata', 0), bytes: banner }], {
      symbols: exporting,
      type: 2,
    });
    const using = [
      { name: 'work', section: 1, value: 0n, size: 16n, type: 2 },
      { name: 'far_key', section: 0, binding: 1 },
    ];
    const relocations = [
      { offset: 0, symbol: 1, type: 2 },
      { offset: 4, symbol: 1, type: 2 },
      { offset: 8, symbol: 2 },
    ];
    const user = [code(), data('__jump_table', 16), rela(2, relocations), modinfo('6.1.0')];
    const { kernel } = await scanned({
      vmlinux: image,
      [`${tree}/net-x.ko`]: toyModule(user, { symbols: using }),
    });
    expect(kernel.functions[0]).toMatchObject({
      state: 'found',
      keys: [{ key: 'far_key' }],
      verdict: undefined,
    });
  });

  test('are counted by state, year, subsystem, section, key and verdict', async () => {
    const { kernel } = await scanned({ [`${tree}/net-x.ko`]: moduleBytes('own_key') });
    expect(summarizePatched(kernel)).toEqual({
      rows: 5,
      fixes: 3,
      inModules: 4,
      examined: 1,
      states: [
        { label: 'module: no-object', count: 2 },
        { label: 'module: found', count: 1 },
        { label: 'module: no-function', count: 1 },
        { label: 'vmlinux: no-object', count: 1 },
      ],
      sections: [{ label: '__jump_table', count: 1 }],
      uses: [
        { label: '__jump_table', count: 1 },
        { label: 'key of its own module', count: 1 },
      ],
      verdicts: [{ label: 'refused', count: 1 }],
      years: [
        { year: '2020', modules: 2, rows: 2 },
        { year: '2021', modules: 0, rows: 1 },
        { year: 'unknown', modules: 2, rows: 2 },
      ],
      subsystems: [{ label: 'net', count: 1 }],
    });
  });

  test('are listed in the report', async () => {
    const { kernel } = await scanned({ [`${tree}/net-x.ko`]: moduleBytes('own_key') });
    const text = renderMarkdown(patchedReport([kernel], [toy], { list: true }));
    expect(text).toContain('5 functions of 3 fixes; 4 (80.0 %) in modules.');
    expect(text).toMatch(/\| a +\| net\\?_x +\| `work` +\| found +\| refused/u);
  });

  test('a damaged file is listed as failed', async () => {
    const { scanner } = await scanned({ [`${tree}/net-x.ko`]: moduleBytes('own_key'), 'bad.ko': 'no ELF' });
    expect(scanner.failed.map(({ code: failure }) => failure)).toEqual(['elf/not-elf']);
  });
});
