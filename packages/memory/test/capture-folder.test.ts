import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { isCaptureFolder, openCaptureFolder } from '../src/capture-folder.ts';
import { refusal, refused } from './refusal.ts';
import { TemporaryFolder } from './temporary-folder.ts';

const folder = new TemporaryFolder();

const text = Uint8Array.from({ length: 64 }, (_, index) => index);
const region = Uint8Array.from({ length: 4096 }, (_, index) => 0xff - (index & 0xff));

const files: ReadonlyMap<string, string | Uint8Array> = new Map<string, string | Uint8Array>([
  [
    'sections.json',
    JSON.stringify({
      dummy: {
        '.text': { address: '0xffffffffc0417000', size: 64, file: 'memory/dummy/.text.bin' },
        '.plt': { address: '0xffffffffc0417100', size: 16 },
        '.init.text': { address: '0xffffffffc0500000', size: 8 },
      },
      virtio: { '.text': { address: '0xffffffffc03cf000', size: 0, file: 'memory/virtio/.text.bin' } },
    }),
  ],
  ['regions.json', JSON.stringify({ dummy: [{ address: '0xffffffffc0417000', size: 4096 }] })],
  ['percpu.json', JSON.stringify({ dummy: { address: '0x35000', size: 8, candidates: 1 } })],
  ['exports.json', JSON.stringify({ _stext: '0xffffffff81000000', jiffies: '0xffffffff82a05080' })],
  ['modules.txt', 'dummy 16384 0 - Live 0xffffffffc0417000\nvirtio 20480 1 dummy, Live 0xffffffffc03cf000\n'],
  ['kallsyms.txt.gz', gzipSync('ffffffff81000000 T _stext\nffffffffc0417000 t dummy_init\t[dummy]\n')],
  ['version', 'Linux version 6.1.0-50-amd64 (builder) (gcc) #1 SMP Debian 6.1.176-1\n'],
  ['cpuinfo.txt', 'processor\t: 0\n'],
  ['auxv.bin', Uint8Array.of(1, 2, 3)],
  ['modules/dummy.ko', 'dummy'],
  ['modules/nf-log.ko.xz', 'nf_log'],
  ['modules/README', 'no module'],
  ['memory/dummy/.text.bin', text],
  ['memory/dummy/region-ffffffffc0417000.bin', region],
]);

/** Write a capture, some of its files replaced, or left out where they are undefined. */
function capture(
  changes: Readonly<Record<string, string | Uint8Array | undefined>> = {},
  name = 'run',
): string {
  const contents = new Map<string, string | Uint8Array | undefined>([...files, ...Object.entries(changes)]);
  for (const [file, content] of contents) if (content !== undefined) folder.write(join(name, file), content);
  return folder.at(name);
}

