import { SHF_WRITE, type Section } from '@kelp/core/elf';
import type { LoadedModule, PlacedArea } from '@kelp/loader';
import type { ReadMemory } from './inference.ts';

/** Bytes of a section that were predicted to differ from the file, by the cause that wrote them last. */
export interface ExplainedBytes {
  readonly cause: string;
  readonly bytes: number;
  /** Runs of neighboring bytes. */
  readonly sites: number;
}

/** A run of bytes that are not what was predicted. */
export interface UnexplainedBytes {
  /** Bytes from the start of the section. */
  readonly offset: number;
  readonly length: number;
  readonly expected: Uint8Array;
  readonly actual: Uint8Array;
}

/** One section compared with memory. `bytes` is the sum of `equal`, all explained and all unexplained ones. */
export interface ComparedSection {
  /** Untrusted; `[GOT and PLT]` for what the loader built in front of the text sections. */
  readonly name: string;
  readonly executable: boolean;
  readonly address: bigint;
  readonly bytes: number;
  /** Bytes that are the same in file, prediction and memory. */
  readonly equal: number;
  readonly explained: readonly ExplainedBytes[];
  readonly unexplained: readonly UnexplainedBytes[];
}

/** Why a section was not compared. Of the last kind nobody can say whether they are as predicted. */
export type SkipReason =
  | 'freed after init'
  | 'holds data that changes while the kernel runs'
  | 'not in the memory that was given';

/** Sections that were not compared, and why. */
export interface SkippedSection {
  /** Untrusted. */
  readonly name: string;
  readonly reason: SkipReason;
}

export interface ComparedModule {
  readonly sections: readonly ComparedSection[];
  readonly skipped: readonly SkippedSection[];
}

/** Tables that are writable in the file and written once, while the module is loaded. */
const writtenOnce: ReadonlySet<string> = new Set([
  '__jump_table',
  '.static_call_sites',
  '__ex_table',
  '.orc_unwind',
  '.orc_unwind_ip',
  '__mcount_loc',
  '__patchable_function_entries',
]);

/** Compare the read-only memory of a loaded module with the prediction, byte by byte. Nothing is masked. */
export function compareModule({ image }: LoadedModule, read: ReadMemory): ComparedModule {
  const sections: ComparedSection[] = [];
  const skipped: SkippedSection[] = [];
  for (const [index, area] of image.areas.entries()) {
    if (area.area.init) {
      for (const { section } of area.area.placements)
        skipped.push({ name: section.name, reason: 'freed after init' });
      continue;
    }
    const provenance = image.log.provenance(index, area.bytes.length);
    for (const range of ranges(area, skipped)) {
      const memory = read(area.address + BigInt(range.offset), range.size);
      if (memory === undefined)
        skipped.push({ name: range.name, reason: 'not in the memory that was given' });
      else sections.push(compareRange(area, range, memory, provenance, image.log.causes));
    }
  }
  return { sections, skipped };
}

interface Range {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  readonly executable: boolean;
  readonly file: Uint8Array;
}

function* ranges({ area }: PlacedArea, skipped: SkippedSection[]): Generator<Range> {
  const first = Math.min(...area.placements.map(({ offset }) => offset));
  if ((area.name === 'text' || area.name === 'core') && Number.isFinite(first) && first > 0) {
    yield { name: '[GOT and PLT]', offset: 0, size: first, executable: true, file: new Uint8Array(first) };
  }
  for (const { section, offset, size, noBits } of area.placements) {
    if (size === 0) continue;
    if (!isReadOnly(section)) {
      skipped.push({ name: section.name, reason: 'holds data that changes while the kernel runs' });
      continue;
    }
    const file = noBits ? new Uint8Array(size) : section.bytes;
    yield { name: section.name, offset, size, executable: section.isExecutable, file };
  }
}

function isReadOnly(section: Section): boolean {
  return (section.flags & SHF_WRITE) === 0n || writtenOnce.has(section.name);
}

function compareRange(
  area: PlacedArea,
  { name, offset, size, executable, file }: Range,
  memory: Uint8Array,
  provenance: Uint16Array,
  causes: readonly string[],
): ComparedSection {
  const explained = new Map<string, { bytes: number; sites: number }>();
  const unexplained: UnexplainedBytes[] = [];
  let equal = 0;
  let lastCause: string | undefined;
  for (let at = 0; at < size; at++) {
    const expected = area.bytes[offset + at];
    let cause: string | undefined;
    if (memory[at] !== expected) {
      const end = endOfDifference(area.bytes, offset, memory, at);
      unexplained.push({
        offset: at,
        length: end - at,
        expected: area.bytes.slice(offset + at, offset + end),
        actual: memory.slice(at, end),
      });
      at = end - 1;
    } else if (expected === file[at]) {
      equal++;
    } else {
      cause = causes[(provenance[offset + at] ?? 0) - 1] ?? 'layout';
      const sum = explained.get(cause) ?? { bytes: 0, sites: 0 };
      explained.set(cause, { bytes: sum.bytes + 1, sites: sum.sites + (cause === lastCause ? 0 : 1) });
    }
    lastCause = cause;
  }
  return {
    name,
    executable,
    address: area.address + BigInt(offset),
    bytes: size,
    equal,
    explained: [...explained].map(([cause, sum]) => ({ cause, ...sum })),
    unexplained,
  };
}

function endOfDifference(predicted: Uint8Array, offset: number, memory: Uint8Array, start: number): number {
  let end = start;
  while (end < memory.length && memory[end] !== predicted[offset + end]) end++;
  return end;
}
