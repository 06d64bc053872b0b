import type { Question } from '@kelp/core';
import type { MachineDescription, VerifiedModule } from '@kelp/memory';
import type { Run } from './runs.ts';
import { loadUnaided, QuestionIndex, type UnaidedModule } from './unaided-load.ts';

/** What a load without memory got right and wrong in executable sections, in bytes. */
export interface UnaidedResult {
  readonly run: string;
  bytes: number;
  wrong: number;
  /** Wrong bytes by cause. */
  readonly causes: Map<string, number>;
  /** Wrong bytes by what would have had to be known: a feature, a key, a number. */
  readonly unknowns: Map<string, number>;
}

/** Loads a run without memory, with what is known of the machine, and compares. */
export async function compareUnaided(
  run: Run,
  verified: ReadonlyMap<string, VerifiedModule>,
  given: MachineDescription = {},
): Promise<UnaidedResult> {
  const result: UnaidedResult = { run: run.name, bytes: 0, wrong: 0, causes: new Map(), unknowns: new Map() };
  for await (const module of loadUnaided(run, given)) {
    const aided = verified.get(module.name);
    if (aided === undefined) throw new Error(`${run.name}, module ${module.name} was not verified`);
    countModule(run, module, aided, result);
  }
  return result;
}

function countModule(
  run: Run,
  { loaded, sections }: UnaidedModule,
  verified: VerifiedModule,
  result: UnaidedResult,
): void {
  const questions = new QuestionIndex(loaded.open);
  const causes = new CauseIndex(verified);
  for (const section of sections) {
    if (!section.executable) continue;
    result.bytes += section.bytes;
    for (const { offset, length } of section.unexplained) {
      result.wrong += length;
      for (let at = offset; at < offset + length; at++) {
        const address = section.address + BigInt(at);
        const written = causes.at(address);
        const question = questions.at(address, written);
        // Where memory is as in the file, the load without memory wrote what it should not have.
        add(result.causes, written ?? question?.kind ?? 'relocation', 1);
        add(result.unknowns, question === undefined ? 'nothing was asked' : unknownOf(run, question), 1);
      }
    }
  }
}

/** What would have had to be known. Keys are asked by their address, trampolines by that of the module. */
function unknownOf({ capture }: Run, { kind, id }: Question): string {
  if (kind === 'kernel-chosen') return id.replace(/ 0x[0-9a-f]+$/u, '');
  const symbol = id.startsWith('0x') ? capture.symbols.at(BigInt(id))?.symbol.name : undefined;
  return `${kind} ${symbol ?? id}`;
}

/** What wrote each byte of a verified module last. */
class CauseIndex {
  readonly #areas: readonly {
    readonly address: bigint;
    readonly causes: Uint16Array;
  }[];
  readonly #names: readonly string[];

  constructor({ loaded: { image } }: VerifiedModule) {
    this.#names = image.log.causes;
    this.#areas = image.areas.map(({ address, bytes }, index) => ({
      address,
      causes: image.log.provenance(index, bytes.length),
    }));
  }

  at(address: bigint): string | undefined {
    for (const { address: start, causes } of this.#areas) {
      const number = address < start ? 0 : (causes[Number(address - start)] ?? 0);
      if (number > 0) return this.#names[number - 1];
    }
    return undefined;
  }
}

/** The features that memory tells, as a description of the machine would have them. */
export function describedMachine(verified: ReadonlyMap<string, VerifiedModule>): MachineDescription {
  const features = new Map<string, boolean>();
  for (const { inferences } of verified.values()) {
    for (const { kind, id, answer } of inferences) if (kind === 'feature') features.set(id, answer === 'on');
  }
  return { features };
}

function add(counts: Map<string, number>, name: string, count: number): void {
  counts.set(name, (counts.get(name) ?? 0) + count);
}
