import { describe, expect, test } from 'vitest';
import { decodeInstruction } from '../src/instructions/decode.ts';
import { decode, describeInstruction, hex, type Case } from './instructions-description.ts';

// Bytes come from GNU as 2.40; objdump prints them back as one instruction each.

describe('one-byte opcodes', () => {
  test.each<Case>([
    ['01 c3', 'add %eax,%ebx', 'one-byte 01, modrm 1'],
    ['04 12', 'add $0x12,%al', 'one-byte 04, immediate 1+1'],
    ['05 78 56 34 12', 'add $0x12345678,%eax', 'one-byte 05, immediate 1+4'],
    ['66 05 34 12', 'add $0x1234,%ax', 'one-byte 05, immediate 2+2'],
    ['48 05 78 56 34 12', 'add $0x12345678,%rax', 'one-byte 05, immediate 2+4'],
    ['41 54', 'push %r12', 'one-byte 54'],
    ['48 63 d8', 'movslq %eax,%rbx', 'one-byte 63, modrm 2'],
    ['68 78 56 34 12', 'push $0x12345678', 'one-byte 68, immediate 1+4'],
    ['69 0f 78 56 34 12', 'imul $0x12345678,(%rdi),%ecx', 'one-byte 69, modrm 1, immediate 2+4'],
    ['6a 12', 'push $0x12', 'one-byte 6a, immediate 1+1'],
    ['6b 4f 08 12', 'imul $0x12,0x8(%rdi),%ecx', 'one-byte 6b, modrm 1, displacement 2+1, immediate 3+1'],
    ['f3 6f', 'rep outsl %ds:(%rsi),(%dx)', 'one-byte 6f'],
    ['74 10', 'je 0x3d', 'one-byte 74, branch 1+1'],
    [
      '81 05 34 12 00 00 78 56 34 12',
      'addl $0x12345678,0x1234(%rip)',
      'one-byte 81, modrm 1, rip-relative 2+4, immediate 6+4',
    ],
    ['66 81 7e 10 34 12', 'cmpw $0x1234,0x10(%rsi)', 'one-byte 81, modrm 2, displacement 3+1, immediate 4+2'],
    ['80 7e 10 12', 'cmpb $0x12,0x10(%rsi)', 'one-byte 80, modrm 1, displacement 2+1, immediate 3+1'],
    ['48 83 04 24 12', 'addq $0x12,(%rsp)', 'one-byte 83, modrm 2, immediate 4+1'],
    ['48 8d 45 00', 'lea 0x0(%rbp),%rax', 'one-byte 8d, modrm 2, displacement 3+1'],
    ['48 8d 04 c5 78 56 34 12', 'lea 0x12345678(,%rax,8),%rax', 'one-byte 8d, modrm 2, displacement 4+4'],
    ['48 89 04 25 78 56 34 12', 'mov %rax,0x12345678', 'one-byte 89, modrm 2, displacement 4+4'],
    ['65 48 8b 04 25 78 56 34 12', 'mov %gs:0x12345678,%rax', 'one-byte 8b, modrm 3, displacement 5+4'],
    ['49 8b 04 24', 'mov (%r12),%rax', 'one-byte 8b, modrm 2'],
    ['49 8b 45 00', 'mov 0x0(%r13),%rax', 'one-byte 8b, modrm 2, displacement 3+1'],
    ['49 8b 84 24 78 56 34 12', 'mov 0x12345678(%r12),%rax', 'one-byte 8b, modrm 2, displacement 4+4'],
    ['67 8b 05 10 00 00 00', 'mov 0x10(%eip),%eax', 'one-byte 8b, modrm 2, rip-relative 3+4'],
    ['8f 00', 'pop (%rax)', 'one-byte 8f, modrm 1'],
    ['49 90', 'xchg %rax,%r8', 'one-byte 90'],
    ['f3 90', 'pause', 'one-byte 90'],
    ['9b', 'fwait', 'one-byte 9b'],
    ['a0 88 77 66 55 44 33 22 11', 'movabs 0x1122334455667788,%al', 'one-byte a0, displacement 1+8'],
    ['a3 88 77 66 55 44 33 22 11', 'movabs %eax,0x1122334455667788', 'one-byte a3, displacement 1+8'],
    ['a8 12', 'test $0x12,%al', 'one-byte a8, immediate 1+1'],
    ['a9 78 56 34 12', 'test $0x12345678,%eax', 'one-byte a9, immediate 1+4'],
    ['b1 12', 'mov $0x12,%cl', 'one-byte b1, immediate 1+1'],
    ['b9 78 56 34 12', 'mov $0x12345678,%ecx', 'one-byte b9, immediate 1+4'],
    ['66 b9 34 12', 'mov $0x1234,%cx', 'one-byte b9, immediate 2+2'],
    ['48 b9 88 77 66 55 44 33 22 11', 'movabs $0x1122334455667788,%rcx', 'one-byte b9, immediate 2+8'],
    ['c1 20 12', 'shll $0x12,(%rax)', 'one-byte c1, modrm 1, immediate 2+1'],
    ['c2 34 12', 'ret $0x1234', 'one-byte c2, immediate 1+2'],
    ['c3', 'ret', 'one-byte c3'],
    ['c6 40 05 12', 'movb $0x12,0x5(%rax)', 'one-byte c6, modrm 1, displacement 2+1, immediate 3+1'],
    [
      'c7 40 05 78 56 34 12',
      'movl $0x12345678,0x5(%rax)',
      'one-byte c7, modrm 1, displacement 2+1, immediate 3+4',
    ],
    ['66 c7 40 05 34 12', 'movw $0x1234,0x5(%rax)', 'one-byte c7, modrm 2, displacement 3+1, immediate 4+2'],
    [
      '48 c7 40 05 78 56 34 12',
      'movq $0x12345678,0x5(%rax)',
      'one-byte c7, modrm 2, displacement 3+1, immediate 4+4',
    ],
    ['c6 f8 12', 'xabort $0x12', 'one-byte c6, modrm 1, immediate 2+1'],
    ['c7 f8 3f 23 01 00', 'xbegin 0x12417', 'one-byte c7, modrm 1, branch 2+4'],
    ['c8 34 12 12', 'enter $0x1234,$0x12', 'one-byte c8, immediate 1+3'],
    ['c9', 'leave', 'one-byte c9'],
    ['ca 34 12', 'lret $0x1234', 'one-byte ca, immediate 1+2'],
    ['cc', 'int3', 'one-byte cc'],
    ['cd 80', 'int $0x80', 'one-byte cd, immediate 1+1'],
    ['d9 7c 24 04', 'fnstcw 0x4(%rsp)', 'one-byte d9, modrm 1, displacement 3+1'],
    ['e2 10', 'loop 0xf9', 'one-byte e2, branch 1+1'],
    ['e3 10', 'jrcxz 0xfb', 'one-byte e3, branch 1+1'],
    ['e4 12', 'in $0x12,%al', 'one-byte e4, immediate 1+1'],
    ['e8 40 23 01 00', 'call 0x12432', 'one-byte e8, branch 1+4'],
    ['e9 40 23 01 00', 'jmp 0x12437', 'one-byte e9, branch 1+4'],
    ['eb 10', 'jmp 0x109', 'one-byte eb, branch 1+1'],
    ['f2 e9 3f 23 01 00', 'bnd jmp 0x1243e', 'one-byte e9, branch 2+4'],
    ['f1', 'int1', 'one-byte f1'],
    ['f6 00 12', 'testb $0x12,(%rax)', 'one-byte f6, modrm 1, immediate 2+1'],
    ['f7 10', 'notl (%rax)', 'one-byte f7, modrm 1'],
    ['f7 00 78 56 34 12', 'testl $0x12345678,(%rax)', 'one-byte f7, modrm 1, immediate 2+4'],
    ['66 f7 00 34 12', 'testw $0x1234,(%rax)', 'one-byte f7, modrm 2, immediate 3+2'],
    ['48 f7 18', 'negq (%rax)', 'one-byte f7, modrm 2'],
    ['fe 00', 'incb (%rax)', 'one-byte fe, modrm 1'],
    ['ff 15 34 12 00 00', 'call *0x1234(%rip)', 'one-byte ff, modrm 1, rip-relative 2+4'],
    ['3e ff e0', 'notrack jmp *%rax', 'one-byte ff, modrm 2'],
  ])('%s: %s', (bytes, _, expected) => expect(describeInstruction(bytes)).toBe(expected));
});

