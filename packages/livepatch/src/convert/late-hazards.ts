import {
  decodeEntries,
  entrySource,
  fitLayout,
  isPointer,
  lateStore,
  layoutFor,
  type Architecture,
  type Kernel,
  type Phase,
  type Pointer,
  type SpecialSection,
} from '@kelp/core';
import { SHF_WRITE, type ObjectFile, type RelocationSpecification, type Section } from '@kelp/core/elf';

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
 * Bytes from the start of an instruction that a table names to the relocated field in it, at most: behind the opcode
 * of a call or jump of x86 (e8, 0f 8x, with or without a prefix), in the second halfword of s390x, at the start
 * elsewhere.
 */
const fieldWithin = 3;

/** patch_call() of arch/x86/kernel/callthunks.c leaves a call alone whose displacement is still 0. */
const leftAlone: ReadonlySet<string> = new Set(['.call_sites']);

/** Fields that hold the length of what an entry replaces: of struct alt_instr and paravirt_patch_site. */
const lengthFields: readonly string[] = ['instrlen', 'origLen', 'len'];

/** A piece of code that the kernel replaces while it loads the module. */
interface ReplacedCode {
  readonly start: number;
  readonly end: number;
  /** The table that names it. */
  readonly by: string;
}

/**
 * Tells which relocations of a module come too late: klp_apply_object_relocs() runs after module_finalize() and after
 * the notifiers of MODULE_STATE_COMING, whether the target module is loaded already or not.
 */
export class LateHazards {
  readonly #file: ObjectFile;
  readonly #architecture: Architecture;
  readonly #kernel: Kernel;
  #replaced: ReadonlyMap<number, CodeRanges> | undefined;

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

  #ofCode(target: Section, { offset }: RelocationSpecification): LateHazard | undefined {
    if (!target.isExecutable) return undefined;
    this.#replaced ??= replacedCode(this.#file, this.#architecture, this.#kernel);
    const table = this.#replaced.get(target.index)?.at(offset);
    if (table === undefined) return undefined;
    const reason = `the kernel rewrites the instruction while it loads the livepatch, because of ${table}`;
    return { code: 'convert/rewritten-at-load', reason };
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
  readonly #farthest: readonly ReplacedCode[];

  constructor(pieces: readonly ReplacedCode[]) {
    const sorted = pieces.toSorted((a, b) => a.start - b.start);
    this.#starts = sorted.map(({ start }) => start);
    let best: ReplacedCode | undefined;
    this.#farthest = sorted.map(
      (piece) => (best = best === undefined || piece.end > best.end ? piece : best),
    );
  }

  /** The table that names the code at an offset; undefined where none does. */
  at(offset: number): string | undefined {
    let [low, high] = [0, this.#starts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#starts[middle] ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    const piece = this.#farthest[low - 1];
    return piece !== undefined && offset < piece.end ? piece.by : undefined;
  }
}

/** What the tables of a module name as code to be replaced, by index of the section. */
function replacedCode(
  file: ObjectFile,
  architecture: Architecture,
  kernel: Kernel,
): ReadonlyMap<number, CodeRanges> {
  const found = new Map<number, ReplacedCode[]>();
  for (const section of file.sections) {
    if (section.index === 0 || !section.isAllocated) continue;
    const row = architecture.specialSection(section.name, kernel);
    if (row?.patchesCode !== true || !readAtLoad.has(row.phase)) continue;
    // Where there is no hazard, a prefix or a nop is replaced, and no field of it is relocated.
    if (row.hazard.level === 'none' || leftAlone.has(section.name)) continue;
    for (const { target, ...code } of codeOf(file, section, row, kernel)) {
      const known = found.get(target);
      if (known === undefined) found.set(target, [code]);
      else known.push(code);
    }
  }
  return new Map([...found].map(([index, pieces]) => [index, new CodeRanges(pieces)]));
}

function* codeOf(
  file: ObjectFile,
  section: Section,
  row: SpecialSection,
  kernel: Kernel,
): Generator<ReplacedCode & { readonly target: number }, void, undefined> {
  const source = entrySource(file, section);
  const layout = fitLayout(row, kernel, source)?.layout ?? layoutFor(row, kernel);
  if (layout === undefined) return;
  const pointers = Object.keys(layout.fields).filter((name) => {
    const field = layout.fields[name];
    return field !== undefined && isPointer(field);
  });
  const endField = pointers.find((name) => name.startsWith('end'));
  const lengthField = lengthFields.find((name) => name in layout.fields);
  for (const entry of decodeEntries(layout, source)) {
    const site = placeOf(file, entry[pointers[0] ?? '']);
    if (site === undefined) continue;
    const end = endField === undefined ? undefined : placeOf(file, entry[endField]);
    const length = lengthField === undefined ? undefined : entry[lengthField];
    const size = typeof length === 'number' ? length : fieldWithin;
    yield {
      target: site.section,
      start: site.offset,
      end: end?.offset ?? site.offset + size,
      by: section.name,
    };
  }
}

function placeOf(
  file: ObjectFile,
  pointer: Pointer | Uint8Array | bigint | number | undefined,
): { readonly section: number; readonly offset: number } | undefined {
  const table = file.symbols();
  if (typeof pointer !== 'object' || pointer instanceof Uint8Array || table === undefined) return undefined;
  if (pointer.symbol === 0 || pointer.symbol >= table.count) return undefined;
  const section = table.sectionIndex(pointer.symbol);
  if (section === undefined) return undefined;
  return { section, offset: Number(BigInt.asIntN(64, table.value(pointer.symbol) + pointer.addend)) };
}
