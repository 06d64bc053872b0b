import type { ObjectFile, RelocationTable, Section } from '@kelp/core/elf';

/**
 * Names that a C compiler or linker gives by itself, and the kernel's init, exit and reference variants of them.
 * Everything else that is allocated was put there by somebody who wants it found.
 */
const ordinaryName =
  /^\.(?:(?:init|exit|ref|meminit|memexit|cpuinit|head|sched|cpuidle|spinlock|irqentry|softirqentry|entry|kprobes|unlikely|devinit|devexit)\.)?(?:text|data|rodata|bss|sdata|sbss|data1|rodata1|tbss|tdata)(?:[.$]|$)|^\.(?:init|exit|fini)$|^\.(?:eh_frame|comment|gnu\.attributes|gnu\.version|group)/u;

/** What makes an allocated section look special. */
export interface Signals {
  /** A relocation of the section points into executable code. */
  readonly pointsIntoCode: boolean;
  /** Relocations repeat with this stride in bytes, over the whole section. */
  readonly stride: number | undefined;
  /** sh_entsize larger than one byte, or SHF_LINK_ORDER. */
  readonly declaresEntries: boolean;
}

/** Whether a name is one that compilers give, so that the section says nothing about the kernel's tables. */
export function isOrdinaryName(name: string): boolean {
  return ordinaryName.test(name);
}

/**
 * Whether an allocated section that no table row knows looks like a table of the kernel: it points into code at a
 * regular stride, or declares entries, or is executable under a name that no compiler gives. Uses no list of known
 * special sections.
 */
export function looksSpecial(
  object: ObjectFile,
  section: Section,
  relocations: RelocationTable | undefined,
): boolean {
  if (!section.isAllocated || section.size === 0 || isOrdinaryName(section.name)) return false;
  if (section.isExecutable) return true;
  const signals = readSignals(object, section, relocations);
  return signals.pointsIntoCode || signals.stride !== undefined || signals.declaresEntries;
}

/** The signals of one section. */
export function readSignals(
  object: ObjectFile,
  section: Section,
  relocations: RelocationTable | undefined,
): Signals {
  const declaresEntries = section.entrySize > 1n || (section.flags & 0x80n) !== 0n;
  if (relocations === undefined || relocations.count === 0) {
    return { pointsIntoCode: false, stride: undefined, declaresEntries };
  }
  return {
    pointsIntoCode: hasCodeTarget(object, relocations),
    stride: relocationStride(section.size, relocations),
    declaresEntries,
  };
}

function hasCodeTarget(object: ObjectFile, relocations: RelocationTable): boolean {
  const symbols = object.symbols();
  if (symbols === undefined) return false;
  for (let index = 0; index < relocations.count; index++) {
    const target = symbols.sectionIndex(relocations.symbol(index));
    if (target !== undefined && object.sections[target]?.isExecutable === true) return true;
  }
  return false;
}

/** Smallest entry size, up to 128 bytes, for which every entry has relocations at the same places; two entries at least. */
function relocationStride(size: number, relocations: RelocationTable): number | undefined {
  const places = new Set<number>();
  for (let index = 0; index < relocations.count; index++) places.add(relocations.offset(index));
  const offsets = [...places];
  for (let stride = 4; stride <= 128 && stride * 2 <= size; stride++) {
    if (size % stride !== 0) continue;
    const first = offsets.filter((offset) => offset < stride);
    const entries = size / stride;
    if (first.length === 0 || places.size !== first.length * entries) continue;
    if (offsets.every((offset) => offset < stride || places.has(offset - stride))) return stride;
  }
  return undefined;
}