describe('two-byte opcodes', () => {
  test.each<Case>([
    ['0f 00 d0', 'lldt %ax', '0f 00, modrm 2'],
    ['0f 01 f8', 'swapgs', '0f 01, modrm 2'],
    ['0f 01 cb', 'stac', '0f 01, modrm 2'],
    ['0f 05', 'syscall', '0f 05'],
    ['0f 06', 'clts', '0f 06'],
    ['0f 09', 'wbinvd', '0f 09'],
    ['0f 0b', 'ud2', '0f 0b'],
    ['0f 0d 08', 'prefetchw (%rax)', '0f 0d, modrm 2'],
    ['0f 10 00', 'movups (%rax),%xmm0', '0f 10, modrm 2'],
    ['f3 0f 1e fa', 'endbr64', '0f 1e, modrm 3'],
    ['66 0f 1f 04 00', 'nopw (%rax,%rax,1)', '0f 1f, modrm 3'],
    ['0f 20 e0', 'mov %cr4,%rax', '0f 20, modrm 2'],
    ['0f 23 f8', 'mov %rax,%db7', '0f 23, modrm 2'],
    ['f2 48 0f 2a c0', 'cvtsi2sd %rax,%xmm0', '0f 2a, modrm 4'],
    ['0f 30', 'wrmsr', '0f 30'],
    ['0f 33', 'rdpmc', '0f 33'],
    ['48 0f 45 48 08', 'cmovne 0x8(%rax),%rcx', '0f 45, modrm 3, displacement 4+1'],
    ['66 0f 70 c8 12', 'pshufd $0x12,%xmm0,%xmm1', '0f 70, modrm 3, immediate 4+1'],
    ['66 0f 73 d8 08', 'psrldq $0x8,%xmm0', '0f 73, modrm 3, immediate 4+1'],
    ['0f 78 c1', 'vmread %rax,%rcx', '0f 78, modrm 2'],
    ['66 0f 78 c1 02 01', 'extrq $0x1,$0x2,%xmm1', '0f 78, modrm 3, immediate 4+2'],
    ['f2 0f 78 d1 02 01', 'insertq $0x1,$0x2,%xmm1,%xmm2', '0f 78, modrm 3, immediate 4+2'],
    ['0f 77', 'emms', '0f 77'],
    ['0f 85 3f 23 01 00', 'jne 0x124b6', '0f 85, branch 2+4'],
    ['0f 94 00', 'sete (%rax)', '0f 94, modrm 2'],
    ['0f a0', 'push %fs', '0f a0'],
    ['0f a2', 'cpuid', '0f a2'],
    ['48 0f a3 01', 'bt %rax,(%rcx)', '0f a3, modrm 3'],
    ['48 0f a4 01 12', 'shld $0x12,%rax,(%rcx)', '0f a4, modrm 3, immediate 4+1'],
    ['48 0f a5 01', 'shld %cl,%rax,(%rcx)', '0f a5, modrm 3'],
    ['0f ae e8', 'lfence', '0f ae, modrm 2'],
    ['48 0f ae 20', 'xsave64 (%rax)', '0f ae, modrm 3'],
    ['f3 0f b8 c8', 'popcnt %eax,%ecx', '0f b8, modrm 3'],
    ['0f b9 48 11', 'ud1 0x11(%rax),%ecx', '0f b9, modrm 2, displacement 3+1'],
    ['0f ff c8', 'ud0 %eax,%ecx', '0f ff, modrm 2'],
    ['0f ba 28 12', 'btsl $0x12,(%rax)', '0f ba, modrm 2, immediate 3+1'],
    ['f3 48 0f bc c8', 'tzcnt %rax,%rcx', '0f bc, modrm 4'],
    ['f2 0f c2 08 01', 'cmpltsd (%rax),%xmm1', '0f c2, modrm 3, immediate 4+1'],
    ['66 0f c4 00 01', 'pinsrw $0x1,(%rax),%xmm0', '0f c4, modrm 3, immediate 4+1'],
    ['48 0f c7 f8', 'rdseed %rax', '0f c7, modrm 3'],
    ['48 0f c7 08', 'cmpxchg16b (%rax)', '0f c7, modrm 3'],
    ['49 0f c9', 'bswap %r9', '0f c9'],
    ['f0 0f b1 0a', 'lock cmpxchg %ecx,(%rdx)', '0f b1, modrm 3'],
  ])('%s: %s', (bytes, _, expected) => expect(describeInstruction(bytes)).toBe(expected));
});

