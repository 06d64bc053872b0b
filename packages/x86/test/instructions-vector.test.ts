import { describe, expect, test } from 'vitest';
import { describeInstruction, type Case } from './instructions-description.ts';

// Bytes come from GNU as 2.40, those of APX from newer binutils; objdump prints them back as one instruction each.

describe('VEX', () => {
  test.each<Case>([
    ['c5 fe 6f 48 20', 'vmovdqu 0x20(%rax),%ymm1', 'vex 0f 6f, modrm 3, displacement 4+1'],
    ['c4 c1 7e 6f 08', 'vmovdqu (%r8),%ymm1', 'vex 0f 6f, modrm 4'],
    ['c5 f8 77', 'vzeroupper', 'vex 0f 77'],
    ['c5 fd 70 d1 12', 'vpshufd $0x12,%ymm1,%ymm2', 'vex 0f 70, modrm 3, immediate 4+1'],
    ['c5 ed 73 d9 08', 'vpsrldq $0x8,%ymm1,%ymm2', 'vex 0f 73, modrm 3, immediate 4+1'],
    ['c5 ed c2 d9 01', 'vcmpltpd %ymm1,%ymm2,%ymm3', 'vex 0f c2, modrm 3, immediate 4+1'],
    ['c4 e1 f8 90 d1', 'kmovq %k1,%k2', 'vex 0f 90, modrm 4'],
    ['c5 f8 98 d1', 'kortestw %k1,%k2', 'vex 0f 98, modrm 3'],
    ['c5 f8 ae 50 10', 'vldmxcsr 0x10(%rax)', 'vex 0f ae, modrm 3, displacement 4+1'],
    ['c4 e2 e0 f2 08', 'andn (%rax),%rbx,%rcx', 'vex 0f38 f2, modrm 4'],
    ['c4 e2 f0 f3 08', 'blsr (%rax),%rcx', 'vex 0f38 f3, modrm 4'],
    ['c4 e2 e3 f6 08', 'mulx (%rax),%rbx,%rcx', 'vex 0f38 f6, modrm 4'],
    ['c4 e2 75 90 1c 90', 'vpgatherdd %ymm1,(%rax,%ymm2,4),%ymm3', 'vex 0f38 90, modrm 4'],
    ['c4 e2 75 b8 10', 'vfmadd231ps (%rax),%ymm1,%ymm2', 'vex 0f38 b8, modrm 4'],
    [
      'c4 e2 75 dc 15 10 00 00 00',
      'vaesenc 0x10(%rip),%ymm1,%ymm2',
      'vex 0f38 dc, modrm 4, rip-relative 5+4',
    ],
    ['c4 e2 78 49 00', 'ldtilecfg (%rax)', 'vex 0f38 49, modrm 4'],
    ['c4 e2 7b 4b 0c 18', 'tileloadd (%rax,%rbx,1),%tmm1', 'vex 0f38 4b, modrm 4'],
    [
      'c4 e3 fb f0 48 08 12',
      'rorx $0x12,0x8(%rax),%rcx',
      'vex 0f3a f0, modrm 4, displacement 5+1, immediate 6+1',
    ],
    ['c4 e3 fd 00 d1 12', 'vpermq $0x12,%ymm1,%ymm2', 'vex 0f3a 00, modrm 4, immediate 5+1'],
    [
      'c4 e3 75 38 50 10 01',
      'vinserti128 $0x1,0x10(%rax),%ymm1,%ymm2',
      'vex 0f3a 38, modrm 4, displacement 5+1, immediate 6+1',
    ],
    ['c4 e3 65 4a e2 10', 'vblendvps %ymm1,%ymm2,%ymm3,%ymm4', 'vex 0f3a 4a, modrm 4, immediate 5+1'],
    ['c4 e3 e5 68 e1 20', 'vfmaddps %ymm1,%ymm2,%ymm3,%ymm4', 'vex 0f3a 68, modrm 4, immediate 5+1'],
    ['c4 e3 ed ce d9 12', 'vgf2p8affineqb $0x12,%ymm1,%ymm2,%ymm3', 'vex 0f3a ce, modrm 4, immediate 5+1'],
  ])('%s: %s', (bytes, _, expected) => expect(describeInstruction(bytes)).toBe(expected));
});

