import { parseKernel } from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { applyFeatureFixups } from '../src/feature-patching.ts';
import { featureName } from '../src/features.ts';
import { applyLwsync, applySpeculationBarriers } from '../src/instruction-fixups.ts';
import { code, quad, testImage, type TestImage } from './test-image.ts';

const text = 0xc008_0000_0075_45f0n;
const alternative = 0xc008_0000_0061_e970n;
const table = 0xc008_0000_0061_e9a8n;
const nop = 0x6000_0000;

interface Fixup {
  readonly mask: bigint;
  readonly value: bigint;
  readonly present: readonly number[];
  readonly instead: readonly number[];
  readonly features?: Readonly<Record<string, boolean>>;
  readonly answers?: Readonly<Record<string, string>>;
}

function patched({ mask, value, present, instead, features, answers }: Fixup): TestImage {
  const [end, alternativeEnd] = [text + BigInt(present.length * 4), alternative + BigInt(instead.length * 4)];
  const entry = [mask, value, ...[text, end, alternative, alternativeEnd].map((address) => address - table)];
  const image = testImage({
    memory: [
      ['.text', text, code(...present)],
      ['__ftr_alt_97', alternative, code(...instead)],
      ['__ftr_fixup', table, entry.map(quad).join('')],
    ],
    ...(features === undefined ? {} : { features }),
    ...(answers === undefined ? {} : { answers }),
  });
  expect(applyFeatureFixups('__ftr_fixup', 'CPU_FTR')(image)).toBeUndefined();
  return image;
}

const arch31 = 0x0004_0000_0000_0000n;
// As the module bridge of 7.3 has it; a POWER10 takes the alternative. lwsync there is another instruction.
const shortForm: Fixup = { mask: arch31, value: 0n, present: [0x7c40_003c, nop], instead: [0x7c40_003c] };

describe('a feature fixup', () => {
  test('leaves the code where the features are as it wants', () => {
    expect(patched({ ...shortForm, features: { CPU_FTR_ARCH_31: false } }).writes).toEqual([]);
  });

  test('puts the alternative in place and fills up with nops', () => {
    const present = [0x3860_0001, 0x3880_0001, 0x38a0_0001];
    const image = patched({ ...shortForm, present, features: { CPU_FTR_ARCH_31: true } });
    expect(image.hex(text, 12)).toBe(code(0x7c40_003c, nop, nop));
    expect(image.writes).toEqual([`feature-fixup 0x${text.toString(16)} ${code(0x7c40_003c, nop, nop)}`]);
  });

  test('asks for a bit that is not known, with the bytes of both answers', () => {
    const present = [0x3860_0001, 0x3880_0001];
    const image = patched({ ...shortForm, present });
    expect(image.writes).toEqual([]);
    expect(image.questions).toHaveLength(1);
    expect(image.questions[0]).toMatchObject({ kind: 'feature', id: 'CPU_FTR_ARCH_31', address: text });
    expect(
      image.questions[0]?.candidates.map(({ answer, bytes }) => [answer, Buffer.from(bytes).toString('hex')]),
    ).toEqual([
      ['off', code(...present)],
      ['on', code(0x7c40_003c, nop)],
    ]);
    expect(patched({ ...shortForm, present, answers: { CPU_FTR_ARCH_31: 'on' } }).hex(text, 4)).toBe(
      code(0x7c40_003c),
    );
  });

  test('asks for the opposite answer where the bit is wanted', () => {
    const image = patched({ ...shortForm, value: arch31, instead: [0x3860_0000] });
    expect(image.questions[0]?.candidates.map(({ answer }) => answer)).toEqual(['on', 'off']);
    expect(image.writes).toEqual([]);
    expect(patched({ ...shortForm, value: arch31, answers: { CPU_FTR_ARCH_31: 'off' } }).writes).toHaveLength(
      1,
    );
  });

  const two: Fixup = { ...shortForm, mask: arch31 | 0x80n, value: arch31 };

  test('with several bits asks for all that are open at once', () => {
    expect(patched(two).questions[0]?.id).toBe('not CPU_FTR_LWSYNC and CPU_FTR_ARCH_31');
    expect(patched({ ...two, features: { CPU_FTR_ARCH_31: true } }).questions[0]?.id).toBe('CPU_FTR_LWSYNC');
  });

  test('with several bits is decided by one that is wrong', () => {
    const image = patched({ ...two, features: { CPU_FTR_LWSYNC: true } });
    expect(image.questions).toEqual([]);
    expect(image.writes).toHaveLength(1);
  });

  test('with a value outside its mask never fits', () => {
    expect(patched({ ...shortForm, value: 1n }).writes).toHaveLength(1);
  });

  const on = { CPU_FTR_ARCH_31: true };

  test('moves branches out of the alternative and leaves those inside it', () => {
    // bl to 0x1000 behind the alternative; b to its end; bne to its start.
    const instead = [0x4800_1001, 0x4800_0008, 0x4082_fff8];
    const image = patched({ ...shortForm, present: [nop, nop, nop], instead, features: on });
    const distance = alternative + 0x1000n - text;
    const moved = 0x4800_0001 + Number(BigInt.asUintN(26, distance));
    expect(image.hex(text, 12)).toBe(code(moved, 0x4800_0008, 0x4082_fff8));
  });

  test('copies the suffix of a prefixed instruction as it is', () => {
    // paddi, whose suffix may look like a branch.
    const instead = [0x0600_0000, 0x4bff_fff0];
    expect(patched({ ...shortForm, present: [nop, nop], instead, features: on }).hex(text, 8)).toBe(
      code(...instead),
    );
  });

  test('that is longer than the code, or has a branch out of reach, is left out', () => {
    expect(patched({ ...shortForm, present: [0], instead: [nop, nop], features: on }).writes).toEqual([]);
    expect(patched({ ...shortForm, present: [0], instead: [0x4082_0100], features: on }).writes).toEqual([]);
  });
});

