import {
  clearSupport,
  KelpError,
  parseLivepatchSectionName,
  vmlinuxObject,
  type LinkageSlot,
  type LinkedRelocation,
} from '@kelp/core';
import { SHT_RELA, type Section } from '@kelp/core/elf';
import { changesSince } from './changes.ts';
import { clearInOrder, clearRecord, relocationPlace } from './clear-records.ts';
import type {
  Cleared,
  Failure,
  LateOutcome,
  Misdirected,
  Mismatch,
  RelocationPlace,
} from './late-outcome.ts';
import { LateFault, LateStores, type AppliedRecord } from './late-stores.ts';
import type { LivepatchSymbols } from './livepatch-symbols.ts';
import type { LoadedModule } from './load.ts';
import { misdirectedSlots, type AppliedPlace } from './misdirected-slots.ts';
import {
  linkedRelocation,
  relocatedSection,
  relocateSection,
  resolveSection,
  type RelocatedSection,
  type RelocationContext,
} from './relocate.ts';
import type { Write } from './write-log.ts';

/** Causes of writes to the places of relocations; an arm64 linker writes some of them itself. */
const fieldCauses: ReadonlySet<string> = new Set(['livepatch-relocation', 'relocation']);

/**
 * The livepatch relocations of a loaded livepatch module that wait for other modules: klp_write_object_relocs(). The
 * module is changed in place and every change is in its log, under `livepatch-relocation` and `livepatch-clear`; GOT,
 * PLT and stubs go on as loading left them.
 */
export class LateRelocations {
  readonly #context: RelocationContext;
  readonly #sections: readonly { readonly section: Section; readonly object: string | undefined }[];
  /** Records that changed something when their section was applied last, by index of the section. */
  readonly #applied = new Map<number, readonly AppliedRecord[]>();
  /** Objects whose relocations are applied, and which are there. */
  readonly #present = new Set<string>();
  /** Where applying has written fields, by object; slots are not among them. */
  readonly #written = new Map<string, Write[]>();

  /** @throws KelpError `livepatch/not-loaded` for a module that the kernel has refused. */
  constructor({ image, refused, relocation }: LoadedModule) {
    if (relocation === undefined || refused !== undefined) {
      throw new KelpError('livepatch/not-loaded', 'the kernel refuses the livepatch', {
        file: image.object.file,
      });
    }
    this.#context = relocation;
    this.#sections = image.object.sections
      .filter((section) => section.isLivepatchRelocation)
      .map((section) => ({ section, object: parseLivepatchSectionName(section.name)?.object }));
  }

  /** The modules whose relocations the livepatch has, in the order of its sections. Untrusted. */
  get objects(): readonly string[] {
    const objects = this.#sections.flatMap(({ object }) => object ?? []);
    return [...new Set(objects)].filter((object) => object !== vmlinuxObject);
  }

  /**
   * Apply the sections of an object in header order: klp_apply_object_relocs(). Each section is resolved as a whole
   * before anything of it is written.
   *
   * @param initialized - the livepatch's init function has returned: false where the target was there first.
   */
  apply(object: string, symbols: LivepatchSymbols, initialized: boolean): LateOutcome {
    const lost: RelocationPlace[] = [];
    const { log } = this.#context.image;
    const mark = log.count;
    const ended = this.#applySections(object, symbols, initialized, lost);
    const fields = [...log.writes(mark)].filter(({ cause }) => fieldCauses.has(cause));
    this.#written.set(object, [...(this.#written.get(object) ?? []), ...fields]);
    if (ended !== undefined) return { ...ended, lost };
    this.#present.add(object);
    return { status: 'applied', lost };
  }

