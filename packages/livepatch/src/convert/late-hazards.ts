import {
  lateStore,
  relocationRule,
  type Architecture,
  type Kernel,
  type Phase,
  type SpecialSection,
} from '@kelp/core';
import { SHF_WRITE, type ObjectFile, type RelocationSpecification, type Section } from '@kelp/core/elf';
import { rewrittenRanges, type RewrittenRange } from '../lint/rewritten-code.ts';

/** Why a relocation against a module cannot wait until livepatch applies it. */
export interface LateHazard {
  readonly code: `convert/${string}`;
  readonly reason: string;
}

/** Phases in which the kernel reads entries; livepatch relocations of modules come after all of them. */
const readAtLoad: ReadonlySet<Phase> = new Set([
  'early_checks',
  'find_module_sections',
  'post_relocation',
  'ftrace',
  'coming',
  'init',
]);

/**
 * Tells which relocations of a module come too late: klp_apply_object_relocs() runs after module_finalize() and after
 * the notifiers of MODULE_STATE_COMING, whether the target module is loaded already or not.
 */
export class LateHazards {
  readonly #file: ObjectFile;
  readonly #architecture: Architecture;
  readonly #kernel: Kernel;
  #rewritten: ReadonlyMap<number, CodeRanges> | undefined;

  constructor(file: ObjectFile, architecture: Architecture, kernel: Kernel) {
    this.#file = file;
    this.#architecture = architecture;
    this.#kernel = kernel;
  }

  /**
   * @returns undefined where the relocation can wait.
   * @throws KelpError `elf/...`.
   */
  of(target: Section, record: RelocationSpecification): LateHazard | undefined {
    return this.#ofSection(target) ?? this.#ofStore(target, record) ?? this.#ofCode(target, record);
  }

  #ofSection(target: Section): LateHazard | undefined {
    const row = this.#architecture.specialSection(target.name, this.#kernel);
    if (row !== undefined && isReadAtLoad(row, target)) {
      const reason = `the kernel reads the section while it loads the livepatch: ${row.hazard.reason}`;
      return { code: 'convert/read-at-load', reason };
    }
    // ppc64le has no init memory, but what stands there is of no use later either.
    if (/^\.init\b/u.test(target.name))
      return { code: 'convert/init-memory', reason: 'the section is gone when the relocation is applied' };
    return undefined;
  }

  #ofStore(target: Section, { offset, type }: RelocationSpecification): LateHazard | undefined {
    const { livepatch } = this.#architecture;
    const store = livepatch === undefined ? undefined : lateStore(livepatch, this.#kernel, type);
    if (store === undefined) return undefined;
    const isWritable = (target.flags & SHF_WRITE) !== 0n && target.name !== '.data..ro_after_init';
    if (!store.readOnly && !isWritable) {
      const reason = `it is a ${store.function} into read-only memory, which faults`;
      return { code: 'convert/read-only', reason };
    }
    if (store.alignment !== undefined && offset % store.alignment !== 0) {
      const reason = `${store.function}() stores at multiples of ${store.alignment} only, and the kernel does not notice`;
      return { code: 'convert/misaligned', reason };
    }
    return undefined;
  }

  #ofCode(target: Section, { offset, type }: RelocationSpecification): LateHazard | undefined {
    if (!target.isExecutable) return undefined;
    this.#rewritten ??= this.#rewrittenCode();
    const row = this.#architecture.relocationType(type);
    const rule = row === undefined ? undefined : relocationRule(row, this.#kernel);
    const size = rule?.verdict === 'applied' ? rule.field.size : 1;
    const table = this.#rewritten.get(target.index)?.within(offset, offset + size);
    if (table === undefined) return undefined;
    const reason = `the kernel rewrites the instruction while it loads the livepatch, because of ${table}`;
    return { code: 'convert/rewritten-at-load', reason };
  }

  #rewrittenCode(): ReadonlyMap<number, CodeRanges> {
    const object = this.#file;
    const context = {
      object,
      architecture: this.#architecture,
      kernel: this.#kernel,
      table: object.symbols(),
    };
    return new Map([...rewrittenRanges(context)].map(([index, ranges]) => [index, new CodeRanges(ranges)]));
  }
}

/** Code in a section of its own is not read, but run; and what is copied from there is a hazard of level high. */
function isReadAtLoad(row: SpecialSection, target: Section): boolean {
  if (row.sorted === true || row.patchesCode === true || row.hazard.level === 'high') return true;
  return readAtLoad.has(row.phase) && !target.isExecutable;
}

/** Pieces of code of one section, which may overlap. */
class CodeRanges {
  readonly #starts: readonly number[];
  /** For each piece, the one that reaches farthest of those that do not start behind it. */
  readonly #farthest: readonly RewrittenRange[];

  constructor(pieces: readonly RewrittenRange[]) {
    const sorted = pieces.toSorted((a, b) => a.start - b.start);
    this.#starts = sorted.map(({ start }) => start);
    let best: RewrittenRange | undefined;
    this.#farthest = sorted.map(
      (piece) => (best = best === undefined || piece.end > best.end ? piece : best),
    );
  }

  /** The table that names code between two offsets; undefined where none does. */
  within(from: number, to: number): string | undefined {
    let [low, high] = [0, this.#starts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#starts[middle] ?? 0) < to) low = middle + 1;
      else high = middle;
    }
    const piece = this.#farthest[low - 1];
    return piece !== undefined && from < piece.end ? piece.by : undefined;
  }
}
