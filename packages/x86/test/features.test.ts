import { parseKernel } from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { cpuFeature, featureId } from '../src/features.ts';
import { featureWords, renamedFeatures } from '../src/feature-words.ts';

const name = (word: number, bit: number, release: string): string =>
  featureId(word * 32 + bit, parseKernel(release));

function flag(word: number, bit: number): string | undefined {
  return cpuFeature(word * 32 + bit, parseKernel('6.1'))?.flag;
}

describe('feature numbers', () => {
  test.each([
    [0, 0, '6.1', 'FPU'],
    [0, 26, '7.3', 'XMM2'],
    [3, 16, '6.1', 'REP_GOOD'],
    [3, 21, '6.12', 'ALWAYS'],
    [11, 12, '6.1', 'RETPOLINE'],
    [11, 13, '7.3', 'RETPOLINE_LFENCE'],
    [8, 16, '7.3', 'XENPV'],
    [9, 20, '6.1', 'SMAP'],
    [11, 14, '6.12', 'RETHUNK'],
    [11, 19, '6.12', 'CALL_DEPTH'],
    [22, 10, '6.1', 'BUG_NULL_SEG'],
    [23, 1, '6.12', 'BUG_DIV0'],
  ])('%i*32+%i is in %s %s', (word, bit, release, expected) => {
    expect(name(word, bit, release)).toBe(expected);
  });

  test('bits that were given to another feature', () => {
    expect(name(3, 18, '6.1')).toBe('LFENCE_RDTSC');
    expect(name(3, 18, '6.12')).toBe('CLEAR_CPU_BUF');
    expect(name(20, 2, '6.12')).toBe('LFENCE_RDTSC');
    expect(name(21, 5, '6.1')).toBe('INDIRECT_THUNK_ITS');
    expect(name(21, 6, '6.12')).toBe('INDIRECT_THUNK_ITS');
    expect(name(21, 10, '7.3')).toBe('INDIRECT_THUNK_ITS');
    // Neither 6.1's name nor 6.12's is known to hold.
    expect(name(3, 18, '6.6')).toBe('bit 114');
  });

  test('a bit without a name has its number', () => {
    expect(name(0, 10, '6.1')).toBe('bit 10');
    expect(name(40, 0, '7.3')).toBe('bit 1280');
  });

  test('names in /proc/cpuinfo', () => {
    expect(flag(0, 26)).toBe('sse2');
    expect(flag(9, 20)).toBe('smap');
    expect(flag(8, 16)).toBeUndefined();
    expect(flag(22, 10)).toBe('null_seg');
  });

  test('every word has 32 bits, and no bit two rules', () => {
    for (const [, names] of featureWords) expect(names.trim().split(/\s+/u)).toHaveLength(32);
    for (const { word, bit } of renamedFeatures) {
      const [, names = ''] = featureWords.find(([number]) => number === word) ?? [];
      expect(names.trim().split(/\s+/u)[bit]).toBe('.');
    }
  });
});