  #applySections(
    object: string,
    symbols: LivepatchSymbols,
    initialized: boolean,
    lost: RelocationPlace[],
  ): Failure | undefined {
    for (const { section, object: own } of this.#sections) {
      if (own === undefined) {
        const reason = 'the name of the section is incorrectly formatted';
        const message = `section ${section.name} has an incorrectly formatted name`;
        return { status: 'refused', errno: 'EINVAL', reason, message, section: section.name };
      }
      if (own !== object) continue;
      const ended = this.#applySection(section, object, symbols, initialized, lost);
      if (ended !== undefined) return ended;
    }
    return undefined;
  }

  #applySection(
    section: Section,
    object: string,
    symbols: LivepatchSymbols,
    initialized: boolean,
    lost: RelocationPlace[],
  ): Failure | undefined {
    const relocated = relocatedSection(this.#context, section, 'livepatch-relocation');
    if (section.type === SHT_RELA && !section.isAllocated) {
      const reason = 'the records stayed in the copy of the file, which is freed';
      return { status: 'fault', address: 0n, reason, place: undefined };
    }
    if (section.type === SHT_RELA && relocated === undefined) {
      const reason =
        'the section that is changed stayed outside of the module: in the copy of the file, which is freed';
      return { status: 'fault', address: 0n, reason, place: undefined };
    }
    if (relocated === undefined) return undefined;
    const refused = resolveSection(this.#context, relocated, object, symbols);
    if (refused !== undefined) return { status: 'refused', ...refused };
    const stores = new LateStores(this.#context, initialized);
    try {
      const refusal = relocateSection(this.#context, relocated, stores);
      return refusal === undefined ? undefined : { status: 'refused', ...refusal };
    } catch (error) {
      if (!(error instanceof LateFault)) throw error;
      const { address, message, record } = error;
      return {
        status: 'fault',
        address,
        reason: message,
        place: relocationPlace(this.#context, relocated, record),
      };
    } finally {
      this.#applied.set(section.index, stores.applied);
      lost.push(...stores.lost.map((record) => relocationPlace(this.#context, relocated, record)));
    }
  }

  /** The object is gone and nothing is undone. */
  leave(object: string): void {
    this.#present.delete(object);
  }

  /**
   * What the kernel's clear_relocate_add() does when an object goes: nothing in most. That of x86 computes each value
   * again with what its symbol was resolved to last, and stops at the first field of a section that holds another one.
   */
  clear(object: string): Cleared {
    this.leave(object);
    const { image, architecture } = this.#context;
    const { livepatch } = architecture;
    if (livepatch === undefined || clearSupport(livepatch, image.kernel) === undefined)
      return { supported: false, changes: [], state: [], mismatches: [] };
    const mark = image.log.count;
    const mismatches: Mismatch[] = [];
    let fault: Cleared['fault'];
    for (const relocated of this.#sectionsOf(object)) {
      const end = this.#clearSection(relocated);
      if (end.mismatch !== undefined) mismatches.push(end.mismatch);
      fault = end.fault;
      if (fault !== undefined) break;
    }
    return { supported: true, changes: changesSince(image, mark), state: [], mismatches, fault };
  }

  #clearSection(relocated: RelocatedSection): ReturnType<typeof clearInOrder> {
    const cleared = new Set<number>();
    const end = clearInOrder(this.#context, relocated, cleared);
    const { index } = relocated.section;
    const left = (this.#applied.get(index) ?? []).filter((record) => !cleared.has(record.index));
    if (left.length === 0) this.#applied.delete(index);
    else this.#applied.set(index, left);
    return end;
  }

  /**
   * What clearing would have to do so that the next application works as the first one did: the fields of all records
   * that were applied become what they were, the last one first, even after a failure; and GOT, PLT, stubs and veneers
   * that nothing else uses are given back. A field that holds something else is left.
   */
  clearAll(object: string): Cleared {
    this.leave(object);
    const { image, linker } = this.#context;
    const mark = image.log.count;
    const mismatches: Mismatch[] = [];
    for (const relocated of this.#sectionsOf(object).toReversed()) {
      for (const record of (this.#applied.get(relocated.section.index) ?? []).toReversed()) {
        const mismatch = clearRecord(this.#context, relocated, record);
        if (mismatch !== undefined) mismatches.push(mismatch);
      }
      this.#applied.delete(relocated.section.index);
    }
    const state = linker?.release?.(this.#inUse()) ?? [];
    return { supported: true, changes: changesSince(image, mark), state, mismatches };
  }

  /**
   * What resetting memory would have to do: the places of all records that were applied become what they were when the
   * livepatch had been loaded, and GOT, PLT, stubs and veneers that nothing else uses are given back. Unlike clearing it
   * needs no values, and keeps what stood in the fields.
   *
   * @param original - the bytes of each area of the image as they were then.
   */
  restore(object: string, original: readonly Uint8Array[]): Cleared {
    this.leave(object);
    const { image, linker } = this.#context;
    const mark = image.log.count;
    const ranges = this.#written.get(object) ?? [];
    this.#written.delete(object);
    for (const { area, offset, length } of ranges.toReversed()) {
      const placed = image.areas[area];
      const bytes = original[area]?.slice(offset, offset + length);
      if (placed !== undefined && bytes !== undefined)
        image.write(placed.address + BigInt(offset), bytes, 'livepatch-clear');
    }
    for (const { section } of this.#sectionsOf(object)) this.#applied.delete(section.index);
    const state = linker?.release?.(this.#inUse()) ?? [];
    return { supported: true, changes: changesSince(image, mark), state, mismatches: [] };
  }

  /** Slots of GOT, PLT, stubs and veneers that no relocation uses whose object is there: they are leaked. */
  unused(): readonly LinkageSlot[] {
    return this.#context.linker?.unused?.(this.#inUse()) ?? [];
  }

  /** Slots that relocations of objects use which are there, but that lead to another address: that of an earlier load. */
  misdirected(): readonly Misdirected[] {
    const { linker } = this.#context;
    return linker === undefined ? [] : misdirectedSlots(linker, this.#appliedAndPresent());
  }

  *#appliedAndPresent(): Generator<AppliedPlace, void, undefined> {
    for (const { section, object } of this.#sections) {
      if (object === undefined || !this.#present.has(object)) continue;
      const relocated = relocatedSection(this.#context, section, 'livepatch-relocation');
      if (relocated === undefined) continue;
      for (const record of this.#applied.get(section.index) ?? [])
        yield { record, place: relocationPlace(this.#context, relocated, record.index) };
    }
  }

  /** Records that were applied to an object that is gone, and have not been cleared. */
  stale(): readonly RelocationPlace[] {
    return this.#sections.flatMap(({ section, object }) => {
      const records = this.#applied.get(section.index);
      if (records === undefined || object === undefined || this.#present.has(object)) return [];
      const relocated = relocatedSection(this.#context, section, 'livepatch-relocation');
      return relocated === undefined
        ? []
        : records.map(({ index }) => relocationPlace(this.#context, relocated, index));
    });
  }

  /** Every relocation that is applied: those of loading, and those of the objects that are there. */
  *#inUse(): Generator<LinkedRelocation, void, undefined> {
    for (const section of this.#context.image.object.sections) {
      if (section.isLivepatchRelocation) continue;
      yield* this.#relocations(section);
    }
    for (const { section, object } of this.#sections) {
      if (object === undefined) continue;
      if (this.#context.earlyObjects.has(object)) yield* this.#relocations(section);
      else if (this.#present.has(object))
        yield* (this.#applied.get(section.index) ?? []).map(({ relocation }) => relocation);
    }
  }

  *#relocations(section: Section): Generator<LinkedRelocation, void, undefined> {
    const relocated = relocatedSection(this.#context, section, '');
    for (let index = 0; index < (relocated?.records.count ?? 0); index++) {
      if (relocated !== undefined) yield linkedRelocation(this.#context, relocated, index);
    }
  }

  #sectionsOf(wanted: string): readonly RelocatedSection[] {
    return this.#sections.flatMap(({ section, object }) => {
      const relocated =
        object === wanted ? relocatedSection(this.#context, section, 'livepatch-clear') : undefined;
      return relocated ?? [];
    });
  }
}
