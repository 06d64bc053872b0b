import { KelpError } from '../errors.ts';
import type { ObjectFile } from './object-file.ts';
import type { Section } from './section.ts';

/** Indices of the sections of a file when some are taken out. */
export class SectionNumbers {
  /** How many sections stay, the null section included. */
  readonly count: number;
  readonly #file: string | undefined;
  readonly #removed: ReadonlySet<number>;
  readonly #new: readonly number[];

  /**
   * @param kept - sections that the file cannot do without.
   * @throws KelpError `elf/removed-section` if one of them, or the null section, is to be removed.
   */
  constructor(object: ObjectFile, removed: ReadonlySet<number>, kept: readonly number[]) {
    this.#file = object.file;
    this.#removed = removed;
    const missing = [0, ...kept].find((index) => removed.has(index));
    if (missing !== undefined) {
      const message = `section ${missing} cannot be removed`;
      throw new KelpError('elf/removed-section', message, { file: object.file });
    }
    let count = 0;
    this.#new = object.sections.map(({ index }) => (removed.has(index) ? 0 : count++));
    this.count = count;
  }

  isRemoved(index: number): boolean {
    return this.#removed.has(index);
  }

  /** The new index of a section; 0 of one that is removed, and a number that is no section's stays. */
  of(index: number): number {
    return this.#new[index] ?? index;
  }

  /** The new index of a section, or of one that is added, whose index goes on from the sections of the file. */
  ofAny(index: number): number {
    const before = this.#new.length;
    return index < before ? this.of(index) : this.count + index - before;
  }

  /**
   * The new index of a section that another one refers to.
   *
   * @throws KelpError `elf/removed-section` if it is removed.
   */
  needed(index: number, by: Section): number {
    if (this.isRemoved(index)) {
      const message = `refers to section ${index}, which is to be removed`;
      throw new KelpError('elf/removed-section', message, { file: this.#file, section: by.name });
    }
    return this.of(index);
  }
}
