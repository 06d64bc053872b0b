import {
  appliesTo,
  finalizationSteps,
  type Architecture,
  type FinalizationStep,
  type Kernel,
  type ModuleImage,
  type PlacedSection,
} from '@kelp/core';
import { LoadedImage, type LoadedModule } from '@kelp/loader';
import type { ComparedSection } from '@kelp/memory';

/** Names of steps that the loader simulates for every architecture, without a patch of the plugin. */
const genericSteps: ReadonlySet<string> = new Set([
  'sort-exception-table',
  'ftrace-call-sites',
  'jump-labels',
  'static-calls',
]);

/** Behind these come the steps that are the same for all architectures. */
const endOfModuleFinalize = 'end of module_finalize';

/** Writes of one step: those from `start` on, up to `end`. */
interface StepRange {
  readonly step: string;
  readonly start: number;
  readonly end: number;
}

/** The steps of a kernel; those without a simulation are known but write nothing. */
export function stepsOf(
  architecture: Architecture,
  kernel: Kernel,
): readonly { readonly step: FinalizationStep; readonly simulated: boolean }[] {
  const order = architecture.finalization.find(({ applies }) => appliesTo(applies, kernel));
  if (order === undefined) return [];
  return finalizationSteps(order).map((step) => ({
    step,
    simulated: step.patch !== undefined || genericSteps.has(step.name),
  }));
}

/** Notes which writes of a load belong to which step, by watching the architecture's patches. */
export class StepWatcher {
  readonly #ranges = new WeakMap<ModuleImage, StepRange[]>();

  /** The same architecture, watched. */
  watch(architecture: Architecture): Architecture {
    const finalization = architecture.finalization.map((order) => ({
      ...order,
      steps: [...order.steps.map((step) => this.#watched(step)), this.#marker()],
    }));
    return { ...architecture, finalization };
  }

  /** For each write of the log the number of its step, counted from 1; 0 for what relocating wrote. */
  ownersOfWrites({ image }: LoadedModule, steps: readonly FinalizationStep[]): Uint8Array {
    const numbers = new Map(steps.map(({ name }, index) => [name, index + 1]));
    const ranges = this.#ranges.get(image) ?? [];
    const end = ranges.find(({ step }) => step === endOfModuleFinalize)?.end ?? image.log.count;
    const owners = new Uint8Array(image.log.count);
    for (const { step, start, end: last } of ranges) owners.fill(numbers.get(step) ?? 0, start, last);
    const tables = image.sections.filter(({ name }) => steps.some(({ sections }) => sections.includes(name)));
    let index = 0;
    for (const { area, offset, cause } of image.log.writes()) {
      const at = index++;
      const address = (image.areas[area]?.address ?? 0n) + BigInt(offset);
      if (at >= end) owners[at] = numbers.get(genericStep(tables, address, cause, steps)) ?? 0;
      else if (owners[at] === 0 && cause === 'sorted-table')
        owners[at] = numbers.get('sort-exception-table') ?? 0;
    }
    return owners;
  }

  #watched(step: FinalizationStep): FinalizationStep {
    const { patch } = step;
    if (patch === undefined) return step;
    return {
      ...step,
      patch: (image, section) => {
        const start = writeCount(image);
        const refusal = patch(image, section);
        this.#note(image, { step: step.name, start, end: writeCount(image) });
        return refusal;
      },
    };
  }

  #marker(): FinalizationStep {
    return {
      name: endOfModuleFinalize,
      phase: 'post_relocation',
      sections: [],
      function: 'module_finalize',
      patch: (image) => {
        const count = writeCount(image);
        this.#note(image, { step: endOfModuleFinalize, start: count, end: count });
        return undefined;
      },
    };
  }

  #note(image: ModuleImage, range: StepRange): void {
    const known = this.#ranges.get(image);
    if (known === undefined) this.#ranges.set(image, [range]);
    else known.push(range);
  }
}

/** Behind module_finalize(): the step whose table is written, else the one whose code sites are. */
function genericStep(
  tables: readonly PlacedSection[],
  address: bigint,
  cause: string,
  steps: readonly FinalizationStep[],
): string {
  if (cause === 'jump-label') return 'jump-labels';
  if (cause === 'static-call') return 'static-calls';
  if (cause !== 'sorted-table') return 'ftrace-call-sites';
  const table = tables.find(
    (section) => address >= section.address && address < section.address + BigInt(section.size),
  );
  const owner = steps.find(
    ({ name, sections }) => genericSteps.has(name) && sections.includes(table?.name ?? ''),
  );
  return owner?.name ?? 'ftrace-call-sites';
}

function writeCount(image: ModuleImage): number {
  if (image instanceof LoadedImage) return image.log.count;
  throw new TypeError('a step is given another image than the loader makes');
}

/** Bytes of one section that is compared with memory, by the step that wrote them last. */
export interface OwnedSection {
  /** For each byte the number of its last step plus 1; 0 for bytes that no step wrote, 1 is relocating. */
  readonly steps: Uint8Array;
  /** 1 where another byte would stand without that step's writes, with everything else the same. */
  readonly matters: Uint8Array;
}

/**
 * What wrote each compared byte last. Takes the log back to its start, so that it can be asked once for each load.
 *
 * @param owners - the number of the step of each write, 0 for relocating.
 */
export function ownedSections(
  { image }: LoadedModule,
  sections: readonly ComparedSection[],
  owners: Uint8Array,
): readonly OwnedSection[] {
  const histories = image.areas.map(({ bytes }) => new History(bytes));
  image.log.rewind(0, (area, offset, old) => {
    histories[area]?.goBack(offset, old, (owners[image.log.count] ?? 0) + 1);
  });
  return sections.map(({ address, bytes }) => {
    const area = image.areas.findIndex(
      (one) => address >= one.address && address + BigInt(bytes) <= one.address + BigInt(one.bytes.length),
    );
    const start = Number(address - (image.areas[area]?.address ?? 0n));
    return (histories[area] ?? new History(new Uint8Array())).section(start, bytes);
  });
}

/** Follows the writes of one area backwards. */
class History {
  readonly #final: Uint8Array;
  /** What stood there before the last step's first write in an unbroken row. */
  readonly #beneath: Uint8Array;
  readonly #steps: Uint8Array;
  /** 1 where an earlier write is another step's. */
  readonly #closed: Uint8Array;

  constructor(final: Uint8Array) {
    this.#final = final;
    this.#beneath = final.slice();
    this.#steps = new Uint8Array(final.length);
    this.#closed = new Uint8Array(final.length);
  }

  goBack(offset: number, old: Uint8Array, step: number): void {
    for (let index = 0; index < old.length; index++) {
      const at = offset + index;
      if (this.#steps[at] === 0) this.#steps[at] = step;
      else if (this.#steps[at] !== step) this.#closed[at] = 1;
      if (this.#closed[at] === 0) this.#beneath[at] = old[index] ?? 0;
    }
  }

  section(start: number, size: number): OwnedSection {
    const matters = Uint8Array.from({ length: size }, (_, offset) =>
      this.#beneath[start + offset] === this.#final[start + offset] ? 0 : 1,
    );
    return { steps: this.#steps.slice(start, start + size), matters };
  }
}
