// Instructions that the kernel generates: text_gen_insn() and x86_nops[], arch/x86/include/asm/text-patching.h and
// arch/x86/kernel/alternative.c.

/** Opcodes of text_gen_insn(). */
export const CALL = 0xe8;
export const JMP32 = 0xe9;
export const JMP8 = 0xeb;
/** INT3, which fills what nothing may run. */
export const INT3 = 0xcc;

/** A branch of 2 bytes (JMP8) or 5 bytes (CALL, JMP32) at `address` to `target`. */
export function generateBranch(opcode: number, address: bigint, target: bigint): Uint8Array {
  const size = opcode === JMP8 ? 2 : 5;
  const distance = target - (address + BigInt(size));
  const bytes = new Uint8Array(size);
  bytes[0] = opcode;
  if (size === 2) bytes[1] = Number(BigInt.asUintN(8, distance));
  else new DataView(bytes.buffer).setInt32(1, Number(BigInt.asIntN(32, distance)), true);
  return bytes;
}

/** The target of a 4-byte distance that ends an instruction at `end`. */
export function branchTarget(bytes: Uint8Array, offset: number, end: bigint): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return BigInt.asUintN(64, end + BigInt(view.getInt32(offset, true)));
}

/** The single nop of 2 or 5 bytes, the same in every version. */
export const nop2 = Uint8Array.of(0x66, 0x90);
export const nop5 = Uint8Array.of(0x0f, 0x1f, 0x44, 0x00, 0x00);

/** Whether the bytes from `offset` on begin with others. */
export function startsWith(bytes: Uint8Array, start: Uint8Array, offset = 0): boolean {
  return start.every((byte, index) => bytes[offset + index] === byte);
}

/** ud1 %esp,%ecx stands behind the five bytes of every trampoline of a static call and nowhere else. */
export const trampolineMark = Uint8Array.of(0x0f, 0xb9, 0xcc);
