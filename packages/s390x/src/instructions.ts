import type { ModuleImage } from '@kelp/core';
// The few instructions that the kernel writes into modules. z/Architecture Principles of Operation; halfwords and
// words are big endian, distances count halfwords from the start of the instruction.

/** nopr: bcr 0,0. */
export const nop2 = Uint8Array.of(0x07, 0x00);
/** nop: bc 0,0. */
export const nop4 = Uint8Array.of(0x47, 0x00, 0x00, 0x00);
/** brcl 0,0. */
export const nop6 = Uint8Array.of(0xc0, 0x04, 0x00, 0x00, 0x00, 0x00);

/** First halfwords of instructions with a 32-bit distance behind it. */
export const BRCL_NEVER = 0xc004;
export const BRCL_ALWAYS = 0xc0f4;
/** brasl %r0, which calls a tracer. */
export const BRASL_R0 = 0xc005;
/** brasl %r1, which calls the shared ftrace trampoline. */
export const BRASL_R1 = 0xc015;

/** An instruction of six bytes that ends with a distance: brcl, brasl, larl, exrl. */
export function relativeLong(opcode: number, from: bigint, target: bigint): Uint8Array {
  const bytes = new Uint8Array(6);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, opcode);
  view.setInt32(2, Number(BigInt.asIntN(32, BigInt.asIntN(64, target - from) >> 1n)));
  return bytes;
}

/** Where the distance of such an instruction leads. */
export function relativeLongTarget(bytes: Uint8Array, from: bigint): bigint {
  return BigInt.asUintN(64, from + BigInt(viewOf(bytes).getInt32(2)) * 2n);
}

/** The first halfword of an instruction, or of anything. */
export function halfword(bytes: Uint8Array): number {
  return viewOf(bytes).getUint16(0);
}

/** Eight bytes that hold an address. */
export function doubleword(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

/** The 64-bit number at an address; 0 where nothing is. */
export function readDoubleword(image: ModuleImage, address: bigint): bigint {
  const bytes = image.read(address, 8);
  return bytes === undefined ? 0n : new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
}

/** Bytes one behind the other. */
export function concatenate(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const part of parts) {
    bytes.set(part, end);
    end += part.length;
  }
  return bytes;
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
