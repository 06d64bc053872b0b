import {
  appliesTo,
  hasOption,
  type Applicability,
  type Kernel,
  type ModuleImage,
  type PatchStep,
  type Refusal,
} from '@kelp/core';
import { firstSection } from './first-section.ts';
import { encodePltEntry, pltEntrySize } from './plt-entries.ts';

/**
 * Kernels with a trampoline of its own for init text, which may lie out of reach of the other one since 6.5. 6.17 has it
 * from its fifth release candidate on; the stable series took it over.
 */
export const initTrampolines: readonly Applicability[] = [
  { since: '6.6.105', before: '6.7' },
  { since: '6.12.46', before: '6.13' },
  { since: '6.16.6', before: '6.17' },
  { since: '6.17' },
];

/** A section of PLT entries through which call sites reach ftrace. */
interface FtraceTrampolines {
  readonly section: string;
  /** What the entries jump to, by index: FTRACE_PLT_IDX, FTRACE_REGS_PLT_IDX. */
  readonly functions: readonly string[];
  readonly applies: readonly Applicability[];
}

/** NR_FTRACE_PLTS entries in each section; the second one went when DYNAMIC_FTRACE_WITH_ARGS replaced _WITH_REGS. */
const trampolines: readonly FtraceTrampolines[] = [
  {
    section: '.text.ftrace_trampoline',
    functions: ['ftrace_caller', 'ftrace_regs_caller'],
    applies: [{ before: '6.2' }],
  },
  { section: '.text.ftrace_trampoline', functions: ['ftrace_caller'], applies: [{ since: '6.2' }] },
  { section: '.init.text.ftrace_trampoline', functions: ['ftrace_caller'], applies: initTrampolines },
];

/** Where call sites of code that stays find the trampolines. */
export const ftraceSection = '.text.ftrace_trampoline';

/** get_ftrace_plt(): which entry leads to a function; undefined where none does. */
export function trampolineIndex(kernel: Kernel, name: string): number | undefined {
  const index = trampolinesOf(kernel)
    .find(({ section }) => section === ftraceSection)
    ?.functions.indexOf(name);
  return index === -1 ? undefined : index;
}

function trampolinesOf(kernel: Kernel): readonly FtraceTrampolines[] {
  return trampolines.filter(({ applies }) => appliesTo(applies, kernel));
}

/** Bytes that module_frob_arch_sections() gives each section of trampolines that the module has. */
export function trampolineSizes(kernel: Kernel): ReadonlyMap<string, number> {
  return new Map(
    trampolinesOf(kernel).map(({ section, functions }) => [section, functions.length * pltEntrySize]),
  );
}

/**
 * module_init_ftrace_plt(): fill the trampolines. A function that the kernel does not have gets no entry: a kernel without
 * DYNAMIC_FTRACE has none of them.
 */
export const fillFtraceTrampolines: PatchStep = (image) => {
  for (const { section, functions } of trampolinesOf(image.kernel)) {
    const place = firstSection(image, section);
    if (place === undefined) {
      const refusal = missingTrampoline(image, section);
      if (refusal !== undefined) return refusal;
      continue;
    }
    for (const [index, name] of functions.entries()) {
      const target = image.externalSymbol(name);
      const address = place.address + BigInt(index * pltEntrySize);
      if (target !== undefined) image.write(address, encodePltEntry(target, address), 'ftrace');
    }
  }
  return undefined;
};

/** Before 6.5 a kernel without ARM64_MODULE_PLTS wants no trampolines; its modules have no PLT either. */
function missingTrampoline(image: ModuleImage, section: string): Refusal | undefined {
  const { kernel } = image;
  const traces =
    kernel.configuration === undefined
      ? image.externalSymbol('ftrace_caller') !== undefined
      : hasOption(kernel, 'DYNAMIC_FTRACE');
  if (!traces || image.section('.plt') === undefined) return undefined;
  return { errno: 'ENOEXEC', reason: `the module has no section ${section} for trampolines of ftrace` };
}
