import { parseKernel } from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { withOptimizedNops } from '../src/nop-optimization.ts';
import { hex, toHex } from './test-image.ts';

describe('nops', () => {
  test.each([
    // Runs of 90 only, at most 8 bytes a nop.
    ['6.1.176', '90', '90'],
    ['6.1.176', '9090', '66 90'],
    ['6.1.176', `${'90'.repeat(10)}c3`, '0f 1f 84 00 00 00 00 00 66 90 c3'],
    ['6.1.176', '9090 0f1f00', '66 90 0f 1f 00'],
    // PAUSE is none.
    ['6.1.176', 'f390 90 90', 'f3 90 66 90'],
    // Since 6.5 any form, up to 11 bytes; beyond that a jump.
    ['6.5', '9090 0f1f00', '0f 1f 44 00 00'],
    ['6.5', '90'.repeat(11), '66 66 2e 0f 1f 84 00 00 00 00 00'],
    ['6.5', '90'.repeat(12), 'eb 0a cc cc cc cc cc cc cc cc cc cc'],
    ['6.12.107', `${'90'.repeat(9)}f390`, '2e 0f 1f 84 00 00 00 00 00 f3 90'],
    // 6.5 to 6.9: a jump to the end of the nops goes, too; and a nop of its own form is written anew.
    ['6.5', 'eb03 909090 c3', '0f 1f 44 00 00 c3'],
    ['6.10', 'eb03 909090 c3', 'eb 03 0f 1f 00 c3'],
    ['6.5', 'eb04 909090 c3', 'eb 04 0f 1f 00 c3'],
    ['6.5', '666690', '0f 1f 00'],
    ['6.10', '666690', '66 66 90'],
    // mov %rax,%rax since 6.19.
    ['6.12.107', '4889c0 90 c3', '48 89 c0 90 c3'],
    ['6.19', '4889c0 90 c3', '0f 1f 40 00 c3'],
    // What is no instruction ends it.
    ['7.3-rc7', '06 9090', '06 90 90'],
    ['6.1.176', '06 9090', '06 90 90'],
    ['6.5', '06 9090', '06 90 90'],
  ])('%s: %s', (release, before, after) => {
    expect(toHex(withOptimizedNops(hex(before), parseKernel(release)))).toBe(after);
  });

  test('a jump over 128 bytes and more is a near one', () => {
    const long = withOptimizedNops(hex('90'.repeat(200)), parseKernel('7.3-rc7'));
    expect(toHex(long.subarray(0, 6))).toBe('e9 c3 00 00 00 cc');
  });
});
