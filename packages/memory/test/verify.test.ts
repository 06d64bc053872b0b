import { finalizeStep, type Architecture } from '@kelp/core';
import { SHF_ALLOC, SHT_NOTE, writeObjectFile } from '@kelp/core/elf';
import { describe, expect, test } from 'vitest';
import { progbits, text, toy } from '../../loader/test/toy.ts';
import type { ReadMemory } from '../src/inference.ts';
import {
  isExplained,
  verifySnapshot,
  type UnverifiedModule,
  type VerifiedModule,
  type VerifyOptions,
} from '../src/verify.ts';
import { makeModule, makeSnapshot } from './make-snapshot.ts';

const code = Uint8Array.from({ length: 16 }, (_, index) => index);

/** A module with 16 bytes of text and a build ID. */
function moduleFile(buildId: Uint8Array): Uint8Array {
  return writeObjectFile({
    machine: toy.elf.machine,
    byteOrder: 'little',
    sections: [
      progbits('.text', text, code),
      { name: '.note.gnu.build-id', type: SHT_NOTE, flags: SHF_ALLOC, bytes: buildId, alignment: 4 },
    ],
  });
}

const id = Uint8Array.of(1, 2, 3, 4);
const module = makeModule('toy', [
  ['.text', 0x10000n, 16],
  ['.note.gnu.build-id', 0x20000n, 4],
]);

/** The memory of the module: its first byte is sealed. */
const memory: ReadMemory = (address, length) => {
  const [start, bytes] =
    address < 0x20000n ? [0x10000n, Uint8Array.of(0x5e, ...code.subarray(1))] : [0x20000n, id];
  const offset = Number(address - start);
  return offset + length <= bytes.length ? bytes.slice(offset, offset + length) : undefined;
};

type Result = UnverifiedModule | VerifiedModule;

async function verify(
  read: ReadMemory,
  more: Partial<VerifyOptions> = {},
  modules = [module],
): Promise<readonly Result[]> {
  const results: Result[] = [];
  const options: VerifyOptions = {
    architectures: [toy],
    moduleFile: async (name) => await Promise.resolve({ file: `${name}.ko`, bytes: moduleFile(id) }),
    ...more,
  };
  for await (const result of verifySnapshot(makeSnapshot(modules, read), options)) results.push(result);
  return results;
}

test('a module as predicted', async () => {
  const results = await verify(memory);
  expect(results).toMatchObject([{ name: 'toy', file: 'toy.ko', refused: undefined, findings: [] }]);
  expect(results.every(isExplained)).toBe(true);
});

/** The file of another build. */
async function other(): Promise<{ file: string; bytes: Uint8Array }> {
  return await Promise.resolve({ file: 'toy.ko', bytes: moduleFile(Uint8Array.of(1, 2, 3, 5)) });
}

describe('build IDs', () => {
  test('another one is another build', async () => {
    const [result] = await verify(memory, { moduleFile: other });
    expect(result).toMatchObject({
      name: 'toy',
      error: { code: 'verify/other-build', file: 'toy.ko', section: '.note.gnu.build-id' },
    });
    expect(result !== undefined && isExplained(result)).toBe(false);
  });

  test('of a loaded module that cannot be read tell nothing, and the note counts as not compared', async () => {
    const [result] = await verify(
      (address, length) => (address < 0x20000n ? memory(address, length) : undefined),
      {
        moduleFile: other,
      },
    );
    expect(result).toMatchObject({
      skipped: [{ name: '.note.gnu.build-id', reason: 'not in the memory that was given' }],
    });
    expect(result !== undefined && isExplained(result)).toBe(false);
  });
});

describe('without build IDs, srcversions', () => {
  const built = async (srcversion: string): Promise<{ file: string; bytes: Uint8Array }> => {
    const modinfo = Buffer.from(`name=toy\0srcversion=${srcversion}\0`);
    const bytes = writeObjectFile({
      machine: toy.elf.machine,
      byteOrder: 'little',
      sections: [progbits('.text', text, code), progbits('.modinfo', SHF_ALLOC, modinfo)],
    });
    return await Promise.resolve({ file: 'toy.ko', bytes });
  };
  const loaded = { ...makeModule('toy', [['.text', 0x10000n, 16]]), srcversion: '533BB7E5' };

  test('that differ are another build', async () => {
    const [result] = await verify(memory, { moduleFile: async () => await built('533BB7E6') }, [loaded]);
    expect(result).toMatchObject({
      error: {
        code: 'verify/other-build',
        file: 'toy.ko',
        section: '.modinfo',
        message: textLike(/533BB7E6/u),
      },
    });
  });

  test.each([
    ['that are the same', loaded],
    ['of which one is not known', makeModule('toy', [['.text', 0x10000n, 16]])],
  ])('%s are no objection', async (_, one) => {
    const [result] = await verify(memory, { moduleFile: async () => await built('533BB7E5') }, [one]);
    expect(result !== undefined && isExplained(result)).toBe(true);
  });
});

