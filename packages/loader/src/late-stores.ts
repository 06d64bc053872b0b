import {
  applyRelocation,
  hasOption,
  lateStore,
  type LateStore,
  type Letters,
  type Linker,
  type LinkResult,
  type RelocationInput,
  type RelocationOutcome,
} from '@kelp/core';
import type { LoadedImage } from './image.ts';
import { reach, valueRefusal, type RelocationContext, type Store, type StoredRecord } from './relocate.ts';

/** A store that the kernel does not survive. */
export class LateFault extends Error {
  override readonly name = 'LateFault';
  readonly address: bigint;
  /** Index of the record. */
  readonly record: number;

  constructor(address: bigint, record: number, reason: string) {
    super(reason);
    this.address = address;
    this.record = record;
  }
}

/** A record that changed its place, so that it can be undone. */
export interface AppliedRecord extends StoredRecord {
  /** Undefined where the linker has written the place itself. */
  readonly letters: Letters | undefined;
}

/**
 * How records are stored into a module that has been formed: by the rows of LivepatchSupport, as far as the protection
 * of the memory lets them.
 */
export class LateStores implements Store {
  readonly #context: RelocationContext;
  readonly #initialized: boolean;
  readonly #applied: AppliedRecord[] = [];
  readonly #lost: number[] = [];

  /** @param initialized - init has returned: init memory is gone, and `ro_after_init` is read-only. */
  constructor(context: RelocationContext, initialized: boolean) {
    this.#context = context;
    this.#initialized = initialized;
  }

  /** Records that changed their places, in order. */
  get applied(): readonly AppliedRecord[] {
    return this.#applied;
  }

  /** Indices of records that were not written, and nobody was told. */
  get lost(): readonly number[] {
    return this.#lost;
  }

  letters(linker: Linker, record: StoredRecord): LinkResult {
    const { image } = this.#context;
    const row = this.#row(record);
    const guard = (address: bigint, _length: number, cause: string): void => {
      // The linker writes the place itself where no row can say what becomes of it.
      const plain = row?.readOnly !== true || (cause !== 'relocation' && row.linkage === 'plain store');
      this.#requireWritable(address, plain, cause, record);
    };
    const result = image.guarded(guard, () => linker.letters(record.relocation));
    if (result.kind === 'written') this.#applied.push({ ...record, letters: undefined });
    return result;
  }

  field(record: StoredRecord, input: RelocationInput): RelocationOutcome {
    const { bytes, offset, letters } = input;
    const { rule, relocation } = record;
    this.#requireMemory(record, letters);
    const before = bytes.slice(offset, offset + reach);
    const outcome = applyRelocation(rule, input);
    const changes = before.some((byte, index) => byte !== bytes[offset + index]);
    const writes = rule.verdict === 'applied' && rule.steps.some(({ kind }) => kind === 'write');
    const stored =
      changes ||
      (writes && (outcome.status === 'applied' || (outcome.status === 'refused' && outcome.written)));
    if (!stored) return outcome;
    const row = this.#row(record);
    const lost = row?.alignment !== undefined && relocation.P % BigInt(row.alignment) !== 0n;
    if (lost) {
      bytes.set(before, offset);
      this.#lost.push(record.index);
      return outcome;
    }
    try {
      this.#requireWritable(relocation.P, row?.readOnly !== true, 'relocation', record);
    } catch (error) {
      bytes.set(before, offset);
      throw error;
    }
    this.#applied.push({ ...record, letters });
    return outcome;
  }

  /** The first step that looks at the place dies where the memory is gone; a value that is refused before does not. */
  #requireMemory({ rule, relocation: { P }, index }: StoredRecord, letters: Letters): void {
    if (!this.#initialized || rule.verdict !== 'applied' || !this.#context.image.isFreedAfterInit(P)) return;
    for (const step of rule.steps) {
      if (valueRefusal(rule, step, letters) !== undefined) return;
      if (step.kind !== 'range' && step.kind !== 'aligned')
        throw new LateFault(P, index, 'the memory was freed after init (relocation)');
    }
  }

  #row({ relocation: { type } }: StoredRecord): LateStore | undefined {
    const { architecture, image } = this.#context;
    const { livepatch } = architecture;
    return livepatch === undefined ? undefined : lateStore(livepatch, image.kernel, type);
  }

  #requireWritable(address: bigint, plain: boolean, what: string, { index }: StoredRecord): void {
    const { image } = this.#context;
    if (this.#initialized && image.isFreedAfterInit(address))
      throw new LateFault(address, index, `the memory was freed after init (${what})`);
    if (plain && !isWritable(image, address, this.#initialized))
      throw new LateFault(address, index, `a plain store into read-only memory (${what})`);
  }
}

/** Whether a plain store reaches memory of a module that has been formed. */
function isWritable(image: LoadedImage, address: bigint, initialized: boolean): boolean {
  const { kernel } = image;
  if (kernel.configuration !== undefined && !hasOption(kernel, 'STRICT_MODULE_RWX')) return true;
  const protection = image.protection(address);
  if (protection === 'ro_after_init') return !initialized;
  return protection !== 'text' && protection !== 'rodata';
}
