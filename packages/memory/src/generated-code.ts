import type { GeneratedCode } from '@kelp/core';
import type { KernelSnapshot, MemoryArea } from './kernel-snapshot.ts';

/** What kallsyms lists of code that the kernel generates: by the name that stands where others have a module's. */
const generators: readonly { readonly module: string; readonly name: RegExp }[] = [
  // ftrace_add_trampoline_to_kallsyms(), kernel/trace/ftrace.c.
  { module: '__builtin__ftrace', name: /^ftrace_trampoline$/u },
  // bpf_trampoline_ksym_add(), kernel/bpf/trampoline.c.
  { module: 'bpf', name: /^bpf_trampoline_\d/u },
];

/** The trampolines of ftrace and BPF that kallsyms lists; a dump has none. */
export function generatedCode({
  symbols,
  modules,
}: Pick<KernelSnapshot, 'modules' | 'symbols'>): readonly GeneratedCode[] {
  // A module that calls itself so would pass off its functions.
  const genuine = generators.filter(({ module }) => modules.every(({ name }) => name !== module));
  return genuine.flatMap(({ module, name: pattern }) =>
    symbols
      .of(module)
      .filter(({ name }) => pattern.test(name))
      .map(({ name, address }) => ({ name, address })),
  );
}

/** What trampolines of ftrace are copies of, by the symbols at its start and end. */
const copiedCode = { start: 'ftrace_caller', end: 'ftrace_regs_caller_end' };

/** The smallest page of all architectures, in which every trampoline fits. */
const pageSize = 0x1000n;

/** Memory that a capture must have to check the trampolines: their pages, and the code that they are copies of. */
export function generatedCodeAreas(snapshot: KernelSnapshot): readonly MemoryArea[] {
  const code = generatedCode(snapshot);
  const pages = new Set(code.map(({ address }) => address - (address % pageSize)));
  const areas = [...pages].map((address) => ({ name: 'vmalloc', address, size: Number(pageSize) }));
  const [start, end] = [copiedCode.start, copiedCode.end].map((name) => snapshot.symbols.address(name));
  if (areas.length === 0 || start === undefined || end === undefined || end < start) return areas;
  return [...areas, { name: 'kernel text', address: start, size: Number(end - start) }];
}
