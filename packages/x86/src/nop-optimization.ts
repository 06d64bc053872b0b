import { appliesTo, type Applicability, type Kernel } from '@kelp/core';
import { decodeInstruction } from './instructions/decode.ts';
import { longNops, nops, type Nops } from './instructions/nops.ts';
import { generateBranch, INT3, JMP32, JMP8 } from './text-generation.ts';

// optimize_nops(), arch/x86/kernel/alternative.c: runs of nops become as few instructions as possible.

/** One version of optimize_nops(). Changes `bytes` in place. */
type Optimizer = (bytes: Uint8Array, kinds: Nops) => void;

const optimizers: readonly { readonly applies: readonly Applicability[]; readonly optimize: Optimizer }[] = [
  { applies: [{ before: '6.5' }], optimize: optimizeSingleByteNops },
  // 6c480f222128 ("x86/alternative: Rewrite optimize_nops() some"), b6c881b248ef ("Complicate optimize_nops() some more").
  { applies: [{ since: '6.5', before: '6.10' }], optimize: optimizeNopsAndJumps },
  // da8f9cf7e721 ("x86/alternatives: Get rid of __optimize_nops()").
  { applies: [{ since: '6.10' }], optimize: optimizeNops },
];

/** optimize_nops() of a kernel, on a copy. */
export function withOptimizedNops(bytes: Uint8Array, kernel: Kernel): Uint8Array {
  const copy = bytes.slice();
  const kinds = nopsOf(kernel);
  if (kinds !== undefined)
    optimizers.find(({ applies }) => appliesTo(applies, kernel))?.optimize(copy, kinds);
  return copy;
}

/** What the kernel takes for nops. */
export function nopsOf(kernel: Kernel): Nops | undefined {
  return nops.find(({ applies }) => appliesTo(applies, kernel));
}

/** add_nops(): nops of the longest kind, and a shorter one at the end. */
export function fillWithNops(bytes: Uint8Array, start: number, end: number): void {
  const longest = 8;
  for (let at = start; at < end; at += longest) {
    bytes.set(longNops[Math.min(longest, end - at) - 1] ?? [], at);
  }
}

/** Runs of two or more nops of one byte. */
function optimizeSingleByteNops(bytes: Uint8Array, { isNop }: Nops): void {
  for (let at = 0; at < bytes.length;) {
    const instruction = decodeInstruction(bytes, at);
    if (instruction === undefined) return;
    let next = at + instruction.length;
    if (isNop(bytes, at)) {
      while (next < bytes.length && bytes[next] === 0x90) next++;
      if (next - at > 1) fillWithNops(bytes, at, next);
    }
    at = next;
  }
}

/** Runs of nops, together with a jump before them that leads to their end. */
function optimizeNopsAndJumps(bytes: Uint8Array, kinds: Nops): void {
  const pass = new NopPass(bytes, kinds);
  for (let at = 0; at < bytes.length;) {
    const instruction = decodeInstruction(bytes, at);
    if (instruction === undefined) return;
    at = pass.optimizeAt(at, at + instruction.length) ?? at + instruction.length;
  }
}

/** State of __optimize_nops() in 6.5 to 6.9. */
export class NopPass {
  readonly #bytes: Uint8Array;
  readonly #kinds: Nops;
  /** Place of the last jump, and where it leads; 0 for nowhere. */
  #jump = 0;
  #target = 0;

  constructor(bytes: Uint8Array, kinds: Nops) {
    this.#bytes = bytes;
    this.#kinds = kinds;
  }

  /**
   * Merge the nops that start at an instruction.
   *
   * @param end - where the instruction ends.
   * @returns where the nops end; undefined where there is none.
   */
  optimizeAt(at: number, end: number): number | undefined {
    const distance = jumpDistance(this.#bytes, at);
    if (distance !== undefined) {
      this.#jump = at;
      this.#target = end + distance;
      return undefined;
    }
    if (!this.#kinds.isNop(this.#bytes, at)) {
      this.#target = 0;
      return undefined;
    }
    const next = skipNops(this.#bytes, end, this.#kinds);
    const start = this.#target !== 0 && next === this.#target ? this.#jump : at;
    addNop(this.#bytes, start, next, this.#kinds);
    return next;
  }
}

/** How far an unconditional jump goes; undefined for other instructions. */
function jumpDistance(bytes: Uint8Array, at: number): number | undefined {
  const instruction = decodeInstruction(bytes, at);
  if (instruction?.branch === undefined || instruction.map !== 'one-byte') return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (instruction.opcode === JMP8) return view.getInt8(at + instruction.branch.offset);
  return instruction.opcode === JMP32 ? view.getInt32(at + instruction.branch.offset, true) : undefined;
}

/** Runs of nops. One that reaches the end stays as it is. */
function optimizeNops(bytes: Uint8Array, kinds: Nops): void {
  for (let at = 0; at < bytes.length;) {
    const instruction = decodeInstruction(bytes, at);
    if (instruction === undefined) return;
    let next = at + instruction.length;
    if (kinds.isNop(bytes, at)) {
      if (next === bytes.length) return;
      next = skipNops(bytes, next, kinds);
      addNop(bytes, at, next, kinds);
    }
    at = next;
  }
}

/** skip_nops(): where the nops end. */
function skipNops(bytes: Uint8Array, start: number, { isNop }: Nops): number {
  let at = start;
  while (at < bytes.length && isNop(bytes, at)) at += decodeInstruction(bytes, at)?.length ?? 1;
  return at;
}

/** add_nop(): one nop, or a jump over int3 where it would be too long. */
function addNop(bytes: Uint8Array, start: number, end: number, { longest }: Nops): void {
  const length = end - start;
  if (length <= longest) {
    bytes.set(longNops[length - 1] ?? [], start);
    return;
  }
  const jump = generateBranch(length < 128 ? JMP8 : JMP32, 0n, BigInt(length));
  bytes.fill(INT3, start, end);
  bytes.set(jump, start);
}
