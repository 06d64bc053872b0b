import { appliesTo, type Applicability, type ModuleImage } from '@kelp/core';
import { branchTarget, startsWith } from './text-generation.ts';

/** skl_call_thunk_template: sarq $5, %gs:depth. */
export interface CallThunkTemplate {
  readonly applies: readonly Applicability[];
  /** Bytes before the 4-byte address of the variable; the immediate follows it. */
  readonly opcode: readonly number[];
  readonly ripRelative: boolean;
  /** The variable that counts, and where it lies in its symbol. */
  readonly symbol: string;
  readonly offset: bigint;
}

const templates: readonly CallThunkTemplate[] = [
  {
    applies: [{ since: '6.2', before: '6.8' }],
    opcode: [0x65, 0x48, 0xc1, 0x3c, 0x25],
    ripRelative: false,
    symbol: 'pcpu_hot',
    offset: 16n,
  },
  {
    // 17bce3b2ae2d ("x86/callthunks: Handle %rip-relative relocations in call thunk template").
    applies: [{ since: '6.8', before: '6.15' }],
    opcode: [0x65, 0x48, 0xc1, 0x3d],
    ripRelative: true,
    symbol: 'pcpu_hot',
    offset: 16n,
  },
  {
    // Seen in 7.3, not in 6.12; struct pcpu_hot went away in 6.15.
    applies: [{ since: '6.15' }],
    opcode: [0x65, 0x48, 0xc1, 0x3d],
    ripRelative: true,
    symbol: '__x86_call_depth',
    offset: 0n,
  },
];

/** The immediate of the instruction: RET_DEPTH_SHIFT. */
const shift = 5;

/** The template of the kernel; undefined for kernels that count no calls. */
export function templateOf({ kernel }: ModuleImage): CallThunkTemplate | undefined {
  return templates.find(({ applies }) => appliesTo(applies, kernel));
}

/** Bytes of a thunk. */
export function thunkLength({ opcode }: CallThunkTemplate): number {
  return opcode.length + 5;
}

/** The thunk at an address, for a variable at `depth` from the GS base. */
export function encodeThunk(template: CallThunkTemplate, thunk: bigint, depth: bigint): Uint8Array {
  const bytes = Uint8Array.of(...template.opcode, 0, 0, 0, 0, shift);
  const stored = template.ripRelative ? depth - (thunk + BigInt(bytes.length)) : depth;
  new DataView(bytes.buffer).setInt32(template.opcode.length, Number(BigInt.asIntN(32, stored)), true);
  return bytes;
}

/** The variable that a thunk at an address counts in; undefined for bytes that are no thunk. */
export function decodeThunk(
  template: CallThunkTemplate,
  thunk: bigint,
  bytes: Uint8Array,
): bigint | undefined {
  const end = template.ripRelative ? thunk + BigInt(thunkLength(template)) : 0n;
  const depth = branchTarget(bytes, template.opcode.length, end);
  return startsWith(bytes, encodeThunk(template, thunk, depth)) ? depth : undefined;
}
