import type { ModuleImage } from '@kelp/core';
import { isPcRelative } from './configuration.ts';
import {
  ftraceStub,
  pcRelativeFtraceStub,
  stubSize,
  tocOfFtraceStub,
  type StubPart,
} from './stub-entries.ts';

/** How far a function of the kernel is from what the PACA points to. */
export interface KernelDistance {
  readonly distance: bigint;
  /** It was read from memory. */
  readonly chosen: boolean;
}

/**
 * The distance from kernel_toc, or with PPC_KERNEL_PCREL from kernelbase, to a target. kernel_toc is given, or is .TOC.
 * in kallsyms, which not all kernels have; otherwise it is asked for, and every stub of every module must agree.
 *
 * @param place - the ftrace stub that holds the distance.
 */
export function distanceFromKernel(image: ModuleImage, place: bigint, target: bigint): KernelDistance {
  const pcRelative = isPcRelative(image.kernel);
  const known = pcRelative
    ? (image.machine.value('kernel-base') ?? image.externalSymbol('_stext'))
    : (image.machine.value('kernel-toc') ?? image.externalSymbol('.TOC.'));
  if (known !== undefined) return { distance: BigInt.asIntN(64, target - known), chosen: false };
  const make = pcRelative ? pcRelativeFtraceStub : ftraceStub;
  const answer = image.ask({
    kind: 'kernel-chosen',
    id: pcRelative ? 'kernel-base' : 'kernel-toc',
    address: place,
    candidates: [{ answer: `0x${target.toString(16)}`, bytes: joined(make(0n, target) ?? []) }],
    derive: (bytes) => {
      const base = pcRelative ? undefined : tocOfFtraceStub(bytes);
      return base === undefined ? undefined : `0x${BigInt.asUintN(64, base).toString(16)}`;
    },
  });
  return { distance: BigInt.asIntN(64, target - BigInt(answer)), chosen: true };
}

function joined(parts: readonly StubPart[]): Uint8Array {
  const bytes = new Uint8Array(stubSize);
  for (const { offset, bytes: part } of parts) bytes.set(part, offset);
  return bytes;
}
