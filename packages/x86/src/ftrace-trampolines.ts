import type { ModuleImage, ReadBytes } from '@kelp/core';
import { relocatedCode } from './replacement.ts';
import { branchTarget, CALL, JMP32, nop2, startsWith } from './text-generation.ts';

// create_trampoline(), arch/x86/kernel/ftrace.c: ftrace_ops that are alone at a function get a copy of ftrace_caller that
// calls them directly. Behind the copy stand a return and a pointer to the ftrace_ops.

/** Symbols of a function that is copied. */
interface CopiedFunction {
  readonly start: string;
  /** Where the ftrace_ops are loaded. */
  readonly load: string;
  /** Where their function is called. */
  readonly call: string;
  /** The jump to a direct caller, which trampolines do not need. */
  readonly jump?: string;
  readonly end: string;
}

const copiedFunctions: readonly CopiedFunction[] = [
  { start: 'ftrace_caller', load: 'ftrace_caller_op_ptr', call: 'ftrace_call', end: 'ftrace_caller_end' },
  {
    start: 'ftrace_regs_caller',
    load: 'ftrace_regs_caller_op_ptr',
    call: 'ftrace_regs_call',
    jump: 'ftrace_regs_caller_jmp',
    end: 'ftrace_regs_caller_end',
  },
];

/** movq distance(%rip), %rdx: 7 bytes, OP_REF_SIZE. */
const loadOperations = Uint8Array.of(0x48, 0x8b, 0x15);
const loadSize = 7;
const callSize = 5;

/** RET_SIZE: room for a jump to a return thunk, for ret and int3, or for ret, by configuration. */
const returnSizes: ReadonlySet<number> = new Set([5, 2, 1]);
const ret = 0xc3;

/** Bytes behind the copy: the longest return, and the pointer. */
const trailerSize = 5 + 8;

/** Trampolines are allocated in whole pages. */
const pageSize = 0x1000n;

/** Whether there is a trampoline of ftrace at an address; undefined where the memory is not known. */
export function isTrampoline(image: ModuleImage, read: ReadBytes, address: bigint): boolean | undefined {
  if (address % pageSize !== 0n) return false;
  const found = copiedFunctions.map((one) => isCopyOf(one, image, read, address));
  return found.find((one) => one === true) ?? (found.includes(undefined) ? undefined : false);
}

function isCopyOf(
  copied: CopiedFunction,
  image: ModuleImage,
  read: ReadBytes,
  address: bigint,
): boolean | undefined {
  const from = image.externalSymbol(copied.start);
  const [load, call, size, jump] = [copied.load, copied.call, copied.end, copied.jump ?? copied.end].map(
    (name) => {
      const symbol = image.externalSymbol(name);
      return symbol === undefined || from === undefined ? undefined : Number(symbol - from);
    },
  );
  if (from === undefined || load === undefined || call === undefined || size === undefined) return undefined;
  const code = read(address, size + trailerSize);
  if (code === undefined) return undefined;
  if (!loadsOperations(code, load, size) || !callsFunction(image, code, address, call)) return false;
  if (!returns(image, code, address, size)) return false;
  const original = read(from, size);
  if (original === undefined) return true;
  const expected = relocatedCode(original, { to: address, from, length: size });
  expected.set(code.subarray(load, load + loadSize), load);
  expected.set(code.subarray(call, call + callSize), call);
  if (jump !== undefined && jump < size) expected.set(nop2, jump);
  return startsWith(code, expected);
}

/** The pointer behind the return is loaded, and is an address of the kernel. */
function loadsOperations(code: Uint8Array, load: number, size: number): boolean {
  if (!startsWith(code, loadOperations, load)) return false;
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const pointer = load + loadSize + view.getInt32(load + loadOperations.length, true);
  return returnSizes.has(pointer - size) && view.getBigInt64(pointer, true) < 0n;
}

/** The call goes to the start of a function: that of the ftrace_ops, or ftrace_ops_list_func. */
function callsFunction(image: ModuleImage, code: Uint8Array, address: bigint, call: number): boolean {
  const target = branchTarget(code, call + 1, address + BigInt(call + callSize));
  return code[call] === CALL && image.functionAt(target) !== undefined;
}

/** A return, or a jump to the return thunk. */
function returns(image: ModuleImage, code: Uint8Array, address: bigint, at: number): boolean {
  if (code[at] === ret) return true;
  const target = branchTarget(code, at + 1, address + BigInt(at + 5));
  return code[at] === JMP32 && image.functionAt(target)?.endsWith('return_thunk') === true;
}
