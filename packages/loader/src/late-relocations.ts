import {
  clearRelocation,
  clearSupport,
  isInRange,
  KelpError,
  parseLivepatchSectionName,
  relocationRule,
  vmlinuxObject,
  type LinkageSlot,
  type LinkedRelocation,
  type LoaderStateChange,
  type RelocationInput,
} from '@kelp/core';
import { SHT_RELA, type Section } from '@kelp/core/elf';
import { changesSince, type ChangedBytes } from './changes.ts';
import { LateFault, LateStores, type AppliedRecord } from './late-stores.ts';
import type { LivepatchSymbols } from './livepatch-symbols.ts';
import type { LoadedModule } from './load.ts';
import {
  linkedRelocation,
  reach,
  relocatedSection,
  relocateSection,
  resolveSection,
  type RelocatedSection,
  type RelocationContext,
  type SectionRefusal,
} from './relocate.ts';

/** One record of a livepatch relocation section. */
export interface RelocationPlace {
  /** The section that it stands in. Untrusted. */
  readonly relocations: string;
  /** The section that it changes. Untrusted. */
  readonly section: string;
  /** Bytes from the start of that section. */
  readonly offset: number;
  /** ELF64_R_TYPE. */
  readonly type: number;
  /** Untrusted. */
  readonly symbol: string;
}

/** What came of applying the relocations of an object. `lost` were not written, and the kernel does not notice. */
export type LateOutcome = { readonly lost: readonly RelocationPlace[] } & (
  | { readonly status: 'applied' }
  /** The target module is refused, or enabling the livepatch fails. What was written before stays. */
  | ({ readonly status: 'refused' } & SectionRefusal)
  /** The kernel dies: a store to an address that it cannot write. What was written before is there. */
  | {
      readonly status: 'fault';
      readonly address: bigint;
      readonly reason: string;
      readonly place: RelocationPlace | undefined;
    }
);

/** A field that does not hold what applying had written, so that it was left. */
export interface Mismatch extends RelocationPlace {
  readonly expected: bigint;
  readonly actual: bigint;
}