describe('a capture folder', () => {
  test('tells the kernel and its modules in load order', () => {
    const { kind, release, modules, elf } = openCaptureFolder(capture());
    expect([kind, release, elf]).toEqual(['capture', '6.1.0-50-amd64', undefined]);
    expect(modules.map(({ name, base, size, state }) => [name, base, size, state])).toEqual([
      ['virtio', 0xffffffffc03cf000n, 20480, 'live'],
      ['dummy', 0xffffffffc0417000n, 16384, 'live'],
    ]);
  });

  test('gives sections, areas and the per-CPU block of a module', () => {
    const dummy = openCaptureFolder(capture()).modules[1];
    expect([...(dummy?.sections.values() ?? [])]).toEqual([
      { name: '.text', address: 0xffffffffc0417000n, size: 64 },
      { name: '.plt', address: 0xffffffffc0417100n, size: 16 },
      { name: '.init.text', address: 0xffffffffc0500000n, size: 8 },
    ]);
    expect(dummy?.areas).toEqual([{ name: 'vmalloc', address: 0xffffffffc0417000n, size: 4096 }]);
    expect(dummy?.perCpu).toEqual({ address: 0x35000n, size: 8 });
  });

  test('takes a section from its own file and anything else from a region', () => {
    const { memory } = openCaptureFolder(capture());
    expect(memory.read(0xffffffffc0417000n, 64)).toEqual(text);
    expect(memory.read(0xffffffffc0417100n, 16)).toEqual(region.slice(0x100, 0x110));
    expect(memory.read(0xffffffffc041703en, 4)).toEqual(Uint8Array.of(62, 63, 0xff - 64, 0xff - 65));
  });

  test('has nothing where nothing was captured', () => {
    const { memory } = openCaptureFolder(capture());
    expect(
      memory
        .pieces(0xffffffffc0416ff0n, 32)
        .map((piece) => ('absent' in piece ? piece.absent : piece.length)),
    ).toEqual(['not-captured', 16]);
    expect(memory.read(0xffffffffc0500000n, 8)).toBeUndefined();
  });

  test('gives symbols of kallsyms, and exports that it lacks', () => {
    const { symbols, exports } = openCaptureFolder(capture());
    expect([...symbols].map(({ name, type, module }) => [name, type, module])).toEqual([
      ['_stext', 'T', undefined],
      ['dummy_init', 't', 'dummy'],
      ['jiffies', '?', undefined],
    ]);
    expect(exports?.get('jiffies')).toBe(0xffffffff82a05080n);
  });

  test('gives texts, the auxiliary vector and module files', () => {
    const run = capture();
    const opened = openCaptureFolder(run);
    expect(opened.text('cpuinfo.txt')).toBe('processor\t: 0\n');
    expect(opened.text('cmdline')).toBeUndefined();
    expect(Uint8Array.from(opened.auxiliaryVector() ?? [])).toEqual(Uint8Array.of(1, 2, 3));
    expect([...opened.moduleFiles]).toEqual([
      ['dummy', join(run, 'modules/dummy.ko')],
      ['nf_log', join(run, 'modules/nf-log.ko.xz')],
    ]);
  });

  test('may lack what only some kernels have', () => {
    const optional = ['regions.json', 'percpu.json', 'exports.json', 'version', 'auxv.bin'];
    const opened = openCaptureFolder(capture(Object.fromEntries(optional.map((name) => [name, undefined]))));
    expect([opened.release, opened.exports, opened.modules[1]?.areas, opened.modules[1]?.perCpu]).toEqual([
      'unknown',
      undefined,
      [],
      undefined,
    ]);
    expect([opened.auxiliaryVector(), opened.symbols.size]).toEqual([undefined, 2]);
  });

  test('may have its symbols uncompressed', () => {
    const run = capture({ 'kallsyms.txt.gz': undefined, 'kallsyms.txt': 'ffffffff81000000 T _stext\n' });
    expect(openCaptureFolder(run).symbols.address('_stext')).toBe(0xffffffff81000000n);
  });

  test('that is a step of a run has the machine in the folder above', () => {
    const machine = ['version', 'cpuinfo.txt', 'exports.json', 'auxv.bin'];
    for (const name of machine) folder.write(join('steps', name), files.get(name));
    const step = capture(Object.fromEntries(machine.map((name) => [name, undefined])), 'steps/s1');
    const opened = openCaptureFolder(step);
    expect([opened.release, opened.text('cpuinfo.txt')]).toEqual(['6.1.0-50-amd64', 'processor\t: 0\n']);
    expect(opened.symbols.address('jiffies')).toBe(0xffffffff82a05080n);
  });

  test('is told from other folders', () => {
    expect(isCaptureFolder(capture())).toBe(true);
    expect(isCaptureFolder(folder.path)).toBe(false);
  });
});

describe('what is no capture folder', () => {
  test('a folder without its parts', () => {
    mkdirSync(folder.at('empty'));
    const found = refusal(() => openCaptureFolder(folder.at('empty')));
    expect(found).toEqual(
      refused('memory/not-a-capture', /no sections\.json and no modules\.txt/u, folder.at('empty')),
    );
  });

  test('a file', () => {
    const path = folder.write('file');
    expect(refusal(() => openCaptureFolder(path))).toEqual(refused('memory/not-a-capture'));
  });

  test('nothing', () => {
    const path = folder.at('missing');
    expect(refusal(() => openCaptureFolder(path))).toEqual(refused('memory/not-found', /no such/u, path));
  });
});

