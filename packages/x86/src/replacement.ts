import { appliesTo, type Applicability, type Kernel } from '@kelp/core';
import { decodeInstruction, type Instruction, type InstructionField } from './instructions/decode.ts';
import { fillWithNops, NopPass, nopsOf, withOptimizedNops } from './nop-optimization.ts';
import { CALL, INT3, JMP32, JMP8 } from './text-generation.ts';

// Replacement code is linked for the place where it is kept. Copied over the original instruction, its pc-relative
// operands have to reach the same targets from there. arch/x86/kernel/alternative.c.

/** Code that moves. */
export interface Move {
  /** Where it goes. */
  readonly to: bigint;
  /** Where it was linked. */
  readonly from: bigint;
  /** Bytes of it there, padding not counted. */
  readonly length: number;
}

/** One version of the code that adjusts copied instructions and merges nops. Changes `bytes`, padding included, in place. */
type Mover = (bytes: Uint8Array, move: Move, kernel: Kernel) => void;

const movers: readonly { readonly applies: readonly Applicability[]; readonly adjust: Mover }[] = [
  { applies: [{ before: '6.5' }], adjust: thenMergeNops(adjustOneBranch) },
  // 270a69c4485d ("x86/alternative: Support relocations in alternatives").
  { applies: [{ since: '6.5', before: '6.10' }], adjust: adjustWhileMergingNops },
  { applies: [{ since: '6.10' }], adjust: thenMergeNops(adjustAll) },
];

function thenMergeNops(adjust: (bytes: Uint8Array, move: Move) => void): Mover {
  return (bytes, move, kernel) => {
    adjust(bytes, move);
    bytes.set(withOptimizedNops(bytes, kernel));
  };
}

/**
 * The bytes of copied code at its new place, nops merged.
 *
 * @param bytes - the code, padded with single-byte nops.
 */
export function movedCode(bytes: Uint8Array, move: Move, kernel: Kernel): Uint8Array {
  const copy = bytes.slice();
  movers.find(({ applies }) => appliesTo(applies, kernel))?.adjust(copy, move, kernel);
  return copy;
}

/** text_poke_apply_relocation(): the bytes of copied code at its new place, nothing merged. */
export function relocatedCode(bytes: Uint8Array, move: Move): Uint8Array {
  const copy = bytes.slice();
  adjustAll(copy, move);
  return copy;
}

/** Code that is a call or jump of 5 bytes and nothing else: recompute_jump() and the lines before its call. */
function adjustOneBranch(bytes: Uint8Array, { to, from, length }: Move): void {
  if (length !== 5) return;
  const view = viewOf(bytes);
  const distance = view.getInt32(1, true);
  const shift = Number(BigInt.asIntN(64, from - to));
  if (bytes[0] === CALL) view.setInt32(1, distance + shift, true);
  if (bytes[0] !== JMP8 && bytes[0] !== JMP32) return;
  const forward = distance + 5 + shift;
  if (forward >= 0 && forward - 2 <= 127) {
    bytes[0] = JMP8;
    bytes[1] = forward - 2;
    fillWithNops(bytes, 2, 5);
  } else {
    bytes[0] = JMP32;
    view.setInt32(1, forward - 5, true);
  }
}

/** __apply_relocation(). */
function adjustAll(bytes: Uint8Array, move: Move): void {
  for (let at = 0; at < bytes.length;) {
    const instruction = decodeInstruction(bytes, at);
    if (instruction === undefined) return;
    adjustInstruction(bytes, at, instruction, move);
    at += instruction.length;
  }
}

/** apply_relocation(), which merged nops in the same pass. */
function adjustWhileMergingNops(bytes: Uint8Array, move: Move, kernel: Kernel): void {
  const kinds = nopsOf(kernel);
  if (kinds === undefined) return;
  const pass = new NopPass(bytes, kinds);
  for (let at = 0; at < bytes.length;) {
    const instruction = decodeInstruction(bytes, at);
    if (instruction === undefined) return;
    const end = at + instruction.length;
    const merged = pass.optimizeAt(at, end);
    if (merged === undefined) adjustInstruction(bytes, at, instruction, move);
    at = merged ?? end;
  }
}

function adjustInstruction(bytes: Uint8Array, at: number, instruction: Instruction, move: Move): void {
  const { branch, displacement, ripRelative, opcode, map, length } = instruction;
  const end = at + length;
  if (branch !== undefined && isAdjusted(instruction)) {
    const distance = readField(bytes, at, branch);
    adjustField(bytes, at, end, branch, move);
    if (opcode === JMP32 && map === 'one-byte') shortenJump(bytes, at, length, distance, move);
  }
  if (ripRelative && displacement !== undefined) adjustField(bytes, at, end, displacement, move);
}

/** Jcc, JMP and CALL; LOOP, JRCXZ and XBEGIN are left alone. */
function isAdjusted({ map, opcode }: Instruction): boolean {
  if (map === '0f') return opcode >= 0x80 && opcode <= 0x8f;
  return (
    map === 'one-byte' &&
    ((opcode >= 0x70 && opcode <= 0x7f) || opcode === JMP8 || opcode === JMP32 || opcode === CALL)
  );
}

/** apply_reloc() where need_reloc() says so: what points into the code itself moves with it. */
function adjustField(
  bytes: Uint8Array,
  at: number,
  end: number,
  field: InstructionField,
  { to, from, length }: Move,
): void {
  const distance = readField(bytes, at, field);
  const target = end + distance;
  if (target >= 0 && target <= length) return;
  writeField(bytes, at, field, distance + Number(BigInt.asIntN(64, from - to)));
}

/** The kernel counts from the distance in the file, whether it was adjusted or not. */
function shortenJump(
  bytes: Uint8Array,
  at: number,
  length: number,
  distance: number,
  { to, from }: Move,
): void {
  const short = Number(BigInt.asIntN(32, BigInt(distance) + from - to + 3n));
  if (short < -128 || short > 127) return;
  bytes.fill(INT3, at, at + length);
  bytes[at] = JMP8;
  bytes[at + 1] = short & 0xff;
}

function readField(bytes: Uint8Array, at: number, { offset, size }: InstructionField): number {
  const view = viewOf(bytes);
  if (size === 1) return view.getInt8(at + offset);
  return size === 2 ? view.getInt16(at + offset, true) : view.getInt32(at + offset, true);
}

function writeField(bytes: Uint8Array, at: number, { offset, size }: InstructionField, value: number): void {
  const view = viewOf(bytes);
  if (size === 1) view.setInt8(at + offset, value);
  else if (size === 2) view.setInt16(at + offset, value, true);
  else view.setInt32(at + offset, value, true);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
