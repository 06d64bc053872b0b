import { describe, expect, test } from 'vitest';
import {
  callStub,
  ftraceStub,
  outOfLineSequence,
  pcRelativeCallStub,
  pcRelativeFtraceStub,
  tocOfFtraceStub,
  type StubPart,
} from '../src/stub-entries.ts';
import { code, fromHex, quad, toHex } from './test-image.ts';

/** The 40 bytes of a stub in a free slot. */
function slot(parts: readonly StubPart[] | undefined): string {
  const bytes = new Uint8Array(40);
  for (const part of parts ?? []) bytes.set(part.bytes, part.offset);
  return toHex(bytes);
}

const magic = 0x7374_7562;

describe('the stub of a call', () => {
  // Memory of kernels: the first stub of the module bridge.
  test.each([
    ['6.1', 0xc008_0000_010e_86b8n, 0xc008_0000_0111_0800n, 0xc000_0000_00ae_7130n, 0x3d62_fffd, 0x396b_feb8],
    ['7.3', 0xc008_0000_0078_f490n, 0xc008_0000_0060_b100n, 0xc000_0000_0109_5100n, 0x3d62_0018, 0x396b_c390],
  ])('in %s', (_, place, toc, target, addis, addi) => {
    const stub = callStub(place - (toc + 0x8000n), target);
    expect(slot(stub)).toBe(
      code(addis, addi, 0xf841_0018, 0xe98b_0020, 0x7d89_03a6, 0x4e80_0420, 0, magic) + quad(target),
    );
  });

  test('has no room for a distance of more than 32 bits', () => {
    expect(callStub(0x8000_0000n, 0n)).toBeUndefined();
    expect(callStub(-0x8000_0001n, 0n)).toBeUndefined();
  });

  test('loads its target relative to itself with PPC_KERNEL_PCREL', () => {
    const target = 0xc000_0000_00ae_7130n;
    // pld r12,32; mtctr r12; bctr
    expect(slot(pcRelativeCallStub(target))).toBe(
      code(0x0410_0000, 0xe580_0020, 0x7d89_03a6, 0x4e80_0420, 0, 0, 0, magic) + quad(target),
    );
  });
});

describe('the stub for ftrace', () => {
  const toc = 0xc000_0000_01ef_9100n;
  const caller = 0xc000_0000_0007_7204n;
  const bytes =
    code(0xe98d_0010, 0x3d8c_fe18, 0x398c_e104, 0x7d89_03a6, 0x4e80_0420, 0, 0, magic) + quad(caller);

  test('loads kernel_toc from the PACA, as in the memory of a 7.3 kernel', () => {
    expect(slot(ftraceStub(caller - toc, caller))).toBe(bytes);
  });

  test('tells the TOC of the kernel', () => {
    expect(tocOfFtraceStub(fromHex(bytes))).toBe(toc);
  });

  test.each([0, 8, 16, 28])('tells nothing with another byte at %s', (offset) => {
    const changed = fromHex(bytes);
    changed[offset + 3] = (changed[offset + 3] ?? 0) ^ 0x80;
    expect(tocOfFtraceStub(changed)).toBeUndefined();
  });

  test('counts from kernelbase with PPC_KERNEL_PCREL', () => {
    // ld r12,16(r13); nop; paddi r12,r12,0x77204; mtctr r12; bctr
    expect(slot(pcRelativeFtraceStub(0x7_7204n, caller))).toBe(
      code(0xe98d_0010, 0x6000_0000, 0x0600_0007, 0x398c_7204, 0x7d89_03a6, 0x4e80_0420, 0, magic) +
        quad(caller),
    );
    expect(pcRelativeFtraceStub(0x2_0000_0000n, caller)).toBeUndefined();
  });
});

describe('an out-of-line sequence', () => {
  test('saves the link register, calls ftrace and goes back, as in the memory of a 7.3 kernel', () => {
    const sequence = outOfLineSequence(
      0xc008_0000_0079_1ae0n,
      0xc008_0000_0075_1010n,
      0xc008_0000_0079_1a88n,
    );
    expect(toHex(sequence)).toBe(code(0x7c08_02a6, 0x4bff_ffa5, 0x7c08_03a6, 0x4bfb_f528));
  });

  test('must be in reach', () => {
    expect(outOfLineSequence(0x300_0000n, 0n, 0x300_0100n)).toBeUndefined();
    expect(outOfLineSequence(0x300_0000n, 0x300_0100n, 0n)).toBeUndefined();
  });
});