describe('missing and truncated parts', () => {
  test('no symbols', () => {
    const run = capture({ 'kallsyms.txt.gz': undefined });
    const opened = openCaptureFolder(run);
    expect(refusal(() => opened.symbols)).toEqual(
      refused('memory/missing-part', /lacks/u, join(run, 'kallsyms.txt.gz')),
    );
  });

  test('truncated symbols', () => {
    const whole = files.get('kallsyms.txt.gz');
    const half = typeof whole === 'string' ? whole : whole?.subarray(0, 30);
    const opened = openCaptureFolder(capture({ 'kallsyms.txt.gz': half }));
    expect(refusal(() => opened.symbols)).toEqual(refused('memory/truncated'));
  });

  test('a section file that is missing', () => {
    const run = capture({ 'memory/dummy/.text.bin': undefined });
    const { memory } = openCaptureFolder(run);
    const path = join(run, 'memory/dummy/.text.bin');
    expect(refusal(() => memory.read(0xffffffffc0417000n, 4))).toEqual(
      refused('memory/missing-part', /not there/u, path),
    );
  });

  test.each([
    ['shorter', text.subarray(0, 60), 'memory/truncated', /60 bytes, the capture says 64/u],
    ['longer', new Uint8Array(65), 'memory/damaged-capture', /65 bytes, the capture says 64/u],
  ])('a section file that is %s', (_, content, code, message) => {
    const { memory } = openCaptureFolder(capture({ 'memory/dummy/.text.bin': content }));
    expect(refusal(() => memory.read(0xffffffffc0417000n, 4))).toEqual(refused(code, message));
  });

  test('a region file that is missing', () => {
    const { memory } = openCaptureFolder(capture({ 'memory/dummy/region-ffffffffc0417000.bin': undefined }));
    expect(refusal(() => memory.read(0xffffffffc0417100n, 4))).toEqual(refused('memory/missing-part'));
  });

  test.each([
    ['modules.txt', 'dummy 16384 0 - Live', 'memory/truncated'],
    ['modules.txt', 'dummy 1 0 - Live 0x0000000000000000\n', 'memory/hidden-addresses'],
    ['sections.json', '{"dummy": {', 'memory/damaged-capture'],
    ['sections.json', '[]', 'memory/damaged-capture'],
    ['sections.json', '{"dummy": 5}', 'memory/damaged-capture'],
    ['sections.json', '{"dummy": {".text": {"size": 4}}}', 'memory/damaged-capture'],
    ['sections.json', '{"dummy": {".text": {"address": "417000", "size": 4}}}', 'memory/damaged-capture'],
    ['sections.json', '{"dummy": {".text": {"address": "0x1", "size": -4}}}', 'memory/damaged-capture'],
    [
      'sections.json',
      '{"dummy": {".text": {"address": "0x1", "size": 4, "file": 7}}}',
      'memory/damaged-capture',
    ],
    ['regions.json', '{"dummy": {}}', 'memory/damaged-capture'],
    ['regions.json', '{"dummy": [{"address": "0x1", "size": 4294967296}]}', 'memory/damaged-capture'],
    ['percpu.json', '{"dummy": 1}', 'memory/damaged-capture'],
    ['exports.json', '{"a": 1}', 'memory/damaged-capture'],
  ])('%s with %s', (name, content, code) => {
    const run = capture({ [name]: content });
    expect(refusal(() => openCaptureFolder(run))).toEqual(refused(code, /./u, join(run, name)));
  });
});

function sectionIn(file: string): string {
  return JSON.stringify({ dummy: { '.text': { address: '0x1000', size: 4, file } } });
}

describe('names that would lead out of the folder', () => {
  test.each([
    '../secret',
    '/etc/passwd',
    'memory/../../secret',
    'memory//x',
    'memory/./x',
    'memory\\..\\x',
    'memory/x\0',
    '',
  ])('the file %j is refused', (file) => {
    const run = capture({ 'sections.json': sectionIn(file) });
    expect(refusal(() => openCaptureFolder(run))).toEqual(refused('memory/unsafe-name'));
  });

  test.each(['..', 'a/b', '../x', ''])('the module %j is refused', (module) => {
    const sections = capture({ 'sections.json': JSON.stringify({ [module]: {} }) });
    expect(refusal(() => openCaptureFolder(sections))).toEqual(refused('memory/unsafe-name'));
    const regions = capture({ 'regions.json': JSON.stringify({ [module]: [] }) }, 'other');
    expect(refusal(() => openCaptureFolder(regions))).toEqual(refused('memory/unsafe-name'));
  });

  test('names of Object.prototype are names like any other', () => {
    const odd = '{"__proto__": {"constructor": {"address": "0x1000", "size": 4}}}';
    const run = capture({ 'sections.json': odd, 'modules.txt': '__proto__ 1 0 - Live 0x1000\n' });
    expect([...(openCaptureFolder(run).modules[0]?.sections.keys() ?? [])]).toEqual(['constructor']);
  });
});
