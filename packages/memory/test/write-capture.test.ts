import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openCaptureFolder } from '../src/capture-folder.ts';
import type { ReadMemory } from '../src/inference.ts';
import type { KernelSnapshot } from '../src/kernel-snapshot.ts';
import { SymbolCollector } from '../src/kernel-symbols.ts';
import { writeCapture } from '../src/write-capture.ts';
import { makeModule, makeSnapshot } from './make-snapshot.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kelp-capture-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Every byte is the low byte of its address; nothing is at 0x50000 and above. */
const read: ReadMemory = (address, length) =>
  address >= 0x50000n
    ? undefined
    : Uint8Array.from({ length }, (_, index) => Number((address + BigInt(index)) % 256n));

function symbols(): KernelSnapshot['symbols'] {
  const collector = new SymbolCollector();
  collector.add('_stext', 0x1000n, 0x54, undefined);
  collector.add('start', 0x10000n, 0x74, 'a');
  return collector.symbols();
}

test('what is written opens as the same snapshot', () => {
  const older = {
    ...makeModule('a', [
      ['.text', 0x10000n, undefined],
      ['.data', 0x20000n, 8],
    ]),
    perCpu: { address: 0x99n, size: 64 },
    srcversion: '533BB7E5866E52F63B9ACCB',
  };
  const newer = {
    ...makeModule('b', [['.text', 0x30010n, 16]]),
    areas: [{ name: 'core', address: 0x30000n, size: 64 }],
  };
  const snapshot: KernelSnapshot = {
    ...makeSnapshot([older, newer], read),
    symbols: symbols(),
    exports: new Map([['_stext', 0x1000n]]),
    text: (name) => (name === 'version' ? 'Linux version 6.12.1 (made up)\n' : undefined),
    auxiliaryVector: () => Uint8Array.of(1, 2, 3),
  };
  const written = writeCapture(snapshot, folder, (module) => new Map(module === 'a' ? [['.text', 32]] : []));
  expect(written).toEqual({ modules: 2, bytes: 32 + 8 + 64, missing: [] });
  const copy = openCaptureFolder(folder);
  expect(copy.modules.map(({ name }) => name)).toEqual(['a', 'b']);
  expect(copy.modules[0]).toMatchObject({
    base: 0x10000n,
    state: 'live',
    perCpu: { address: 0x99n, size: 64 },
    srcversion: '533BB7E5866E52F63B9ACCB',
  });
  expect(copy.modules[1]?.srcversion).toBeUndefined();
  expect(copy.modules[1]?.areas).toEqual([{ name: 'vmalloc', address: 0x30000n, size: 64 }]);
  expect(copy.release).toBe('6.12.1');
  expect([...copy.symbols].map(({ name, module }) => [name, module])).toEqual(
    [...snapshot.symbols].map(({ name, module }) => [name, module]),
  );
  expect(copy.exports).toEqual(snapshot.exports);
  expect(new Uint8Array(copy.auxiliaryVector() ?? [])).toEqual(Uint8Array.of(1, 2, 3));
  for (const [address, length] of [
    [0x10000n, 32],
    [0x20000n, 8],
    [0x30000n, 64],
  ] as const) {
    expect(new Uint8Array(copy.memory.read(address, length) ?? [])).toEqual(read(address, length));
  }
  expect(copy.memory.read(0x10000n, 33)).toBeUndefined();
  expect(copy.text('cmdline')).toBeUndefined();
});

test('memory that cannot be read is listed, and freed init sections are not asked for', () => {
  const module = {
    ...makeModule('a', [
      ['.text', 0x50000n, 16],
      ['.init.text', 0x60000n, 16],
      ['.bss', 0x20000n, undefined],
    ]),
    areas: [{ name: 'core', address: 0x50000n, size: 64 }],
  };
  const written = writeCapture(
    { ...makeSnapshot([module], read), symbols: symbols() },
    folder,
    () => new Map(),
  );
  expect(written.missing).toEqual(['a area 0x50000', 'a .text']);
  expect(readdirSync(join(folder, 'memory/a'))).toEqual([]);
  const coming = { ...makeModule('b', [['.init.text', 0x20000n, 16]]), state: 'coming' as const };
  expect(
    writeCapture({ ...makeSnapshot([coming], read), symbols: symbols() }, folder, () => new Map()).bytes,
  ).toBe(16);
  expect(readFileSync(join(folder, 'modules.txt'), 'utf8')).toMatch(/ Loading 0x20000\n$/u);
});

test.each(['live', 'coming', 'going'] as const)('a module that is %s stays so', (state) => {
  const module = { ...makeModule('a', [['.text', 0x10000n, 16]]), state };
  writeCapture({ ...makeSnapshot([module], read), symbols: symbols() }, folder, () => new Map());
  expect(openCaptureFolder(folder).modules).toMatchObject([{ name: 'a', state }]);
});

test('a kernel without modules, or with one that is not formed yet', () => {
  const unformed = { ...makeModule('a', [['.text', 0x10000n, 16]]), state: 'unformed' as const };
  for (const modules of [[], [unformed]]) {
    const written = writeCapture(
      { ...makeSnapshot(modules, read), symbols: symbols() },
      folder,
      () => new Map(),
    );
    expect(written).toEqual({ modules: 0, bytes: 0, missing: [] });
    expect(openCaptureFolder(folder).modules).toEqual([]);
  }
});

test('names of sections are no paths, names of modules may not be any', () => {
  const module = makeModule('a', [
    ['../../../evil', 0x10000n, 16],
    ['__proto__', 0x20000n, 16],
  ]);
  writeCapture({ ...makeSnapshot([module], read), symbols: symbols() }, folder, () => new Map());
  expect(readdirSync(join(folder, 'memory/a')).toSorted()).toEqual(['section-0.bin', 'section-1.bin']);
  expect([...(openCaptureFolder(folder).modules[0]?.sections.keys() ?? [])]).toEqual([
    '../../../evil',
    '__proto__',
  ]);
  const evil = makeSnapshot([makeModule('../evil', [])], read);
  expect(() => writeCapture(evil, folder, () => new Map())).toThrow(
    expect.objectContaining({ code: 'memory/unsafe-name' }),
  );
  expect(existsSync(join(folder, 'evil'))).toBe(false);
});
