import type { GeneratedCode, ReadBytes, TracedSite } from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { ftraceSite } from '../src/ftrace.ts';
import { generateBranch } from '../src/text-generation.ts';
import { hex, little, testImage, toHex, type TestImage } from './test-image.ts';

const text = 0xffffffffc0200000n;
const page = 0xffffffffc0300000n;
const nop = '0f 1f 44 00 00';

// Made up: what create_trampoline() copies, as short as it may be. Assembled:
//   48 8b 05 f9 ff 0f 00  mov 0xffff9(%rip),%rax    # counter, moves along
//   48 8b 15 f2 ff 1f 00  mov 0x1ffff2(%rip),%rdx   # function_trace_op
//   e8 ed ff 0f 00        call ftrace_stub
//   58                    pop %rax
const caller = 0xffffffff81100000n;
const callerCode = hex('48 8b 05 f9 ff 0f 00  48 8b 15 f2 ff 1f 00  e8 ed ff 0f 00  58');
const counter = caller + 0x100000n;
const handler = 0xffffffff81345670n;
const operations = 0xffffffff82abcde0n;

// The same with a jump over nothing behind the call: 75 00  jne .+2
const regsCaller = caller + 0x200n;
const regsCallerCode = hex('48 8b 15 f9 fd 1f 00  e8 f4 fd 0f 00  75 00  58');

const symbols = {
  ftrace_caller: caller,
  ftrace_caller_op_ptr: caller + 7n,
  ftrace_call: caller + 14n,
  ftrace_caller_end: caller + 20n,
  ftrace_regs_caller: regsCaller,
  ftrace_regs_caller_op_ptr: regsCaller,
  ftrace_regs_call: regsCaller + 7n,
  ftrace_regs_caller_jmp: regsCaller + 12n,
  ftrace_regs_caller_end: regsCaller + 15n,
  klp_ftrace_handler: handler,
  retbleed_return_thunk: 0xffffffff81700000n,
};

/** The kernel's text. */
const kernelText: readonly (readonly [bigint, Uint8Array])[] = [
  [caller, callerCode],
  [regsCaller, regsCallerCode],
];

/** A trampoline at the page: the copy with its changes, the return, the pointer. */
function trampoline(returns = 'c3 cc'): Uint8Array {
  const back = hex(returns);
  const pointer = 20 + back.length;
  return Uint8Array.from([
    0x48,
    0x8b,
    0x05,
    ...little(counter - (page + 7n), 4),
    0x48,
    0x8b,
    0x15,
    ...little(pointer - 14, 4),
    ...generateBranch(0xe8, page + 14n, handler),
    0x58,
    ...back,
    ...little(operations, 8),
    0,
    0,
    0,
    0,
    0,
    0,
    0,
  ]);
}

function regsTrampoline(): Uint8Array {
  return Uint8Array.from([
    0x48,
    0x8b,
    0x15,
    ...little(17 - 7, 4),
    ...generateBranch(0xe8, page + 7n, handler),
    0x66,
    0x90,
    0x58,
    0xc3,
    0xcc,
    ...little(operations, 8),
    ...Array.from({ length: 12 }, () => 0),
  ]);
}

function reader(...memory: readonly (readonly [bigint, Uint8Array])[]): ReadBytes {
  return (address, length) => {
    const found = memory.find(
      ([start, bytes]) => address >= start && address + BigInt(length) <= start + BigInt(bytes.length),
    );
    const offset = Number(address - (found?.[0] ?? 0n));
    return found?.[1].slice(offset, offset + length);
  };
}

const nothing: ReadBytes = () => undefined;

interface Options {
  readonly release?: string;
  readonly code?: string;
  readonly generatedCode?: readonly GeneratedCode[];
}

function image({ release = '6.12.107', code = nop, generatedCode = [] }: Options = {}): TestImage {
  return testImage({
    release,
    sections: [{ name: '.text', address: text, bytes: hex(code) }],
    symbols,
    generatedCode,
  });
}

function siteOf(options: Options = {}): TracedSite {
  const site = ftraceSite.traced?.(image(options), text, 0);
  if (site === undefined) throw new Error('no site');
  return site;
}

const listed: readonly GeneratedCode[] = [
  { name: 'ftrace_trampoline', address: page },
  { name: 'bpf_trampoline_6442', address: page + 0x1000n },
];

