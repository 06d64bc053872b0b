import { requireArchitecture, type Question } from '@kelp/core';
import { parseObjectFile } from '@kelp/core/elf';
import type { LoadedModule } from '@kelp/loader';
import {
  addExportsOf,
  compareModule,
  describeMachine,
  externalSymbols,
  livepatchSymbols,
  loadWithMemory,
  type ComparedSection,
  unaidedInputOf,
  type DescribedMachine,
  type LateTargets,
  type MachineDescription,
} from '@kelp/memory';
import { architectures, moduleFileOf, type Run } from './runs.ts';

/** A module that was loaded without a look at memory, and then compared with it. */
export interface UnaidedModule {
  readonly name: string;
  readonly loaded: LoadedModule;
  readonly sections: readonly ComparedSection[];
}

/**
 * Loads all modules of a run with the captured symbols and addresses, and what the capture says about the machine, but
 * without any memory of modules: whatever that leaves open gets its first candidate.
 */
export async function* loadUnaided(run: Run, given: MachineDescription = {}): AsyncGenerator<UnaidedModule> {
  const { capture } = run;
  const exported = new Map<string, bigint>();
  const moduleFile = moduleFileOf(run);
  const present = capture.modules.map(({ name }) => name);
  let described: DescribedMachine | undefined;
  for (const module of capture.modules) {
    const found = await moduleFile(module.name);
    if (found === undefined) throw new Error(`${run.name} has no file of module ${module.name}`);
    const object = parseObjectFile(found.bytes, found.file);
    addExportsOf(exported, object, module);
    const architecture = requireArchitecture(object, architectures);
    described ??= describeMachine(capture, architecture, given);
    const external = externalSymbols(capture, exported);
    const symbols = livepatchSymbols(capture);
    const input = unaidedInputOf({
      module,
      object,
      architecture,
      described,
      external,
      livepatchSymbols: symbols,
    });
    // A livepatch is applied to the targets that are there.
    const targets: LateTargets | undefined = object.sections.some((section) => section.isLivepatchRelocation)
      ? { livepatch: module.name, present, symbols, layouts: new Map() }
      : undefined;
    const { loaded } = loadWithMemory(input, () => undefined, new Map(), targets);
    if (loaded.refused !== undefined)
      throw new Error(`${run.name}, module ${module.name} is refused: ${loaded.refused.reason}`);
    const { sections } = compareModule(loaded, (address, length) => capture.memory.read(address, length));
    yield { name: module.name, loaded, sections };
  }
}

/** Open questions by the addresses whose bytes they decide. */
export class QuestionIndex {
  readonly #byAddress = new Map<bigint, Question[]>();

  constructor(questions: readonly Question[]) {
    for (const question of questions) {
      const length = Math.max(1, ...question.candidates.map(({ bytes }) => bytes.length));
      for (let at = 0; at < length; at++) this.#add(question.address + BigInt(at), question);
    }
  }

  /** The question that decides a byte: of several the one of the kind that wrote the byte. */
  at(address: bigint, cause: string | undefined): Question | undefined {
    const asked = this.#byAddress.get(address);
    return asked?.find(({ kind }) => kind === cause) ?? asked?.at(-1);
  }

  #add(address: bigint, question: Question): void {
    const known = this.#byAddress.get(address);
    if (known === undefined) this.#byAddress.set(address, [question]);
    else known.push(question);
  }
}
