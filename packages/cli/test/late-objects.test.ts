import { join } from 'node:path';
import { lateRecords } from '@kelp/loader';
import { describe, expect, test } from 'vitest';
import { list, member, run } from './run.ts';
import { addTargetFile, applyTo, livepatchCapture, type TargetPlace } from './livepatch-capture.ts';
import { flipByte, type SmallCapture } from './small-capture.ts';
import { TemporaryFolder } from './temporary-folder.ts';

const folder = new TemporaryFolder();

const fixtures = [
  'x86/livepatch-6.1.ko',
  'x86/livepatch-7.3.ko',
  'ppc64le/livepatch-6.1.ko',
  'ppc64le/livepatch-7.3.ko',
  's390x/livepatch-6.1.ko',
  's390x/livepatch-7.3.ko',
  'arm64/livepatch-7.3.ko',
];

/** Places near the modules of a made-up kernel; up to 6.3 a module is one piece. */
function places(name: string): readonly [TargetPlace, TargetPlace] {
  const bases: Readonly<Record<string, bigint>> = {
    x86: 0xffff_ffff_c040_0000n,
    ppc64le: 0xc008_0000_0040_0000n,
    s390x: 0x3ff_8040_0000n,
    arm64: 0xffff_8000_7a40_0000n,
  };
  const base = bases[name.split('/', 1)[0] ?? ''] ?? 0n;
  const page = name.startsWith('ppc64le') ? 0x1_0000n : 0x1000n;
  const onePiece = name.endsWith('6.1.ko');
  return [
    { text: base, data: base + (onePiece ? page : 0x30_0000n) },
    { text: base + 0x55_0000n, data: base + 0x55_0000n + (onePiece ? page : 0x12_0000n) },
  ];
}

interface Verified {
  readonly status: number;
  readonly text: string;
  readonly result: unknown;
}

async function verify({ folder: source, module }: SmallCapture): Promise<Verified> {
  const { status, out, error } = await run('verify', source, module, '--json');
  const result: unknown = JSON.parse(out);
  return { status, text: error, result };
}

function livepatchAnswers({ result }: Verified): readonly string[] {
  return list(result, 'machine', 'inferred')
    .filter((one) => member(one, 'kind') === 'livepatch')
    .map((one) => `${String(member(one, 'id'))}: ${String(member(one, 'answer'))}`);
}

function unexplained({ result }: Verified): readonly (readonly [unknown, unknown, unknown])[] {
  return list(result, 'modules', 0, 'sections').flatMap((section) =>
    list(section, 'unexplained').map(
      (one) => [member(section, 'name'), member(one, 'offset'), member(one, 'length')] as const,
    ),
  );
}

function causes({ result }: Verified): readonly unknown[] {
  return list(result, 'modules', 0, 'sections').flatMap((section) =>
    list(section, 'explained').map((one) => member(one, 'cause')),
  );
}

describe.each(fixtures)('%s', (name) => {
  const [here, there] = places(name);

  test('its target was never there', async () => {
    const verified = await verify(livepatchCapture(join(folder.path, 'c'), name));
    expect(unexplained(verified)).toEqual([]);
    expect(verified.status).toBe(0);
  });

  test('its target is there', async () => {
    const capture = livepatchCapture(join(folder.path, 'c'), name, here);
    applyTo(capture, here);
    const verified = await verify(capture);
    expect(unexplained(verified)).toEqual([]);
    expect(causes(verified)).toContain('livepatch-relocation');
    expect(livepatchAnswers(verified)).toEqual(['livepatch hello: applied']);
    expect(verified.status).toBe(0);
  });

  test('its target is there, and nothing was applied', async () => {
    const verified = await verify(livepatchCapture(join(folder.path, 'c'), name, here));
    expect(unexplained(verified)).toEqual([]);
    expect(livepatchAnswers(verified)).toEqual([expect.stringMatching(/^livepatch hello: not applied/u)]);
  });

  test.each([
    ['gone', undefined],
    ['somewhere else now', there],
  ])('its target is %s: one address for each of its areas', async (_, now) => {
    const capture = livepatchCapture(join(folder.path, 'c'), name, now);
    applyTo(capture, here);
    addTargetFile(capture);
    const verified = await verify(capture);
    expect(unexplained(verified)).toEqual([]);
    const answers = livepatchAnswers(verified);
    expect(answers[0]).toBe('livepatch hello: stale');
    expect(answers).toContain(
      `livepatch hello ${name.endsWith('6.1.ko') ? 'core' : 'text'}: 0x${here.text.toString(16)}`,
    );
  });
});