describe('EVEX', () => {
  test.each<Case>([
    ['62 f1 fe 48 6f 48 01', 'vmovdqu64 0x40(%rax),%zmm1', 'evex 0f 6f, modrm 5, displacement 6+1'],
    [
      '62 f1 75 48 fe 15 10 00 00 00',
      'vpaddd 0x10(%rip),%zmm1,%zmm2',
      'evex 0f fe, modrm 5, rip-relative 6+4',
    ],
    ['62 f1 6d 48 72 c9 07', 'vprold $0x7,%zmm1,%zmm2', 'evex 0f 72, modrm 5, immediate 6+1'],
    ['62 f3 6d 48 25 d9 12', 'vpternlogd $0x12,%zmm1,%zmm2,%zmm3', 'evex 0f3a 25, modrm 5, immediate 6+1'],
    ['62 f2 75 48 8d 10', 'vpermb (%rax),%zmm1,%zmm2', 'evex 0f38 8d, modrm 5'],
    ['62 f2 75 48 00 10', 'vpshufb (%rax),%zmm1,%zmm2', 'evex 0f38 00, modrm 5'],
    ['62 f3 6d 48 3e c9 01', 'vpcmpltub %zmm1,%zmm2,%k1', 'evex 0f3a 3e, modrm 5, immediate 6+1'],
    ['62 f2 7d 49 c6 0c 88', 'vgatherpf0dps (%rax,%zmm1,4){%k1}', 'evex 0f38 c6, modrm 5'],
    ['62 f5 6c 48 58 d9', 'vaddph %zmm1,%zmm2,%zmm3', 'evex map5 58, modrm 5'],
    ['62 f6 6d 48 98 18', 'vfmadd132ph (%rax),%zmm2,%zmm3', 'evex map6 98, modrm 5'],
    [
      '62 f3 f5 48 ce 50 01 12',
      'vgf2p8affineqb $0x12,0x40(%rax),%zmm1,%zmm2',
      'evex 0f3a ce, modrm 5, displacement 6+1, immediate 7+1',
    ],
  ])('%s: %s', (bytes, _, expected) => expect(describeInstruction(bytes)).toBe(expected));
});

describe('XOP', () => {
  test.each<Case>([
    ['8f e8 60 a2 e2 10', 'vpcmov %xmm1,%xmm2,%xmm3,%xmm4', 'xop map8 a2, modrm 4, immediate 5+1'],
    ['8f e8 78 c2 d1 05', 'vprotd $0x5,%xmm1,%xmm2', 'xop map8 c2, modrm 4, immediate 5+1'],
    ['8f e9 70 01 c8', 'blcfill %eax,%ecx', 'xop map9 01, modrm 4'],
    ['8f e9 78 c2 d1', 'vphaddbd %xmm1,%xmm2', 'xop map9 c2, modrm 4'],
    ['8f ea 78 10 08 78 56 34 12', 'bextr $0x12345678,(%rax),%ecx', 'xop map10 10, modrm 4, immediate 5+4'],
    ['8f ea 70 12 00 78 56 34 12', 'lwpins $0x12345678,(%rax),%ecx', 'xop map10 12, modrm 4, immediate 5+4'],
  ])('%s: %s', (bytes, _, expected) => expect(describeInstruction(bytes)).toBe(expected));
});

describe('APX', () => {
  test.each<Case>([
    ['d5 76 8d 7c 10 01', 'lea 0x1(%r16,%r26,1),%r31d', 'rex2 one-byte 8d, modrm 3, displacement 5+1'],
    ['d5 00 a1 ef cd ab 90 78 56 34 12', 'jmpabs $0x1234567890abcdef', 'rex2 one-byte a1, immediate 3+8'],
    ['62 f4 0d 10 81 e0 34 12', 'and $0x1234,%ax,%r30w', 'evex map4 81, modrm 5, immediate 6+2'],
    ['62 f4 04 10 d0 10', 'rcl $1,(%rax),%r31b', 'evex map4 d0, modrm 5'],
    [
      '62 da 84 00 f3 9c 87 23 01 00 00',
      'blsi 0x123(%r31,%rax,4),%r31',
      'evex 0f38 f3, modrm 5, displacement 7+4',
    ],
  ])('%s: %s', (bytes, _, expected) => expect(describeInstruction(bytes)).toBe(expected));
});
