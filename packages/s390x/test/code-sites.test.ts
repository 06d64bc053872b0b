import { describe, expect, test } from 'vitest';
import { ftraceSite } from '../src/ftrace.ts';
import { jumpLabel } from '../src/jump-label.ts';
import { fromHex, testImage, toHex, type TestImage } from './test-image.ts';

describe('jump labels', () => {
  const site = { key: 0n, branch: false };

  test.each([
    ['forward', 0x1000n, 0x1090n, '00000048'],
    ['backward', 0x1000n, 0x0ff0n, 'fffffff8'],
    ['to themselves', 0x1000n, 0x1000n, '00000000'],
    ['as far as they reach', 0x1000n, 0x1000n + 0xfffffffen, '7fffffff'],
  ])('%s: brcl 15 or brcl 0, both with the distance', (_what, code, target, distance) => {
    const image = testImage({ memory: [] });
    expect(toHex(jumpLabel.encode(image, { ...site, code, target }, true))).toBe(`c0f4${distance}`);
    expect(toHex(jumpLabel.encode(image, { ...site, code, target }, false))).toBe(`c004${distance}`);
  });
});

const entry = 0x3ff802fb348n;
const nop = 'c00400000000';
const question = `ftrace trampolines of text 0x${entry.toString(16)}`;

function imageWith(
  release: string,
  input: {
    readonly answer?: string;
    readonly features?: Readonly<Record<string, boolean>>;
    readonly code?: string;
  },
): TestImage {
  const { answer, features = {}, code = nop } = input;
  return testImage({
    release,
    memory: [[entry, code]],
    features,
    answers: answer === undefined ? {} : { [question]: answer },
  });
}

function encoded(image: TestImage, position: number): readonly string[] {
  return ftraceSite
    .encode(image, entry, position)
    .map(({ address, bytes }) => `0x${address.toString(16)} ${toHex(bytes)}`);
}

describe('ftrace call sites', () => {
  test('5.10 writes nothing', () => {
    const image = imageWith('5.10', { answer: '0x3ff80200000' });
    expect([encoded(image, 0), image.questions]).toEqual([[], []]);
  });

  test.each(['6.1', '6.12', '7.3'])('%s stores the distance to the trampoline of the position', (release) => {
    const image = imageWith(release, { answer: '0x3ff80305000' });
    // 0x3ff80305000 - 0x3ff802fb348 = 0x9cb8, and 24 bytes more for each site before.
    expect(encoded(image, 0)).toEqual(['0x3ff802fb348 c00400004e5c']);
    expect(encoded(image, 3)).toEqual(['0x3ff802fb348 c00400004e80']);
    expect(ftraceSite.cause).toBe('kernel-chosen');
  });

  test('trampolines may stand in front of the code', () => {
    expect(encoded(imageWith('6.1', { answer: '0x3ff802fa000' }), 0)).toEqual(['0x3ff802fb348 c004fffff65c']);
  });

  test('the sequential-instruction facility makes them needless since 6.12', () => {
    for (const name of ['seq_insn', 'facility 85']) {
      const features = { [name]: true };
      expect(encoded(imageWith('6.1', { answer: '0x3ff80305000', features }), 0)).toHaveLength(1);
      expect(encoded(imageWith('6.12', { answer: '0x3ff80305000', features }), 0)).toEqual([]);
      expect(encoded(imageWith('7.3', { answer: '0x3ff80305000', features }), 0)).toEqual([]);
    }
  });

  test('a site that is no nop stays as it is', () => {
    expect(encoded(imageWith('6.1', { answer: '0x3ff80305000', code: 'c0e500001234' }), 0)).toEqual([]);
  });

  test('nobody knows: the nop stays', () => {
    expect(encoded(imageWith('6.1', {}), 0)).toEqual([]);
  });
});

describe('traced functions', () => {
  const caller = 0x3ff80001000n;
  const bpf = 0x3ff80340000n;

  function calls(
    release: string,
    code: string,
    memory: Readonly<Record<string, string>> = {},
  ): readonly string[] {
    const image = testImage({
      release,
      memory: [[entry, code]],
      symbols: { ftrace_caller: caller },
      generatedCode: [{ name: 'bpf_trampoline_6442', address: bpf }],
    });
    const read = (address: bigint): Uint8Array | undefined => {
      const bytes = memory[`0x${address.toString(16)}`];
      return bytes === undefined ? undefined : fromHex(bytes);
    };
    const site = ftraceSite.traced?.(image, entry, 0);
    expect(toHex(site?.untraced)).toBe(site === undefined ? '' : code);
    return (site?.calls() ?? []).map(({ tracer, bytes, isSound }) => {
      return `${tracer}: ${toHex(bytes)} ${isSound === undefined ? '' : String(isSound(read))}`.trim();
    });
  }

  test.each(['6.1', '7.3'])('%s: the nop with a distance jumps to its trampoline', (release) => {
    expect(calls(release, 'c00400004e5c')).toEqual(['its trampoline: c0f400004e5c true']);
  });

  // 0x9cb8 behind the entry, and 16 bytes on.
  const interceptor = '0x3ff80305010';

  test.each([
    ['ftrace_caller', caller, true],
    ['a trampoline of BPF', bpf, true],
    ['anything else', caller + 2n, false],
  ])('which calls %s', (_, target, isSound) => {
    const memory = { [interceptor]: target.toString(16).padStart(16, '0') };
    expect(calls('6.1', 'c00400004e5c', memory)).toEqual([`its trampoline: c0f400004e5c ${isSound}`]);
  });

  test('a nop without distance becomes a call', () => {
    // (0x3ff80001000 - 0x3ff802fb348) / 2, (0x3ff80340000 - 0x3ff802fb348) / 2
    expect(calls('7.3', nop)).toEqual([
      'ftrace_caller: c005ffe82e5c',
      'bpf_trampoline_6442 at 0x3ff80340000: c0050002265c',
    ]);
  });

  test('other code is no site', () => {
    expect(calls('7.3', 'c0e500001234')).toEqual([]);
  });
});

describe('where the trampolines are', () => {
  const trampoline = 0x3ff80305018n;
  /** brasl %r1,...; padding; the function behind its nop; ftrace_caller. */
  const content = 'c015 00001234 0000 000003ff802fb34e 0000000000a33080';

  function derive(release: string, site: string, memory?: string): string | undefined {
    const image = imageWith(release, {});
    encoded(image, 1);
    const read = (address: bigint, length: number): Uint8Array | undefined => {
      expect([address, length]).toEqual([trampoline, 24]);
      return memory === undefined ? undefined : fromHex(memory);
    };
    return image.questions[0]?.derive?.(fromHex(site), read);
  }

  test.each(['c00400004e68', 'c0f400004e68'])('is told by each site, traced or not: %s', (site) => {
    expect(derive('6.1', site)).toBe('0x3ff80305000');
    expect(derive('6.1', site, content)).toBe('0x3ff80305000');
  });

  test.each([
    ['another instruction', content.replace('c015', 'c0e5')],
    ['of another function', content.replace('b34e', 'b350')],
  ])('not by a trampoline that is none: %s', (_what, memory) => {
    expect(derive('6.1', 'c00400004e68', memory)).toBeUndefined();
  });

  test('a nop without distance is possible since 6.12', () => {
    expect(derive('6.1', nop)).toBeUndefined();
    expect(derive('6.12', nop)).toBe('none');
  });

  test.each(['c0e400004e68', 'c00500004e68', '07070707 0707'])('nothing else is legal: %s', (site) => {
    expect(derive('7.3', site)).toBeUndefined();
  });
});