test('of a target that is gone, and whose file is unknown, one address for each of its symbols', async () => {
  const name = 'x86/livepatch-6.1.ko';
  const [here] = places(name);
  const capture = livepatchCapture(join(folder.path, 'c'), name);
  applyTo(capture, here);
  const verified = await verify(capture);
  expect(unexplained(verified)).toEqual([]);
  expect(livepatchAnswers(verified)).toEqual([
    'livepatch hello: stale',
    `livepatch hello next_state,1: 0x${(here.text + 0x40n).toString(16)}`,
    `livepatch hello users: 0x${(here.data + 0x8n).toString(16)}`,
    `livepatch hello events: 0x${(here.data + 0x40n).toString(16)}`,
    `livepatch hello state_names: 0x${(here.data + 0x60n).toString(16)}`,
  ]);
  const { out } = await run('verify', capture.folder, capture.module);
  expect(out).toMatch(/^ +livepatch +livepatch hello +stale +3 +0$/mu);
});

test('of a target that stood where init memory of the livepatch had been', async () => {
  const capture = livepatchCapture(join(folder.path, 'c'), 'x86/livepatch-6.1.ko');
  const init = capture.loaded.image.areas.find(({ area }) => area.init)?.address ?? 0n;
  applyTo(capture, { text: init, data: init + 0x1000n });
  const verified = await verify(capture);
  expect(unexplained(verified)).toEqual([]);
  expect(livepatchAnswers(verified)).toContain(
    `livepatch hello next_state,1: 0x${(init + 0x40n).toString(16)}`,
  );
});

/** Offsets of the bytes in .text that applying late writes. */
function lateBytes({ loaded, sections }: SmallCapture): readonly number[] {
  const text = sections.get('.text');
  if (text === undefined) throw new Error('no .text');
  return lateRecords(loaded, 'hello')
    .map(({ address }) => Number(address - text.address))
    .filter((offset) => offset >= 0 && offset < text.size)
    .flatMap((offset) => [0, 1, 2, 3].map((at) => offset + at));
}

describe('a flipped byte of a field that was written late is named, and nothing else', () => {
  const cases = ['x86/livepatch-6.1.ko', 'x86/livepatch-7.3.ko', 'arm64/livepatch-7.3.ko'];

  test.each(cases)('%s, applied', async (name) => {
    const [here] = places(name);
    const capture = livepatchCapture(join(folder.path, 'c'), name, here);
    applyTo(capture, here);
    expect(await misnamed(capture)).toEqual([]);
  });

  // There are several for the one area that the target has.
  test.each(['x86/livepatch-6.1.ko'])('%s, stale', async (name) => {
    const [here] = places(name);
    const capture = livepatchCapture(join(folder.path, 'c'), name);
    applyTo(capture, here);
    addTargetFile(capture);
    expect(await misnamed(capture)).toEqual([]);
  });

  test.each(cases)('%s, not applied', async (name) => {
    expect(await misnamed(livepatchCapture(join(folder.path, 'c'), name))).toEqual([]);
  });
});

/** Flipped bytes after which anything but that byte is unexplained. */
async function misnamed(capture: SmallCapture): Promise<readonly (readonly [number, unknown])[]> {
  const path = capture.sections.get('.text')?.path ?? '';
  const offsets = lateBytes(capture);
  expect(offsets.length).toBeGreaterThan(0);
  const found: [number, unknown][] = [];
  for (const [index, offset] of offsets.entries()) {
    const bits = 1 << (index % 8);
    flipByte(path, offset, bits);
    const named = unexplained(await verify(capture));
    flipByte(path, offset, bits);
    const isNamed = JSON.stringify(named) === JSON.stringify([['.text', offset, 1]]);
    if (!isNamed) found.push([offset, named]);
  }
  return found;
}
