import type { ModuleImage } from '@kelp/core';
import { expoline, isOn } from './features.ts';
import { BRCL_ALWAYS, concatenate, doubleword, halfword, relativeLong } from './instructions.ts';

// PLT entries: apply_rela() in arch/s390/kernel/module.c.

/** PLT_ENTRY_SIZE. The thunk behind the entries takes as much, although it is shorter. */
export const entrySize = 22;

/** basr %r1,0; lg %r1,12(%r1): the address that ends the entry. */
const loadTarget = Uint8Array.of(0x0d, 0x10, 0xe3, 0x10, 0x10, 0x0c, 0x00, 0x04);
/** br %r1, and two bytes of nothing. */
const branch = Uint8Array.of(0x07, 0xf1, 0x00, 0x00);
/** What tells an entry that branches by itself. */
const plainStart = concatenate(loadTarget, branch.subarray(0, 2));
/** What the kernel never writes: it copies the entry from its stack. */
const unwritten = { offset: 12, bytes: new Uint8Array(2) };

/** exrl %r0,.+10; j .; br %r1: what branches through the expoline thunk at the end of the PLT. */
export const thunk = Uint8Array.of(0xc6, 0x00, 0x00, 0x00, 0x00, 0x05, 0xa7, 0xf4, 0x00, 0x00, 0x07, 0xf1);

/** A PLT entry that branches by itself. */
export function plainEntry(target: bigint): Uint8Array {
  return concatenate(loadTarget, branch, unwritten.bytes, doubleword(target));
}

/** A PLT entry at an address that branches through the thunk. */
export function expolineEntry(address: bigint, target: bigint, thunkAddress: bigint): Uint8Array {
  return concatenate(loadTarget, relativeLong(BRCL_ALWAYS, address + 8n, thunkAddress), doubleword(target));
}

/** Whether the kernel uses expolines, as a PLT entry shows it. */
export function usesThunk(image: ModuleImage, address: bigint, thunkAddress: bigint): boolean {
  return isOn(image, expoline, {
    address,
    off: plainStart,
    on: expolineEntry(address, 0n, thunkAddress).subarray(0, 14),
  });
}

/** Write the PLT entry at an address. */
export function writeEntry(image: ModuleImage, address: bigint, target: bigint, thunkAddress: bigint): void {
  if (usesThunk(image, address, thunkAddress)) {
    image.write(address, expolineEntry(address, target, thunkAddress), 'plt');
    return;
  }
  image.write(address, plainEntry(target), 'plt');
  const left = leftOnStack(image, address + BigInt(unwritten.offset));
  if (left !== undefined) image.write(address + BigInt(unwritten.offset), left, 'kernel-chosen');
}

/** The two bytes that the kernel's stack held, where they were not zero. */
function leftOnStack(image: ModuleImage, address: bigint): Uint8Array | undefined {
  const answer = image.ask({
    kind: 'kernel-chosen',
    id: `PLT bytes 0x${address.toString(16)}`,
    address,
    candidates: [{ answer: '0', bytes: unwritten.bytes }],
    // Zero is what is expected, and needs no answer.
    derive: (bytes) => (halfword(bytes) === 0 ? undefined : `0x${halfword(bytes).toString(16)}`),
  });
  const value = Number(answer);
  return value === 0 ? undefined : Uint8Array.of(value >> 8, value & 0xff);
}
