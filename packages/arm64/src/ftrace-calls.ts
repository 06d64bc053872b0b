import {
  appliesTo,
  type Applicability,
  type CodeSite,
  type ModuleImage,
  type TracedSite,
  type TracingCall,
} from '@kelp/core';
import { firstSection } from './first-section.ts';
import { ftraceSection, trampolineIndex } from './ftrace-trampolines.ts';
import { encodeCall, instructionBytes, moveX9X30, nop, readInstruction } from './instructions.ts';
import { pltEntrySize } from './plt-entries.ts';

/** Kernels in which a function may call the trampoline of BPF itself: DYNAMIC_FTRACE_WITH_DIRECT_CALLS (2aa6ac03516d). */
const directCalls: readonly Applicability[] = [{ since: '6.4' }];

/** FTRACE_ADDR and FTRACE_REGS_ADDR; the second is the first where there is no function of its own. */
const callers: readonly string[] = ['ftrace_caller', 'ftrace_regs_caller'];

/**
 * ftrace_make_call(): the second NOP of a function becomes a BL, to the function itself or to the trampoline of the module.
 *
 * @param place - of the first one, which saves the return address.
 * @param others - what else the kernel changes.
 */
export function tracedSite(
  image: ModuleImage,
  place: bigint,
  others?: () => readonly CodeSite[],
): TracedSite | undefined {
  const address = place + 4n;
  if (readInstruction(image, place) !== moveX9X30 || readInstruction(image, address) !== nop)
    return undefined;
  const more = others === undefined ? {} : { others };
  return {
    address,
    untraced: instructionBytes([nop]),
    calls: () =>
      [...callers.flatMap((name) => callsOf(image, address, name)), ...generatedCalls(image, address)].map(
        (call) => ({ ...call, ...more }),
      ),
  };
}

/** ftrace_find_callable_addr(). */
function callsOf(image: ModuleImage, address: bigint, name: string): readonly TracingCall[] {
  const target = image.externalSymbol(name);
  if (target === undefined) return [];
  const call = encodeCall(address, target) ?? callOfTrampoline(image, address, name);
  return call === undefined ? [] : [{ tracer: name, bytes: instructionBytes([call]) }];
}

function callOfTrampoline(image: ModuleImage, address: bigint, name: string): number | undefined {
  const section = firstSection(image, ftraceSection);
  const index = trampolineIndex(image.kernel, name);
  if (section === undefined || index === undefined) return undefined;
  return encodeCall(address, section.address + BigInt(index * pltEntrySize));
}

function generatedCalls(image: ModuleImage, address: bigint): readonly TracingCall[] {
  if (!appliesTo(directCalls, image.kernel)) return [];
  return image.generatedCode.flatMap(({ name, address: target }) => {
    const call = encodeCall(address, target);
    const tracer = `${name} at 0x${target.toString(16)}`;
    return call === undefined ? [] : [{ tracer, bytes: instructionBytes([call]) }];
  });
}
