import { KelpError } from '@kelp/core';
import type { AddressSpace, PageTableRoot } from './address-space.ts';
import type { Dump } from './dump.ts';
import { findVmcoreInfo } from './find-vmcoreinfo.ts';
import { KernelReader } from './kernel-reader.ts';
import { layered, memorySource, type MemorySource } from './memory-source.ts';
import { PageTables, translatedMemory } from './page-tables.ts';
import type { VmcoreInfo } from './vmcoreinfo.ts';

/** A kernel in a dump: what it says about itself, and its virtual memory. */
export interface DumpedKernel {
  readonly space: AddressSpace;
  readonly info: VmcoreInfo;
  /** Undefined where the dump itself has virtual addresses only. */
  readonly root: PageTableRoot | undefined;
  readonly pageTables: PageTables | undefined;
  readonly reader: KernelReader;
}

/** struct new_utsname: six texts of 65 bytes; the third is the release, the fourth the version. */
export const utsname = { size: 65, release: 2 * 65, version: 3 * 65 } as const;

/**
 * Find the kernel of a dump: the first VMCOREINFO and page tables through which the kernel's init_uts_ns tells the
 * release that VMCOREINFO tells.
 *
 * @throws KelpError `memory/unknown-machine`, `memory/no-vmcoreinfo`, `memory/no-page-tables`.
 */
export function findKernel(dump: Dump, known: readonly AddressSpace[]): DumpedKernel {
  const spaces = spacesOf(dump, known);
  let foundInfo = false;
  for (const info of findVmcoreInfo(dump, spaces)) {
    foundInfo = true;
    for (const space of spaces) {
      for (const kernel of candidates(dump, space, info)) {
        if (info.release !== undefined && utsnameText(kernel, utsname.release) === info.release)
          return kernel;
      }
    }
  }
  const file = dump.path;
  if (!foundInfo)
    throw new KelpError('memory/no-vmcoreinfo', 'no VMCOREINFO in the notes or in memory', { file });
  const message = 'none of the page tables that VMCOREINFO and the CPU registers name leads to the kernel';
  throw new KelpError('memory/no-page-tables', message, { file });
}

/** A text of init_uts_ns, the kernel's own uname, or undefined where it cannot be read. */
export function utsnameText({ info, reader }: DumpedKernel, field: number): string | undefined {
  const namespace = info.symbol('init_uts_ns');
  const name = info.offset('uts_namespace.name');
  if (namespace === undefined || name === undefined) return undefined;
  return reader.tryString(namespace + BigInt(name + field), utsname.size);
}

/** The architectures that a dump can be of: one by its header, all where QEMU did not write a name. */
function spacesOf(
  { machine, machineName, path }: Dump,
  known: readonly AddressSpace[],
): readonly AddressSpace[] {
  if (machine === undefined) {
    const named = known.filter(
      ({ machineNames }) => machineName !== undefined && machineNames.includes(machineName),
    );
    return named.length === 0 ? known : named;
  }
  const found = known.filter((space) => space.machine === machine);
  if (found.length > 0) return found;
  const names = known.map(({ architecture }) => architecture).join(', ');
  const message = `a dump of ELF machine ${machine}, which is none of ${names}`;
  throw new KelpError('memory/unknown-machine', message, { file: path });
}

function* candidates(dump: Dump, space: AddressSpace, info: VmcoreInfo): Generator<DumpedKernel> {
  const { physical, virtual, path } = dump;
  const { byteOrder } = space;
  for (const root of physical === undefined ? [] : space.roots({ info, notes: dump.notes, physical })) {
    if (physical === undefined) continue;
    const pageTables = new PageTables(root.format, root.root, physical);
    const mapped = mappedMemory(pageTables, physical, root, space);
    const memory = virtual === undefined ? mapped : layered(mapped, virtual);
    yield { space, info, root, pageTables, reader: new KernelReader(memory, byteOrder, path) };
  }
  if (virtual === undefined) return;
  yield {
    space,
    info,
    root: undefined,
    pageTables: undefined,
    reader: new KernelReader(virtual, byteOrder, path),
  };
}

function mappedMemory(
  pageTables: PageTables,
  physical: MemorySource,
  root: PageTableRoot,
  space: AddressSpace,
): MemorySource {
  const mapped = translatedMemory(pageTables, physical);
  const linear = space.linear?.(root);
  if (linear === undefined) return mapped;
  const direct = memorySource((address, length) => {
    if (address < linear.start || address >= linear.end) return { length, absent: 'not-mapped' };
    const [piece] = physical.pieces(address - linear.start + linear.physical, length);
    if (piece === undefined) return { length, absent: 'not-mapped' };
    return 'bytes' in piece ? piece.bytes : { length: piece.length, absent: piece.absent };
  });
  return layered(mapped, direct);
}