describe('three-byte opcodes', () => {
  test.each<Case>([
    ['66 0f 38 00 08', 'pshufb (%rax),%xmm1', '0f38 00, modrm 4'],
    ['66 0f 38 17 c8', 'ptest %xmm0,%xmm1', '0f38 17, modrm 4'],
    ['66 0f 38 82 08', 'invpcid (%rax),%rcx', '0f38 82, modrm 4'],
    ['0f 38 cb 08', 'sha256rnds2 %xmm0,(%rax),%xmm1', '0f38 cb, modrm 3'],
    ['66 0f 38 dc 48 10', 'aesenc 0x10(%rax),%xmm1', '0f38 dc, modrm 4, displacement 5+1'],
    ['0f 38 f0 08', 'movbe (%rax),%ecx', '0f38 f0, modrm 3'],
    ['f2 0f 38 f0 08', 'crc32b (%rax),%ecx', '0f38 f0, modrm 4'],
    ['66 f2 0f 38 f1 08', 'crc32w (%rax),%ecx', '0f38 f1, modrm 5'],
    ['66 48 0f 38 f6 08', 'adcx (%rax),%rcx', '0f38 f6, modrm 5'],
    ['66 0f 3a 0f d1 08', 'palignr $0x8,%xmm1,%xmm2', '0f3a 0f, modrm 4, immediate 5+1'],
    [
      '66 0f 3a 44 0d 10 00 00 00 11',
      'pclmulhqhqdq 0x10(%rip),%xmm1',
      '0f3a 44, modrm 4, rip-relative 5+4, immediate 9+1',
    ],
    ['0f 3a cc d1 01', 'sha1rnds4 $0x1,%xmm1,%xmm2', '0f3a cc, modrm 3, immediate 4+1'],
    ['66 0f 3a df d1 01', 'aeskeygenassist $0x1,%xmm1,%xmm2', '0f3a df, modrm 4, immediate 5+1'],
    ['f3 0f 3a f0 c0 12', 'hreset $0x12', '0f3a f0, modrm 4, immediate 5+1'],
  ])('%s: %s', (bytes, _, expected) => expect(describeInstruction(bytes)).toBe(expected));
});

