import { appliesTo, parseKernel, parseSeries } from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { decodeInstruction } from '../src/instructions/decode.ts';
import { longNops, nops, type Nops } from '../src/instructions/nops.ts';
import { hex } from './instructions-description.ts';

function nopsOf(release: string): Nops {
  const found = nops.filter(({ applies }) => appliesTo(applies, parseKernel(release)));
  expect(found).toHaveLength(1);
  const [first] = found;
  if (first === undefined) throw new Error(`no nops for ${release}`);
  return first;
}

// Expected values are the results of the kernels' own functions, compiled with the decoder of tools/arch/x86/lib.
describe('what a kernel takes for a nop', () => {
  test.each([
    // bytes, objdump's text, 6.1, 6.12, 7.3
    ['90', 'nop', true, true, true],
    ['66 90', 'xchg %ax,%ax', false, true, true],
    ['66 66 90', 'data16 xchg %ax,%ax', false, true, true],
    ['2e 90', 'cs nop', false, true, true],
    ['48 90', 'rex.W nop', false, true, true],
    ['f3 90', 'pause', false, false, false],
    ['66 f3 90', 'data16 pause', false, true, false],
    ['f3 66 90', 'data16 pause', false, false, false],
    ['41 90', 'xchg %eax,%r8d', false, true, false],
    ['d5 00 90', 'nop', false, true, true],
    ['d5 10 90', 'xchg %r16d,%eax', false, true, false],
    ['d5 80 90 c0', 'seto %al', false, true, false],
    ['c5 f8 90 c1', 'kmovw %k1,%k0', false, true, false],
    ['62 f2 7d 49 90 04 08', 'vpgatherdd (%rax,%zmm1,1),%zmm0{%k1}', false, true, false],

    ['0f 1f 00', 'nopl (%rax)', false, true, true],
    ['0f 1f 44 00 00', 'nopl 0x0(%rax,%rax,1)', false, true, true],
    ['66 66 2e 0f 1f 84 00 00 00 00 00', 'data16 cs nopw 0x0(%rax,%rax,1)', false, true, true],
    ['f3 0f 1f 00', 'repz nopl (%rax)', false, true, true],
    ['0f 1f c0', 'nop %eax', false, true, true],
    ['0f 1f 08', '0f 1f /1', false, true, false],
    ['44 0f 1f 00', '0f 1f /0 with REX.R', false, true, false],
    ['d5 80 1f 00', 'nop (%rax)', false, false, true],
    ['c4 e2 79 0f 1f', 'vtestpd (%rdi),%xmm3', false, false, false],
    ['0f 0d 08', 'prefetchw (%rax)', false, false, false],
    ['0f 1e c0', 'nop %eax', false, false, false],
    ['f3 0f 1e fa', 'endbr64', false, false, false],

    ['48 89 c0', 'mov %rax,%rax', false, false, true],
    ['4d 89 c0', 'mov %r8,%r8', false, false, true],
    ['66 48 89 c0', 'data16 mov %rax,%rax', false, false, true],
    ['89 c0', 'mov %eax,%eax', false, false, false],
    ['49 89 c0', 'mov %rax,%r8', false, false, false],
    ['48 89 c8', 'mov %rcx,%rax', false, false, false],
    ['48 89 00', 'mov %rax,(%rax)', false, false, false],
    ['48 8b c0', 'mov %rax,%rax, the other form', false, false, false],
    ['d5 08 89 c0', 'mov %rax,%rax', false, false, true],
    ['d5 58 89 c0', 'mov %r16,%r16', false, false, true],
    ['d5 48 89 c0', 'mov %r16,%rax', false, false, false],

    ['48 8d 76 00', 'lea 0x0(%rsi),%rsi', false, false, true],
    ['48 8d b6 00 00 00 00', 'lea 0x0(%rsi),%rsi', false, false, true],
    ['48 8d 74 26 00', 'lea 0x0(%rsi,%riz,1),%rsi', false, false, true],
    ['3e 48 8d 74 26 00', 'ds lea 0x0(%rsi,%riz,1),%rsi', false, false, true],
    ['2e 48 8d 74 26 00', 'cs lea 0x0(%rsi,%riz,1),%rsi', false, false, false],
    ['48 8d 74 66 00', 'lea 0x0(%rsi,%riz,2),%rsi', false, false, false],
    ['4a 8d 74 26 00', 'lea 0x0(%rsi,%r12,1),%rsi', false, false, false],
    ['48 8d 76 01', 'lea 0x1(%rsi),%rsi', false, false, false],
    ['48 8d 36', 'lea (%rsi),%rsi', false, false, false],
    ['8d 76 00', 'lea 0x0(%rsi),%esi', false, false, false],
    ['49 8d 76 00', 'lea 0x0(%r14),%rsi', false, false, false],

    ['eb 00', 'jmp to the next instruction', false, false, true],
    ['e9 00 00 00 00', 'jmp to the next instruction', false, false, true],
    ['eb 01', 'jmp', false, false, false],
    ['e9 00 00 00 01', 'jmp', false, false, false],
    ['e8 00 00 00 00', 'call', false, false, false],
    ['74 00', 'je', false, false, false],
    ['cc', 'int3', false, false, false],
    ['06', 'nothing', false, false, false],
  ])('%s: %s', (bytes, _, ...expected) => {
    const found = ['6.1.0-50-amd64', '6.12.107+deb13-amd64', '7.3-amd64'].map((release) =>
      nopsOf(release).isNop(hex(`cc${bytes}`), 1),
    );
    expect(found).toEqual(expected);
  });

  test('every kernel has one row', () => {
    for (const series of ['5.10', '6.4', '6.5', '7.1', '7.2', '7.3']) {
      expect(nops.filter(({ applies }) => appliesTo(applies, parseSeries(series)))).toHaveLength(1);
    }
  });
});

describe('nops that a kernel writes', () => {
  test.each([
    ['6.1.0-50-amd64', 8],
    ['6.12.107+deb13-amd64', 11],
    ['7.3-amd64', 11],
  ])('%s: up to %i bytes', (release, longest) => expect(nopsOf(release).longest).toBe(longest));

  test('are single instructions of 1 to 11 bytes, known as nops since 6.5', () => {
    expect(longNops).toHaveLength(11);
    for (const [index, nop] of longNops.entries()) {
      const bytes = Uint8Array.from(nop);
      expect(decodeInstruction(bytes, 0)?.length).toBe(index + 1);
      expect(bytes).toHaveLength(index + 1);
      expect(nopsOf('6.12.107').isNop(bytes, 0)).toBe(true);
      expect(nopsOf('7.3').isNop(bytes, 0)).toBe(true);
    }
  });

  test('are those of asm/nops.h', () => {
    expect(longNops.map((nop) => Buffer.from(nop).toString('hex'))).toEqual([
      '90',
      '6690',
      '0f1f00',
      '0f1f4000',
      '0f1f440000',
      '660f1f440000',
      '0f1f8000000000',
      '0f1f840000000000',
      '2e0f1f840000000000',
      '662e0f1f840000000000',
      '66662e0f1f840000000000',
    ]);
  });
});
