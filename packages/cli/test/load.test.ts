import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SHF_ALLOC, SHF_EXECINSTR, SHT_PROGBITS, writeObjectFile } from '@kelp/core/elf';
import { describe, expect, test } from 'vitest';
import { fixture, json, list, member, run, textLike } from './run.ts';
import { makeCapture, removeSymbols, type SmallCapture } from './small-capture.ts';
import { TemporaryFolder } from './temporary-folder.ts';

const folder = new TemporaryFolder();
const hello = fixture('x86/hello-6.1.ko');

function capture(name: string): SmallCapture {
  return makeCapture(join(folder.path, 'capture'), name);
}

/** A System.map with everything that the fixture imports. */
function systemMap(name: string): string {
  const lines = [...capture(name).symbols].map(
    ([symbol, address]) => `${address.toString(16)} T ${symbol}\n`,
  );
  return folder.write('System.map', lines.join(''));
}

describe('from a base address and a symbol list', () => {
  const base = '0xffffffffc0100000';

  test('layout, what was written, and what stays open', async () => {
    const symbols = systemMap('x86/hello-6.1.ko');
    const { status, out, error } = await run('load', hello, '--base', base, '--symbols', symbols);
    expect([status, error]).toEqual([0, '']);
    expect(out).toContain('Loaded.');
    expect(out).toMatch(/^ +core +\.text +0xffffffffc0100000 +782$/mu);
    expect(out).toMatch(/^ +init +\.init\.text +0x[0-9a-f]+ +129$/mu);
    expect(out).toMatch(/^ +relocation +\d+ +\d+$/mu);
    expect(out).toMatch(/^ +feature +\d+ +\d+$/mu);
  });

  test('--json', async () => {
    const symbols = systemMap('x86/hello-6.1.ko');
    const loaded = await json('load', hello, '--base', base, '--symbols', symbols);
    expect(loaded).toMatchObject({ schema: 1, file: hello, refused: null, findings: [] });
    const areas = list(loaded, 'areas');
    expect(areas.map((area) => [member(area, 'name'), member(area, 'address')])).toEqual([
      ['core', base],
      ['init', textLike(/^0xffffffffc010[0-9a-f]000$/u)],
    ]);
    expect(list(areas[0], 'sections')[0]).toEqual({ name: '.text', offset: 0, bytes: 782 });
    const written = list(loaded, 'written');
    const relocation = written.find((one) => member(one, 'cause') === 'relocation');
    expect(Number(member(relocation, 'bytes'))).toBeGreaterThan(Number(member(relocation, 'writes')));
    expect(list(loaded, 'open').length).toBeGreaterThan(0);
  });

  test('a module that the kernel refuses: status 1, and no image', async () => {
    const output = join(folder.path, 'image');
    const { status, out } = await run('load', hello, '--base', base, '--output', output);
    expect(status).toBe(1);
    expect(out).toMatch(
      /Refused with ENOENT in phase relocate: \w+: no module and no kernel exports the symbol/u,
    );
    expect(existsSync(output)).toBe(false);
    const refused = member(await json('load', hello, '--base', base), 'refused');
    expect(refused).toMatchObject({ phase: 'relocate', errno: 'ENOENT' });
  });

  test('--page-size and --kernel decide the layout', async () => {
    const base16 = ['--base', '0x8000', '--page-size', '16384'];
    const name = fixture('arm64/hello-6.12.ko');
    const areas = list(await json('load', name, ...base16), 'areas');
    expect(areas.map((area) => Number(member(area, 'address')) % 16384)).toEqual(areas.map(() => 0));
    expect(areas.map((area) => member(area, 'name'))).toContain('rodata');
    const older = list(await json('load', name, ...base16, '--kernel', '6.1.0'), 'areas');
    expect(older.map((area) => member(area, 'name'))).toEqual(['core', 'init']);
  });

  test.each([
    [[], 'give --base ADDRESS, or --from a capture (load/no-address)'],
    [['--base', 'here'], 'expected a hexadecimal address'],
    [['--base', '0x12345678123456789'], 'expected a hexadecimal address'],
    [['--base', base, '--page-size', '1000'], 'expected 4096 to 65536'],
    [['--base', base, '--page-size', '131072'], 'expected 4096 to 65536'],
    [['--base', base, '--page-size', 'big'], 'expected 4096 to 65536'],
    [['--base', base, '--symbols', 'nowhere'], '(file/not-found)'],
    [['--base', base, '--symbols', hello], '(memory/'],
    [['--base', base, '--kernel', 'none'], '(kernel/'],
    [['--from', 'nowhere'], '(file/not-found)'],
  ])('%j ends with 2', async (args, message) => {
    const { status, out, error } = await run('load', hello, ...args);
    expect([status, out]).toEqual([2, '']);
    expect(error).toContain(message);
  });

  test('a file that is no module ends with 2', async () => {
    const path = folder.write('text.ko', 'not a module');
    expect(await run('load', path, '--base', base)).toMatchObject({ status: 2, error: textLike(/\(elf\//u) });
  });
});

describe('--output', () => {
  const all = ['.text', '.exit.text', '.rodata', '__ksymtab_gpl', '__mcount_loc', '.plt'];

  test.each([
    ['x86/special-6.1.ko', all],
    // Not .stubs: what is in it depends on kernel_toc, which only memory tells.
    ['ppc64le/hello-6.1.ko', all],
    // Not the text, from whose call sites memory tells where the trampolines of ftrace are.
    ['s390x/hello-6.1.ko', all.slice(2)],
    ['arm64/special-6.12.ko', all],
  ])('--from a capture gives the memory of its read-only sections: %s', async (name, compared) => {
    const made = capture(name);
    const output = join(folder.path, 'image');
    const { status, error } = await run('load', made.file, '--from', made.folder, '--output', output);
    expect([status, error]).toEqual([0, '']);
    const entries = new Map(
      Object.entries(
        Object(member(JSON.parse(readFileSync(join(output, 'sections.json'), 'utf8')), made.module)),
      ),
    );
    for (const section of compared) {
      const captured = made.sections.get(section);
      const written = entries.get(section);
      expect(written === undefined).toBe(captured === undefined);
      if (captured === undefined) continue;
      expect(BigInt(String(member(written, 'address')))).toBe(captured.address);
      expect(readFileSync(join(output, String(member(written, 'file'))))).toEqual(
        readFileSync(captured.path),
      );
    }
  });

  test('never overwrites a capture', async () => {
    const made = capture('x86/hello-6.1.ko');
    const before = readFileSync(join(made.folder, 'sections.json'));
    const { status, error } = await run('load', made.file, '--from', made.folder, '--output', made.folder);
    expect([status, error]).toEqual([2, textLike(/exists already; give a new folder \(output\/folder\)/u)]);
    expect(readFileSync(join(made.folder, 'sections.json'))).toEqual(before);
  });

  test('names of sections are never paths', async () => {
    const modinfo = 'name=evil\0vermagic=6.12.1 SMP\0';
    const names = ['../../../evil', '/evil', '__proto__', 'a\u001b[2Jb', '.'];
    const sections = [
      ...names.map((name, index) => ({
        name,
        type: SHT_PROGBITS,
        flags: SHF_ALLOC | (index === 0 ? SHF_EXECINSTR : 0n),
        bytes: Uint8Array.of(0x90 + index),
      })),
      { name: '.modinfo', type: SHT_PROGBITS, flags: SHF_ALLOC, bytes: Buffer.from(modinfo) },
    ];
    const file = folder.write('evil.ko', writeObjectFile({ machine: 62, byteOrder: 'little', sections }));
    const output = join(folder.path, 'image');
    const { status, out } = await run('load', file, '--base', '0x1000', '--output', output);
    expect(status).toBe(0);
    expect(out).not.toContain('\u001b[2J');
    expect(readdirSync(folder.path).toSorted()).toEqual(['evil.ko', 'image']);
    expect(readdirSync(output).toSorted()).toEqual([
      'memory',
      'modules.txt',
      'regions.json',
      'sections.json',
    ]);
    expect(readdirSync(join(output, 'memory'))).toEqual(['evil']);
    for (const part of readdirSync(join(output, 'memory/evil')))
      expect(part).toMatch(/^(?:section-[1-5]|region-[0-9a-f]{16})\.bin$/u);
    const described = Object.entries(
      Object(member(JSON.parse(readFileSync(join(output, 'sections.json'), 'utf8')), 'evil')),
    );
    expect(described.map(([name]) => name).toSorted()).toEqual(names.toSorted());
  });

  test('needs a name of the module', async () => {
    const modinfo = Buffer.from('name=../evil\0vermagic=6.12.1 SMP\0');
    const sections = [
      { name: '.text', type: SHT_PROGBITS, flags: SHF_ALLOC | SHF_EXECINSTR, bytes: Uint8Array.of(0x90) },
      { name: '.modinfo', type: SHT_PROGBITS, flags: SHF_ALLOC, bytes: modinfo },
    ];
    const file = folder.write('evil.ko', writeObjectFile({ machine: 62, byteOrder: 'little', sections }));
    const output = join(folder.path, 'image');
    const { status, error } = await run('load', file, '--base', '0x1000', '--output', output);
    expect([status, error]).toEqual([2, textLike(/no usable name in \.modinfo \(load\/no-name\)/u)]);
    expect(existsSync(output)).toBe(false);
  });
});

describe('--from', () => {
  test('a capture without the module', async () => {
    const made = capture('x86/hello-6.1.ko');
    const { status, error } = await run('load', fixture('x86/special-6.1.ko'), '--from', made.folder);
    expect([status, error]).toEqual([
      2,
      textLike(/module special is not loaded in .* \(verify\/not-loaded\)/u),
    ]);
  });

  test('a capture without a symbol', async () => {
    const made = capture('x86/hello-6.1.ko');
    removeSymbols(made, '_printk');
    const { status, out } = await run('load', made.file, '--from', made.folder);
    expect([status, out]).toEqual([1, textLike(/Refused with ENOENT in phase relocate: _printk: /u)]);
  });

  test('does not look at the memory of the module', async () => {
    const made = capture('x86/hello-6.1.ko');
    const before = await run('load', made.file, '--from', made.folder, '--json');
    for (const { path } of made.sections.values()) writeFileSync(path, '');
    expect(await run('load', made.file, '--from', made.folder, '--json')).toEqual(before);
  });
});
