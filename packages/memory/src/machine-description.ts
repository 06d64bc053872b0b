import type { Machine } from '@kelp/core';
import type { KernelSnapshot } from './kernel-snapshot.ts';

/** What is known of a machine beforehand. What is missing is inferred from memory, one answer for each name. */
export interface MachineDescription {
  /** Bytes of a page. */
  readonly pageSize?: number;
  readonly smp?: boolean;
  /** CPU features, capabilities and mitigations, by the architecture's names. */
  readonly features?: ReadonlyMap<string, boolean>;
  /** Numbers that the kernel chose, by the architecture's names. */
  readonly values?: ReadonlyMap<string, bigint>;
}

/** AT_PAGESZ of the auxiliary vector, include/uapi/linux/auxvec.h. */
const pageSizeEntry = 6n;

/** The machine that a snapshot was taken on; what the description says counts more. */
export function describeMachine(
  snapshot: KernelSnapshot,
  byteOrder: 'big' | 'little',
  given: MachineDescription = {},
): Machine {
  const pageSize =
    given.pageSize ?? snapshot.pageSize ?? pageSizeOf(snapshot.auxiliaryVector(), byteOrder) ?? 4096;
  const processors = snapshot.possibleProcessors ?? countProcessors(snapshot.text('cpuinfo.txt'));
  return {
    pageSize,
    smp: given.smp ?? processors > 1,
    feature: (name) => given.features?.get(name),
    value: (name) => given.values?.get(name),
  };
}

function pageSizeOf(vector: Uint8Array | undefined, byteOrder: 'big' | 'little'): number | undefined {
  if (vector === undefined) return undefined;
  const view = new DataView(vector.buffer, vector.byteOffset, vector.byteLength);
  const little = byteOrder === 'little';
  for (let offset = 0; offset + 16 <= vector.length; offset += 16) {
    if (view.getBigUint64(offset, little) === pageSizeEntry)
      return Number(view.getBigUint64(offset + 8, little));
  }
  return undefined;
}

/** `processor : 0` on most architectures, `processor 0: ...` on s390x. */
function countProcessors(cpuinfo: string | undefined): number {
  return (cpuinfo ?? '').split('\n').filter((line) => /^processor\s*(?::|\d)/u.test(line)).length;
}
