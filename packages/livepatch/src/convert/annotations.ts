import { KelpError, readContainer, relocationsOf } from '@kelp/core';
import type { ObjectFile, Section } from '@kelp/core/elf';
import type { PlanBuilder } from './conversion-plan.ts';

/** Sections in which a source names the object and position of symbols: KLP_MODULE_RELOC(). */
const annotationPrefix = '.klp.module_relocs.';

// struct klp_module_reloc { void *sym; u32 sympos; } __packed, of the posted include/linux/livepatch.h.
const entrySize = 12;
const positionAt = 8;

/** What a source says about a symbol. */
export interface Annotation {
  /** Untrusted. */
  readonly object: string;
  /** As it is written. */
  readonly position: bigint;
}

/** The sections of annotations of a file. */
export function annotationSections(file: ObjectFile): readonly Section[] {
  return file.sections.filter(({ name }) => name.startsWith(annotationPrefix));
}

/**
 * Read all annotations, by index of the symbol. Numbers have the byte order of the file.
 *
 * @throws KelpError `convert/annotation-count` where entries and their relocations do not agree.
 */
export function readAnnotations(file: ObjectFile, plan: PlanBuilder): ReadonlyMap<number, Annotation> {
  const found = new Map<number, Annotation>();
  const table = file.symbols();
  for (const section of annotationSections(file)) {
    const object = section.name.slice(annotationPrefix.length);
    for (const [symbol, position] of entriesOf(file, section)) {
      const known = found.get(symbol);
      if (known === undefined) found.set(symbol, { object, position });
      else if (known.object !== object || known.position !== position) {
        const name = table?.name(symbol) ?? '';
        const message = `${name} is annotated as ${known.object},${known.position} and as ${object},${position}`;
        plan.error('convert/annotation-conflict', message, { section: section.name, offset: 0 });
      }
    }
  }
  return found;
}

/** Symbol and position of each entry: the i-th relocation fills the pointer of the i-th entry. */
function entriesOf(file: ObjectFile, section: Section): readonly (readonly [number, bigint])[] {
  const records = relocationsOf(file, section);
  const count = records?.count ?? 0;
  const fits = section.size === count * entrySize;
  const symbols = new Map<number, number>();
  for (let index = 0; index < count; index++)
    if (records !== undefined) symbols.set(records.offset(index), records.symbol(index));
  return Array.from({ length: count }, (_, index) => {
    const symbol = symbols.get(index * entrySize);
    if (!fits || symbol === undefined) {
      const message = `${section.size} bytes for ${count} annotations of ${entrySize}, each of which needs a relocation`;
      throw new KelpError('convert/annotation-count', message, { file: file.file, section: section.name });
    }
    return [symbol, readContainer(section.bytes, index * entrySize + positionAt, 4, file.byteOrder)] as const;
  });
}
