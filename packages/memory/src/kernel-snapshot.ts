import type { ByteOrder, MachineText } from '@kelp/core';
import type { KernelSymbols } from './kernel-symbols.ts';
import type { MemorySource } from './memory-source.ts';
import type { ModuleState } from './proc-modules.ts';

/** One section of a loaded module, as /sys/module/NAME/sections shows it. */
export interface LoadedSection {
  readonly name: string;
  readonly address: bigint;
  /** In bytes; undefined where only the address is known, as in a live kernel or a vmcore. */
  readonly size: number | undefined;
}

/** A range of kernel memory that belongs to a module. It may belong to others too: they share huge pages. */
export interface MemoryArea {
  /** `core` and `init` up to 6.3, later the kernel's name of the type, `MOD_TEXT`; `vmalloc` for a captured area. */
  readonly name: string;
  readonly address: bigint;
  /** In bytes. */
  readonly size: number;
}

/** The per-CPU block of a module: where `.data..percpu` is, which sysfs does not tell. */
export interface PerCpuBlock {
  readonly address: bigint;
  /** In bytes. */
  readonly size: number;
}

/** A loaded module. */
export interface LoadedModule {
  readonly name: string;
  readonly state: ModuleState;
  /** Where its text (up to 6.3: its core layout) begins. */
  readonly base: bigint;
  /** Bytes of all its areas, as /proc/modules shows. */
  readonly size: number;
  /** By name, in the order of the section headers. Sections of one name: the last, as in sysfs. */
  readonly sections: ReadonlyMap<string, LoadedSection>;
  readonly areas: readonly MemoryArea[];
  readonly perCpu: PerCpuBlock | undefined;
  /** Checksum of its sources, where its build has one and the kernel tells it. Untrusted. */
  readonly srcversion?: string | undefined;
}

/** A kernel with its modules, wherever its memory comes from. */
export interface KernelSnapshot {
  readonly kind: 'capture' | 'live' | 'vmcore';
  /** Folder, file, or `live`: for messages. */
  readonly origin: string;
  /** `uname -r`. */
  readonly release: string;
  /** ELF machine and byte order; undefined where only the module files tell, as in a capture folder. */
  readonly elf: { readonly machine: number; readonly byteOrder: ByteOrder } | undefined;
  /** Bytes of a page; undefined where only the auxiliary vector tells. */
  readonly pageSize?: number | undefined;
  /** How many CPUs the kernel is prepared for (nr_cpu_ids); undefined where only cpuinfo.txt tells how many run. */
  readonly possibleProcessors?: number | undefined;
  /** Kernel virtual memory. */
  readonly memory: MemorySource;
  /** Symbols of the kernel image and of the modules; the exported ones even where kallsyms leaves out data. */
  readonly symbols: KernelSymbols;
  /** Addresses of what the kernel image exports to modules; undefined where they are not known. */
  readonly exports: ReadonlyMap<string, bigint> | undefined;
  /** In load order, oldest first. */
  readonly modules: readonly LoadedModule[];
  /** A text about the machine, or undefined where there is none. */
  text(name: MachineText): string | undefined;
  /** The auxiliary vector of a process (AT_HWCAP ...), or undefined. */
  auxiliaryVector(): Uint8Array | undefined;
  /** Close open files. */
  close(): void;
}

/** The release in the text of /proc/version or `linux_banner`, or undefined. */
export function releaseOf(banner: string): string | undefined {
  return /^Linux version (\S+)/u.exec(banner)?.[1];
}
