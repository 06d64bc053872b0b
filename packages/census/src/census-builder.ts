import { KelpError } from '@kelp/core';
import { Accumulator, compareFailures } from './accumulator.ts';
import {
  censusSchema,
  type ArchitectureCounts,
  type Census,
  type FailedFile,
  type KernelCounts,
} from './census.ts';
import { compareText } from './compare-text.ts';
import { FunctionAccumulator } from './function-accumulator.ts';
import type { ModuleInventory } from './inventory.ts';
import { ShapeAccumulator } from './shape-accumulator.ts';

/** What is summed for each kernel. */
interface KernelSums {
  readonly counts: Accumulator;
  readonly functions: FunctionAccumulator;
  readonly shapes: ShapeAccumulator;
}

/** Adds up files and other censuses. The result does not depend on the order in which they are added. */
export class CensusBuilder {
  readonly #kernels = new Map<string, Map<string, KernelSums>>();
  /** Failures whose architecture is known, but not their kernel. */
  readonly #failed = new Map<string, FailedFile[]>();
  readonly #unattributed: FailedFile[] = [];

  addInventory(inventory: ModuleInventory): void {
    const sums = this.#kernel(inventory.architecture.id, inventory.release);
    sums.counts.addInventory(inventory);
    if (inventory.functions !== undefined) sums.functions.addInventory(inventory.functions);
    for (const shape of inventory.shapes ?? []) sums.shapes.add(shape);
  }

  /** @param architecture - ID, where the file's header told it. */
  addFailure(file: string, error: KelpError, architecture?: string): void {
    const failure: FailedFile = { file, code: error.code, message: error.message };
    if (architecture === undefined) this.#unattributed.push(failure);
    else this.#failuresOf(architecture).push(failure);
  }

  /**
   * Add another census.
   *
   * @throws KelpError `census/schema` if it is of another version.
   */
  addCensus(census: Census): void {
    const { schema }: { readonly schema: number } = census;
    if (schema !== censusSchema) {
      throw new KelpError('census/schema', `census schema is ${schema}, expected ${censusSchema}`);
    }
    for (const failure of census.failed) this.#unattributed.push(failure);
    for (const [id, counts] of Object.entries(census.architectures)) {
      for (const kernel of counts.kernels) {
        const sums = this.#kernel(id, kernel.release);
        sums.counts.addCounts(kernel);
        sums.functions.addCounts(kernel.functions);
        for (const shape of kernel.shapes) sums.shapes.addCounts(shape);
      }
      const failures = this.#failuresOf(id);
      for (const failure of counts.failed) failures.push(failure);
    }
  }

  census(): Census {
    const ids = [...new Set([...this.#kernels.keys(), ...this.#failed.keys()])].toSorted(compareText);
    const architectures = ids.map((id) => [id, this.#architecture(id)] as const);
    return {
      schema: censusSchema,
      architectures: Object.fromEntries(architectures),
      failed: this.#unattributed.toSorted(compareFailures),
    };
  }

  #architecture(id: string): ArchitectureCounts {
    const kernels = [...(this.#kernels.get(id) ?? [])]
      .map(([release, sums]): KernelCounts => ({
        release,
        ...sums.counts.counts(),
        functions: sums.functions.counts(),
        shapes: sums.shapes.counts(),
      }))
      .toSorted((a, b) => compareReleases(a.release, b.release));
    const total = new Accumulator();
    // Failures of kernels stand in the list of the architecture already.
    for (const kernel of kernels) total.addCounts({ ...kernel, failed: [] });
    for (const failure of this.#failed.get(id) ?? []) total.addFailure(failure);
    return { ...total.counts(), kernels };
  }

  #kernel(id: string, release: string): KernelSums {
    let releases = this.#kernels.get(id);
    if (releases === undefined) this.#kernels.set(id, (releases = new Map()));
    let sums = releases.get(release);
    if (sums === undefined) {
      sums = {
        counts: new Accumulator(),
        functions: new FunctionAccumulator(),
        shapes: new ShapeAccumulator(),
      };
      releases.set(release, sums);
    }
    return sums;
  }

  #failuresOf(id: string): FailedFile[] {
    let failures = this.#failed.get(id);
    if (failures === undefined) this.#failed.set(id, (failures = []));
    return failures;
  }
}

/** Older kernels first: numbers in release strings compare as numbers. */
export function compareReleases(a: string, b: string): number {
  const [left, right] = [numbersOf(a), numbersOf(b)];
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    // Not a difference: numbers of hundreds of digits are both infinite.
    const [one, other] = [left[index] ?? 0, right[index] ?? 0];
    if (one !== other) return one < other ? -1 : 1;
  }
  return compareText(a, b);
}

function numbersOf(release: string): readonly number[] {
  return (release.match(/\d+/gu) ?? []).map(Number);
}