describe('places of one instruction', () => {
  const isync = 0x4c00_012c;
  const lwsync = 0x7c20_04ac;

  function listed(name: string, features: Readonly<Record<string, boolean>> = {}): TestImage {
    const entries = [text - table, text + 8n - (table + 8n)];
    return testImage({
      memory: [
        ['.text', text, code(isync, nop, isync)],
        [name, table, entries.map(quad).join('')],
      ],
      features,
    });
  }

  test('lwsync takes the place of isync', () => {
    const image = listed('__lwsync_fixup', { CPU_FTR_LWSYNC: true });
    applyLwsync(image);
    expect(image.hex(text, 12)).toBe(code(lwsync, nop, lwsync));
    expect(image.writes).toEqual([
      `lwsync 0x${text.toString(16)} ${code(lwsync)}`,
      `lwsync 0x${(text + 8n).toString(16)} ${code(lwsync)}`,
    ]);
  });

  test('lwsync is asked for and taken for on', () => {
    const image = listed('__lwsync_fixup');
    applyLwsync(image);
    expect(image.questions.map(({ id }) => id)).toEqual(['CPU_FTR_LWSYNC', 'CPU_FTR_LWSYNC']);
    expect(image.hex(text, 4)).toBe(code(lwsync));
    const off = listed('__lwsync_fixup', { CPU_FTR_LWSYNC: false });
    applyLwsync(off);
    expect(off.writes).toEqual([]);
  });

  test.each([
    [true, 0x63ff_0000],
    [false, nop],
  ])('speculation barriers with the mitigation %s', (mitigation, word) => {
    const image = listed('__spec_barrier_fixup', { barrier_nospec: mitigation });
    applySpeculationBarriers(image);
    expect(image.hex(text, 12)).toBe(code(word, nop, word));
  });

  test('the section that modules have is not read', () => {
    const image = listed('__barrier_nospec_fixup', { barrier_nospec: true });
    applySpeculationBarriers(image);
    expect(image.writes).toEqual([]);
  });
});

describe('names of features', () => {
  test.each([
    ['MMU_FTR', 9, '6.1', 'MMU_FTR_BOOK3S_KUAP'],
    ['MMU_FTR', 9, '6.12', 'MMU_FTR_KUAP'],
    ['CPU_FTR', 52, '6.1', 'CPU_FTR bit 52'],
    ['CPU_FTR', 52, '7.3', 'CPU_FTR_DEXCR_NPHIE'],
    ['FW_FEATURE', 22, '7.3', 'FW_FEATURE_LPAR'],
    ['FW_FEATURE', 63, '7.3', 'FW_FEATURE bit 63'],
  ] as const)('%s bit %s in %s', (word, bit, release, name) => {
    expect(featureName(word, bit, parseKernel(release))).toBe(name);
  });
});
