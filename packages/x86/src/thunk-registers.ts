import type { ModuleImage } from '@kelp/core';

/** Registers in the order of their numbers, as names of thunks have them (arch/x86/include/asm/GEN-for-each-reg.h). */
const registers: readonly string[] = [
  'rax',
  'rcx',
  'rdx',
  'rbx',
  'rsp',
  'rbp',
  'rsi',
  'rdi',
  'r8',
  'r9',
  'r10',
  'r11',
  'r12',
  'r13',
  'r14',
  'r15',
];

/** Bytes between two thunks of an array: RETPOLINE_THUNK_SIZE. */
const thunkSize = 32n;

/**
 * Address of the thunk of a register in a family: `__x86_indirect_thunk`, `__x86_indirect_call_thunk` ... Of some
 * families only the array has a symbol.
 */
export function thunkAddress(image: ModuleImage, family: string, register: number): bigint | undefined {
  const own = image.externalSymbol(`${family}_${registers[register] ?? ''}`);
  if (own !== undefined) return own;
  const array = image.externalSymbol(`${family}_array`);
  return array === undefined ? undefined : array + thunkSize * BigInt(register);
}

/** The register whose thunk of a family stands at an address. */
export function thunkRegister(image: ModuleImage, family: string, address: bigint): number | undefined {
  const register = registers.findIndex((_, number) => thunkAddress(image, family, number) === address);
  return register === -1 ? undefined : register;
}