describe('a call site while nobody traces', () => {
  test('is a nop, and stays one that the compiler has made', () => {
    expect(ftraceSite.encode(image({ code: 'e8 00 00 00 00' }), text, 0)).toEqual([
      { address: text, bytes: hex(nop) },
    ]);
    expect(ftraceSite.encode(image(), text, 0)).toEqual([]);
  });

  test('other code is no call site', () => {
    expect(ftraceSite.traced?.(image({ code: '55 48 89 e5 90' }), text, 0)).toBeUndefined();
  });
});

describe('a call site while somebody traces', () => {
  test.each([
    ['6.12.107', []],
    ['7.3-rc7', ['jump to bpf_trampoline_6442 at 0xffffffffc0301000']],
  ])('calls the callers, or code that the kernel generated: %s', (release, jumps) => {
    const calls = siteOf({ release, generatedCode: listed }).calls();
    expect(calls.map(({ tracer }) => tracer)).toEqual([
      'ftrace_caller',
      'ftrace_regs_caller',
      'ftrace_trampoline at 0xffffffffc0300000',
      'bpf_trampoline_6442 at 0xffffffffc0301000',
      ...jumps,
    ]);
    expect(calls.slice(0, 5).map(({ bytes }) => toHex(bytes))).toEqual([
      'e8 fb ff ef c0',
      'e8 fb 01 f0 c0',
      'e8 fb ff 0f 00',
      'e8 fb 0f 10 00',
      ...jumps.map(() => 'e9 fb 0f 10 00'),
    ]);
  });

  test('trampolines have to be what the kernel makes, as far as they can be read', () => {
    const call = siteOf({ generatedCode: listed }).calls()[2];
    const sound = (bytes: Uint8Array, ...text_: typeof kernelText): boolean | undefined =>
      call?.isSound?.(reader([page, bytes], ...text_));
    expect(call?.isSound?.(nothing)).toBe(true);
    expect(sound(trampoline(), ...kernelText)).toBe(true);
    expect(sound(regsTrampoline(), ...kernelText)).toBe(true);
    expect(sound(trampoline('e9 e7 ff 3f c1'), ...kernelText)).toBe(true);
    expect(sound(trampoline('c3'), ...kernelText)).toBe(true);
    // A jump to what is no return thunk.
    expect(sound(trampoline('e9 e8 ff 3f c1'), ...kernelText)).toBe(false);
  });

  test('any byte of a trampoline that is another shows', () => {
    const call = siteOf({ generatedCode: listed }).calls()[2];
    for (const [made, used] of [
      [trampoline(), 22],
      [regsTrampoline(), 16],
    ] as const) {
      for (let at = 0; at < used - 1; at++) {
        const bytes = made.slice();
        bytes[at] = (bytes[at] ?? 0) ^ 0x11;
        expect([at, call?.isSound?.(reader([page, bytes], ...kernelText))]).toEqual([at, false]);
      }
    }
  });

  test('without the text of the kernel load, call and return still have to be right', () => {
    const call = siteOf({ generatedCode: listed }).calls()[2];
    for (const [at, sound] of [
      [3, true],
      [9, false],
      [10, false],
      [14, false],
      [15, false],
      [20, false],
      [29, false],
    ] as const) {
      const bytes = trampoline();
      bytes[at] = (bytes[at] ?? 0) ^ 0xff;
      expect([at, call?.isSound?.(reader([page, bytes]))]).toEqual([at, sound]);
    }
  });

  test('a trampoline that no symbol names is told by its code', () => {
    const site = siteOf();
    const call = generateBranch(0xe8, text, page);
    const found = site.unlisted?.(call, reader([page, trampoline()], ...kernelText));
    expect(found).toEqual({ tracer: 'ftrace_trampoline at 0xffffffffc0300000', bytes: call });
    expect(site.callOf?.('ftrace_trampoline at 0xffffffffc0300000')).toEqual(found);
    // Not readable, not at the start of a page, not a trampoline, not a call.
    expect(site.unlisted?.(call, nothing)).toBeUndefined();
    const off = generateBranch(0xe8, text, page + 0x10n);
    expect(site.unlisted?.(off, reader([page + 0x10n, trampoline()], ...kernelText))).toBeUndefined();
    expect(site.unlisted?.(call, reader([page, new Uint8Array(64)], ...kernelText))).toBeUndefined();
    const jump = generateBranch(0xe9, text, page);
    expect(site.unlisted?.(jump, reader([page, trampoline()], ...kernelText))).toBeUndefined();
    expect(site.callOf?.('ftrace_caller')).toBeUndefined();
  });
});