test('one module that cannot be verified does not stop the others', async () => {
  const modules = [makeModule('broken', [['.text', 0x10000n, 16]]), module];
  const results = await verify(
    memory,
    {
      moduleFile: async (name) =>
        await Promise.resolve(name === 'broken' ? undefined : { file: 'toy.ko', bytes: moduleFile(id) }),
    },
    modules,
  );
  expect(results.map((result) => [result.name, 'error' in result ? result.error.code : 'verified'])).toEqual([
    ['broken', 'verify/no-file'],
    ['toy', 'verified'],
  ]);
});

test('modules that nobody asks for are no results, whether they could be verified or not', async () => {
  const modules = [makeModule('other', []), module];
  const results = await verify(memory, { only: new Set(['toy']) }, modules);
  expect(results.map(({ name }) => name)).toEqual(['toy']);
});

/** Stands for a text that matches, in an expected object. */
function textLike(pattern: RegExp): unknown {
  return expect.stringMatching(pattern);
}

describe('without', () => {
  test('a step: its bytes are unexplained', async () => {
    const [result] = await verify(memory, { without: new Set(['seal']) });
    expect(result).toMatchObject({ sections: [{ unexplained: [{ offset: 0, length: 1 }] }, {}] });
  });

  test('a step that no architecture has', async () => {
    await expect(verify(memory, { without: new Set(['seal', 'sael']) })).rejects.toMatchObject({
      code: 'verify/unknown-step',
      message: textLike(/^no finalization step is named "sael"; there are .*\bjump-labels\b.*\bseal\b/u),
    });
  });
});

test('areas without addresses', async () => {
  const [result] = await verify(memory, {}, [makeModule('toy', [['.text', 0x10000n, 16]])]);
  expect(result).toMatchObject({
    error: { code: 'verify/no-address', message: textLike(/\.note\.gnu\.build-id/u) },
  });
});

const failing: ReadMemory = () => {
  throw new TypeError('defect');
};

test('an error that is no KelpError is a defect, and stays one', async () => {
  await expect(verify(failing)).rejects.toThrow(TypeError);
});

describe('what the machine says', () => {
  const ask = {
    kind: 'feature',
    id: 'SEAL',
    address: 0x10000n,
    candidates: [
      { answer: 'off', bytes: Uint8Array.of(0) },
      { answer: 'on', bytes: Uint8Array.of(0x5e) },
    ],
  } as const;
  const sealing = (answer: string): Architecture => ({
    ...toy,
    finalization: toy.finalization.map((order) => ({
      ...order,
      steps: [
        finalizeStep('seal', [], 'toy_seal', (image) => {
          if (image.ask(ask) === 'on') image.write(ask.address, Uint8Array.of(0x5e), 'seal');
          return undefined;
        }),
      ],
    })),
    machine: { facts: () => [{ kind: 'feature', id: 'SEAL', answer, source: 'cpuinfo.txt' }] },
  });

  test('memory counts more, and a difference is a finding', async () => {
    const [agreeing] = await verify(memory, { architectures: [sealing('on')] });
    expect(agreeing).toMatchObject({ findings: [], inferences: [{ answer: 'on' }] });
    const [differing] = await verify(memory, { architectures: [sealing('off')] });
    expect(differing !== undefined && isExplained(differing)).toBe(true);
    const message = 'feature SEAL is off by cpuinfo.txt, and on at 1 places in memory';
    expect(differing).toMatchObject({ findings: [{ code: 'verify/machine-differs', message }] });
  });

  test('is taken where memory has neither of the two', async () => {
    const damaged: ReadMemory = (address, length) =>
      address === 0x10000n ? Uint8Array.of(0x77, ...code.subarray(1, length)) : memory(address, length);
    const [result] = await verify(damaged, { architectures: [sealing('on')] });
    expect(result).toMatchObject({
      sections: [{ unexplained: [{ expected: Uint8Array.of(0x5e), actual: Uint8Array.of(0x77) }] }, {}],
    });
  });
});