/** What clearing changed. */
export interface Cleared {
  /** Whether the kernel has a clear_relocate_add() that does something. */
  readonly supported: boolean;
  readonly changes: readonly ChangedBytes[];
  /** Of the loader's memory of the module. */
  readonly state: readonly LoaderStateChange[];
  readonly mismatches: readonly Mismatch[];
}

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
    for (const one of this.#sections) {
      if (one.object === undefined) {
        const reason = 'the name of the section is incorrectly formatted';
        return { status: 'refused', errno: 'EINVAL', reason, section: one.section.name, lost };
      }
      if (one.object !== object) continue;
      const ended = this.#applySection(one.section, object, symbols, initialized, lost);
      if (ended !== undefined) return { ...ended, lost };
    }
    this.#present.add(object);
    return { status: 'applied', lost };
  }

  #applySection(
    section: Section,
    object: string,
    symbols: LivepatchSymbols,
    initialized: boolean,
    lost: RelocationPlace[],
  ):
    | Omit<LateOutcome & { readonly status: 'fault' }, 'lost'>
    | Omit<LateOutcome & { readonly status: 'refused' }, 'lost'>
    | undefined {
    const relocated = relocatedSection(this.#context, section, 'livepatch-relocation');
    if (section.type === SHT_RELA && (relocated === undefined || !section.isAllocated)) {
      const reason =
        'the records, or the section that they change, stayed in the copy of the file that is freed';
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
      return { status: 'fault', address, reason: message, place: this.#place(relocated, record) };
    } finally {
      this.#applied.set(section.index, stores.applied);
      lost.push(...stores.lost.map((record) => this.#place(relocated, record)));
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
    for (const relocated of this.#sectionsOf(object)) {
      const mismatch = this.#clearSection(relocated);
      if (mismatch !== undefined) mismatches.push(mismatch);
    }
    return { supported: true, changes: changesSince(image, mark), state: [], mismatches };
  }

  #clearSection(relocated: RelocatedSection): Mismatch | undefined {
    const { image, architecture } = this.#context;
    const { records, order } = relocated;
    for (let position = 0; position < records.count; position++) {
      const index = order?.[position] ?? position;
      const relocation = linkedRelocation(this.#context, relocated, index);
      const type = architecture.relocationType(relocation.type);
      const rule = type === undefined ? undefined : relocationRule(type, image.kernel);
      if (rule === undefined || rule.verdict === 'refused') return undefined;
      if (rule.verdict === 'ignored') continue;
      const { S, A, P } = relocation;
      const outcome = this.#change(relocation, { S, A, P }, (input) => {
        return isInRange(rule, input.letters) ? clearRelocation(rule, input) : undefined;
      });
      if (outcome === undefined) return undefined;
      if (outcome.status === 'mismatch') return { ...this.#place(relocated, index), ...outcome };
    }
    return undefined;
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
        const mismatch = this.#clearRecord(relocated, record);
        if (mismatch !== undefined) mismatches.push(mismatch);
      }
      this.#applied.delete(relocated.section.index);
    }
    const state = linker?.release?.(this.#inUse()) ?? [];
    return { supported: true, changes: changesSince(image, mark), state, mismatches };
  }

  #clearRecord(
    relocated: RelocatedSection,
    { index, relocation, rule, letters }: AppliedRecord,
  ): Mismatch | undefined {
    if (letters === undefined) {
      this.#context.linker?.restore?.(relocation);
      return undefined;
    }
    const outcome = this.#change(relocation, letters, (input) => clearRelocation(rule, input));
    return outcome.status === 'mismatch' ? { ...this.#place(relocated, index), ...outcome } : undefined;
  }

  /** Slots of GOT, PLT, stubs and veneers that no relocation uses whose object is there: they are leaked. */
  unused(): readonly LinkageSlot[] {
    return this.#context.linker?.unused?.(this.#inUse()) ?? [];
  }

  /** Records that were applied to an object that is gone, and have not been cleared. */
  stale(): readonly RelocationPlace[] {
    return this.#sections.flatMap(({ section, object }) => {
      const records = this.#applied.get(section.index);
      if (records === undefined || object === undefined || this.#present.has(object)) return [];
      const relocated = relocatedSection(this.#context, section, 'livepatch-relocation');
      return relocated === undefined ? [] : records.map(({ index }) => this.#place(relocated, index));
    });
  }

  /** Every relocation that is applied: those of loading, and those of the objects that are there. */
  *#inUse(): Generator<LinkedRelocation, void, undefined> {
    for (const section of this.#context.image.object.sections) {
      if (section.isLivepatchRelocation) continue;
      yield* this.#relocations(section);
    }
    for (const { section, object } of this.#sections) {
      if (object === vmlinuxObject) yield* this.#relocations(section);
      else if (object !== undefined && this.#present.has(object))
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

  #change<Result>(
    { P, symbolName, external }: LinkedRelocation,
    letters: RelocationInput['letters'],
    action: (input: RelocationInput) => Result,
  ): Result {
    const { image, architecture } = this.#context;
    const symbol = { name: symbolName, external };
    const { byteOrder } = architecture.elf;
    return image.change(P, reach, 'livepatch-clear', (bytes, offset) =>
      action({ bytes, offset, letters, symbol, byteOrder }),
    );
  }

  #place({ section, records, symbols }: RelocatedSection, index: number): RelocationPlace {
    const symbol = records.symbol(index);
    return {
      relocations: section.name,
      section: this.#context.image.object.sections[section.info]?.name ?? '',
      offset: records.offset(index),
      type: records.type(index),
      symbol: symbol === 0 ? '' : (symbols?.name(symbol) ?? ''),
    };
  }
}
