import {
  appliesTo,
  type Applicability,
  type FtraceSiteEncoder,
  type GeneratedCode,
  type ModuleImage,
  type TracingCall,
} from '@kelp/core';
import { isTrampoline } from './ftrace-trampolines.ts';
import { branchTarget, CALL, generateBranch, JMP32, nop5, startsWith } from './text-generation.ts';

/** FTRACE_ADDR and FTRACE_REGS_ADDR: for functions that several trace. */
const callers: readonly string[] = ['ftrace_caller', 'ftrace_regs_caller'];

/** Kernels in which a function may jump to the trampoline of BPF: ftrace_is_jmp(). Seen in 7.2, not in 6.12. */
const mayJump: readonly Applicability[] = [{ since: '7.0' }];

const trampoline = 'ftrace_trampoline';

/**
 * ftrace_init_nop(): the call of __fentry__ becomes a nop; sites that the compiler made nops stay as they are.
 * ftrace_call_replace(): while somebody traces the function, it is a call again.
 */
export const ftraceSite: FtraceSiteEncoder = {
  encode(image, entry) {
    return image.read(entry, 1)?.[0] === CALL ? [{ address: entry, bytes: nop5 }] : [];
  },

  traced(image, entry) {
    const present = image.read(entry, nop5.length);
    if (present === undefined || !startsWith(present, nop5)) return undefined;
    return {
      address: entry,
      untraced: nop5,
      calls: () => [
        ...callers.flatMap((name) => callOf(entry, name, image.externalSymbol(name)) ?? []),
        ...image.generatedCode.flatMap((code) => generatedCalls(image, entry, code)),
      ],
      // A dump does not list the trampolines of ftrace.
      unlisted(bytes, read) {
        const target = bytes[0] === CALL ? branchTarget(bytes, 1, entry + 5n) : undefined;
        const found = target !== undefined && isTrampoline(image, read, target) === true;
        return found ? callOf(entry, named(trampoline, target), target) : undefined;
      },
      callOf(tracer) {
        const [name, target] = tracer.split(' at ');
        return name === trampoline && target !== undefined
          ? callOf(entry, tracer, BigInt(target))
          : undefined;
      },
    };
  },
};

function named(name: string, address: bigint): string {
  return `${name} at 0x${address.toString(16)}`;
}

function callOf(entry: bigint, tracer: string, target: bigint | undefined): TracingCall | undefined {
  return target === undefined ? undefined : { tracer, bytes: generateBranch(CALL, entry, target) };
}

function generatedCalls(
  image: ModuleImage,
  entry: bigint,
  { name, address }: GeneratedCode,
): readonly TracingCall[] {
  const tracer = named(name, address);
  const call = { tracer, bytes: generateBranch(CALL, entry, address) };
  if (name === trampoline)
    return [{ ...call, isSound: (read) => isTrampoline(image, read, address) !== false }];
  const jump = { tracer: `jump to ${tracer}`, bytes: generateBranch(JMP32, entry, address) };
  return appliesTo(mayJump, image.kernel) ? [call, jump] : [call];
}
