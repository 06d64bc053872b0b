import { appliesTo, hasOption, type Applicability, type Kernel } from '@kelp/core';
import type { ObjectFile, Section } from '@kelp/core/elf';
import { isPcRelative, isUsuallyOn } from './configuration.ts';
import { countRuns, type OrderedRelocations } from './relocation-order.ts';
import { stubSize } from './stub-entries.ts';

// get_stubs_size() and get_got_size() of arch/powerpc/kernel/module_64.c.

/** R_PPC64_REL24, R_PPC64_REL24_NOTOC and R_PPC64_GOT_PCREL34. */
export const [REL24, REL24_NOTOC, GOT_PCREL34] = [10, 116, 133];

/** The loader finds the end of .stubs by its first stub with target 0, and counts one more for it. */
const endsWithZero: readonly Applicability[] = [
  // Seen in 6.12, not in 7.2: replaced by stub_count in struct mod_arch_specific.
  { before: '7.2' },
];

/** Each traced function has an out-of-line sequence in .stubs: PPC_FTRACE_OUT_OF_LINE. */
const outOfLine: readonly Applicability[] = [
  // Seen in 7.2, not in 6.12.
  { since: '7.2' },
];

/** Whether a stub for address 0 leaves its slot free for the next one. */
export function reusesZeroStub(kernel: Kernel): boolean {
  return appliesTo(endsWithZero, kernel);
}

/** The stubs that module_finalize_ftrace() makes, in this order. */
export function ftraceTrampolines(kernel: Kernel): readonly string[] {
  if (!isUsuallyOn(kernel, 'DYNAMIC_FTRACE')) return [];
  return isUsuallyOn(kernel, 'DYNAMIC_FTRACE_WITH_REGS')
    ? ['ftrace_caller', 'ftrace_regs_caller']
    : ['ftrace_caller'];
}

/** The out-of-line sequences of a module. */
export interface OutOfLineArea {
  readonly count: number;
  /** Bytes of one, struct ftrace_ool_stub. */
  readonly size: number;
  /** Bytes of a pointer to ftrace_ops in front of the instructions. */
  readonly pointerSize: number;
  /** Stubs that they take the place of. */
  readonly stubs: number;
}

/**
 * Room for out-of-line sequences; undefined for kernels that have none. The kernel has them where it has patchable
 * function entries, so the sections of the module tell what its configuration was.
 */
export function outOfLineArea(object: ObjectFile, kernel: Kernel): OutOfLineArea | undefined {
  const sites = object.sections.find(
    ({ index, name }) => index !== 0 && name === '__patchable_function_entries',
  );
  if (sites === undefined || !appliesTo(outOfLine, kernel)) return undefined;
  const count = Math.floor(sites.size / 8);
  const pointerSize = isUsuallyOn(kernel, 'DYNAMIC_FTRACE_WITH_CALL_OPS') ? 8 : 0;
  const size = pointerSize + 16;
  return { count, size, pointerSize, stubs: Math.ceil((count * size) / stubSize) };
}

/** get_stubs_size(): bytes of .stubs, as many stubs as any order of relocations may need. */
export function stubsSize(
  object: ObjectFile,
  kernel: Kernel,
  relocations: Iterable<OrderedRelocations>,
): number {
  let stubs = reusesZeroStub(kernel) ? 1 : 0;
  const counted = isPcRelative(kernel) ? [REL24, REL24_NOTOC] : [REL24];
  for (const one of relocations) {
    for (const type of counted) stubs += countRuns(one, (record) => one.types[record] === type);
  }
  stubs += ftraceTrampolines(kernel).length + (outOfLineArea(object, kernel)?.stubs ?? 0);
  return stubs * stubSize;
}

/** Index of .data..percpu, or 0, which undefined symbols have, too: the kernel does not look. */
export function perCpuIndex(object: ObjectFile): number {
  return lastNamed(object, '.data..percpu')?.index ?? 0;
}

/** get_got_size(): bytes of .mygot. */
export function gotSize(
  object: ObjectFile,
  kernel: Kernel,
  relocations: Iterable<OrderedRelocations>,
): number {
  let slots = 1;
  const symbols = object.symbols();
  const perCpu = perCpuIndex(object);
  const countsPerCpu = kernel.configuration === undefined || hasOption(kernel, 'SMP');
  for (const one of relocations) {
    slots += countRuns(one, (record) => one.types[record] === GOT_PCREL34);
    if (countsPerCpu && symbols !== undefined) {
      slots += countRuns(one, (record) => symbols.rawSectionIndex(one.symbols[record] ?? 0) === perCpu);
    }
  }
  return slots * 8;
}

/** The last section of a name, as module_frob_arch_sections() finds it. */
export function lastNamed(object: ObjectFile, name: string): Section | undefined {
  return object.sections.findLast((section) => section.index !== 0 && section.name === name);
}