describe('sizes', () => {
  test.each([
    // REX.W wins over 66.
    ['66 48 05 78 56 34 12', 'one-byte 05, immediate 3+4'],
    ['66 48 b8 88 77 66 55 44 33 22 11', 'one-byte b8, immediate 3+8'],
    // A near branch ignores 66, as objdump -M intel64 and the kernel have it; XBEGIN does not.
    ['66 e8 78 56 34 12', 'one-byte e8, branch 2+4'],
    ['66 0f 84 78 56 34 12', '0f 84, branch 3+4'],
    ['66 c7 f8 34 12', 'one-byte c7, modrm 2, branch 3+2'],
    ['67 a0 78 56 34 12', 'one-byte a0, displacement 2+4'],
    // mod is not looked at.
    ['0f 20 05', '0f 20, modrm 2'],
    // SIB without base, with an index.
    ['8b 04 8d 78 56 34 12', 'one-byte 8b, modrm 1, displacement 3+4'],
    // Base 5 with mod 1 is RBP.
    ['8b 44 8d 12', 'one-byte 8b, modrm 1, displacement 3+1'],
  ])('%s', (bytes, expected) => expect(describeInstruction(bytes)).toBe(expected));
});

describe('prefixes', () => {
  test('are counted by kind', () => {
    expect(decode('f3 48 0f bc c8')).toMatchObject({ legacyPrefixes: 1, prefixLength: 2, rex: 0x48 });
    expect(decode('66 66 2e 0f 1f 84 00 00 00 00 00')).toMatchObject({
      legacyPrefixes: 3,
      prefixLength: 3,
      rex: undefined,
    });
    expect(decode('65 c5 fa 10 00')).toMatchObject({ legacyPrefixes: 1, prefixLength: 3, rex: undefined });
    expect(decode('d5 76 8d 7c 10 01')).toMatchObject({ legacyPrefixes: 0, prefixLength: 2, rex: 0x76 });
    expect(decode('62 f1 fe 48 6f 48 01')).toMatchObject({
      legacyPrefixes: 0,
      prefixLength: 4,
      rex: undefined,
    });
  });

  test('REX has no effect before another prefix', () => {
    expect(decode('48 66 05 34 12')).toMatchObject({
      length: 5,
      rex: undefined,
      legacyPrefixes: 1,
      prefixLength: 2,
    });
    expect(decode('48 41 90')).toMatchObject({ length: 3, rex: 0x41 });
  });

  test('reach up to the length limit of 15 bytes', () => {
    expect(decode(`${'66'.repeat(14)}90`).length).toBe(15);
    expect(decodeInstruction(hex(`${'66'.repeat(15)}90`), 0)).toBeUndefined();
    expect(decodeInstruction(hex('66'.repeat(20)), 0)).toBeUndefined();
  });
});
