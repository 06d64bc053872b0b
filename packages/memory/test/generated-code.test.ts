import { expect, test } from 'vitest';
import { generatedCode, generatedCodeAreas } from '../src/generated-code.ts';
import { parseKallsyms } from '../src/kallsyms.ts';
import { makeModule, makeSnapshot } from './make-snapshot.ts';

const symbols = parseKallsyms(
  Buffer.from(
    [
      'ffffffff81100000 T ftrace_caller',
      'ffffffff81100200 T ftrace_regs_caller_end',
      'ffffffffc0100000 t ftrace_trampoline\t[__builtin__ftrace]',
      'ffffffffc0200000 t ftrace_trampoline\t[evil]',
      'ffffffffc0300000 t kprobe_insn_page\t[__builtin__kprobes]',
      'ffffffffc0400080 t bpf_trampoline_6442493185\t[bpf]',
      'ffffffffc0500000 t bpf_prog_6deef7357e7b4530_sd_fw_egress\t[bpf]',
      '',
    ].join('\n'),
  ),
);

test('trampolines of ftrace and BPF', () => {
  expect(generatedCode({ symbols, modules: [] })).toEqual([
    { name: 'ftrace_trampoline', address: 0xffffffffc0100000n },
    { name: 'bpf_trampoline_6442493185', address: 0xffffffffc0400080n },
  ]);
});

test('a module that calls itself so is none', () => {
  const modules = [makeModule('__builtin__ftrace', []), makeModule('bpf', [])];
  expect(generatedCode({ symbols, modules })).toEqual([]);
});

test('a capture takes their pages and what they are copies of', () => {
  const areas = generatedCodeAreas({ ...makeSnapshot(), symbols });
  expect(areas.map(({ address, size }) => [address, size])).toEqual([
    [0xffffffffc0100000n, 4096],
    [0xffffffffc0400000n, 4096],
    [0xffffffff81100000n, 0x200],
  ]);
  expect(generatedCodeAreas(makeSnapshot())).toEqual([]);
});
