import type { ModuleImage, ReadBytes, TracedSite, TracingCall } from '@kelp/core';
import {
  BRASL_R0,
  BRCL_ALWAYS,
  BRCL_NEVER,
  halfword,
  nop6,
  relativeLong,
  relativeLongTarget,
  sameBytes,
} from './instructions.ts';

// ftrace_make_call(), arch/s390/kernel/ftrace.c: where the nop holds the distance to a trampoline, its mask is set, so that
// it jumps; otherwise the nop becomes a call.

/** FTRACE_ADDR; registers or not is decided there. */
const caller = 'ftrace_caller';

/** Where a trampoline has the address of what it calls. */
const interceptorOffset = 16;

/** What tracing makes of a site as it was initialized. */
export function tracedSite(image: ModuleImage, entry: bigint): TracedSite | undefined {
  const untraced = image.read(entry, nop6.length);
  if (untraced === undefined || halfword(untraced) !== BRCL_NEVER) return undefined;
  const calls = sameBytes(untraced, nop6)
    ? (): readonly TracingCall[] => directCalls(image, entry)
    : (): readonly TracingCall[] => [throughTrampoline(image, entry, untraced)];
  return { address: entry, untraced, calls };
}

/** What the trampoline calls stands in the trampoline: ftrace_caller, or code that the kernel generated. */
function throughTrampoline(image: ModuleImage, entry: bigint, untraced: Uint8Array): TracingCall {
  const trampoline = relativeLongTarget(untraced, entry);
  return {
    tracer: 'its trampoline',
    bytes: relativeLong(BRCL_ALWAYS, entry, trampoline),
    isSound: (read) => callsTracer(image, read, trampoline + BigInt(interceptorOffset)),
  };
}

function callsTracer(image: ModuleImage, read: ReadBytes, place: bigint): boolean {
  const bytes = read(place, 8);
  if (bytes === undefined) return true;
  const target = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0);
  return tracers(image).some(({ address }) => address === target);
}

function directCalls(image: ModuleImage, entry: bigint): readonly TracingCall[] {
  return tracers(image).map(({ name, address }) => ({
    tracer: name,
    bytes: relativeLong(BRASL_R0, entry, address),
  }));
}

function tracers(image: ModuleImage): readonly { readonly name: string; readonly address: bigint }[] {
  const address = image.externalSymbol(caller);
  const generated = image.generatedCode.map((code) => ({
    name: `${code.name} at 0x${code.address.toString(16)}`,
    address: code.address,
  }));
  return address === undefined ? generated : [{ name: caller, address }, ...generated];
}
