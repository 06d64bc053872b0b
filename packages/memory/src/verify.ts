import {
  finalizationSteps,
  isKelpError,
  KelpError,
  requireArchitecture,
  type Architecture,
  type KelpError as KelpErrorType,
} from '@kelp/core';
import { findModinfoValue, parseObjectFile, type ObjectFile } from '@kelp/core/elf';
import {
  questionKey,
  type ExternalSymbols,
  type LivepatchSymbols,
  type LoadedModule as PredictedModule,
  type LoadInput,
  type LoadRefusal,
} from '@kelp/loader';
import { compareModule, type ComparedModule } from './comparison.ts';
import type { Inference } from './inference.ts';
import { KernelInference, type Prediction } from './kernel-inference.ts';
import { lateModules, type LateTargets } from './late-objects.ts';
import { addExportsOf, externalSymbols, livepatchSymbols, loadInputOf } from './load-input.ts';
import type { KernelSnapshot, LoadedModule } from './kernel-snapshot.ts';
import { describeMachine, type DescribedMachine, type MachineDescription } from './machine-description.ts';
import { targetLayout, type TargetLayout } from './target-layout.ts';

export interface VerifyOptions {
  readonly architectures: readonly Architecture[];
  /** Bytes of a module's file by the module's name; undefined where there is none. */
  readonly moduleFile: (
    name: string,
  ) => Promise<{ readonly file: string; readonly bytes: Uint8Array } | undefined>;
  readonly machine?: MachineDescription;
  /** Verify these modules only; the others are still loaded before them, for their exports. */
  readonly only?: ReadonlySet<string>;
  /** Names of finalization steps to leave out. */
  readonly without?: ReadonlySet<string>;
  /** Is told of each module that was loaded or could not be: most of the work, done before the first result comes. */
  readonly onLoaded?: (name: string) => void;
}

/** A module whose memory was compared with the prediction. */
export interface VerifiedModule extends ComparedModule {
  readonly name: string;
  readonly file: string;
  readonly architecture: Architecture;
  /** The kernel would have refused the module: then the addresses or symbols that were given are wrong. */
  readonly refused: LoadRefusal | undefined;
  /** What memory told, as far as no module before asked it. */
  readonly inferences: readonly Inference[];
  readonly findings: readonly { readonly code: string; readonly message: string }[];
  /** The module as it was predicted. */
  readonly loaded: PredictedModule;
}

/** A module that could not be verified. */
export interface UnverifiedModule {
  readonly name: string;
  readonly error: KelpErrorType;
}

/** Whether every byte of a module that should be as predicted was there to compare, and is. */
export function isExplained(result: UnverifiedModule | VerifiedModule): boolean {
  if ('error' in result || result.refused !== undefined) return false;
  const absent = result.skipped.some(({ reason }) => reason === 'not in the memory that was given');
  return !absent && result.sections.every(({ unexplained }) => unexplained.length === 0);
}

/**
 * Predict the memory of every module of a kernel, and compare it with what is there. Results come in load order.
 *
 * What files and machine description do not decide is inferred, with one answer for all modules: so all of them are
 * loaded before the first is compared. A file of another build is told by its build ID; where that is not known, by the
 * srcversion.
 *
 * @throws KelpError `verify/unknown-step` for a name in `without`. What goes wrong with one module is its result:
 *   `verify/no-file`, `verify/other-build`, `verify/no-address`, and what reading file, symbols and memory throws.
 */
export async function* verifySnapshot(
  snapshot: KernelSnapshot,
  options: VerifyOptions,
): AsyncGenerator<VerifiedModule | UnverifiedModule> {
  requireKnownSteps(options);
  const verifier = new Verifier(snapshot, options);
  const results: (() => UnverifiedModule | VerifiedModule)[] = [];
  for (const module of snapshot.modules) {
    const wanted = options.only === undefined || options.only.has(module.name);
    try {
      const predicted = await verifier.predict(module, wanted);
      if (predicted !== undefined) results.push(() => verifier.compare(predicted));
    } catch (error) {
      if (!isKelpError(error)) throw error;
      if (wanted) results.push(() => ({ name: module.name, error }));
    }
    if (wanted) options.onLoaded?.(module.name);
  }
  verifier.settle();
  for (const result of results) yield result();
}

/** A misspelled step would explain everything, and look like one that explains nothing. */
function requireKnownSteps({ architectures, without }: VerifyOptions): void {
  const orders = architectures.flatMap(({ finalization }) => finalization);
  const known = new Set(orders.flatMap(finalizationSteps).map(({ name }) => name));
  const unknown = [...(without ?? [])].find((name) => !known.has(name));
  if (unknown === undefined) return;
  const names = [...known].toSorted().join(', ');
  throw new KelpError(
    'verify/unknown-step',
    `no finalization step is named ${JSON.stringify(unknown)}; there are ${names}`,
  );
}

/** A module with its prediction. */
interface PredictedFile {
  readonly module: LoadedModule;
  readonly file: string;
  readonly architecture: Architecture;
  readonly prediction: Prediction;
}

class Verifier {
  readonly #snapshot: KernelSnapshot;
  readonly #options: VerifyOptions;
  readonly #inference: KernelInference;
  /** Exports of the modules loaded so far. */
  readonly #exports = new Map<string, bigint>();
  readonly #external: ExternalSymbols;
  readonly #livepatchSymbols: LivepatchSymbols;
  #described: DescribedMachine | undefined;

  constructor(snapshot: KernelSnapshot, options: VerifyOptions) {
    this.#snapshot = snapshot;
    this.#options = options;
    this.#inference = new KernelInference(this.#read);
    this.#external = externalSymbols(snapshot, this.#exports);
    this.#livepatchSymbols = livepatchSymbols(snapshot);
  }

  readonly #read = (address: bigint, length: number): Uint8Array | undefined =>
    this.#snapshot.memory.read(address, length);

  async predict(module: LoadedModule, wanted: boolean): Promise<PredictedFile | undefined> {
    const found = await this.#options.moduleFile(module.name);
    if (found === undefined)
      throw new KelpError('verify/no-file', `no file of module ${module.name} was given`);
    const object = parseObjectFile(found.bytes, found.file);
    const architecture = requireArchitecture(object, this.#options.architectures);
    addExportsOf(this.#exports, object, module);
    if (!wanted) return undefined;
    this.#requireSameBuild(object, module, found.file);
    const described = (this.#described ??= describeMachine(
      this.#snapshot,
      architecture,
      this.#options.machine,
    ));
    const input: LoadInput = {
      ...loadInputOf({
        module,
        object,
        architecture,
        described,
        external: this.#external,
        livepatchSymbols: this.#livepatchSymbols,
      }),
      ...(this.#options.without === undefined ? {} : { without: this.#options.without }),
    };
    const prediction = this.#inference.predict(input, await this.#targets(module.name, input));
    requireAddresses(prediction.load.loaded, module);
    return { module, file: found.file, architecture, prediction };
  }

  /** What a livepatch module is applied to late; undefined for other modules. */
  async #targets(livepatch: string, input: LoadInput): Promise<LateTargets | undefined> {
    const names = lateModules(input.object);
    if (names.length === 0) return undefined;
    const layouts = new Map<string, TargetLayout>();
    for (const name of names) {
      const found = await this.#options.moduleFile(name);
      if (found === undefined) continue;
      const object = parseObjectFile(found.bytes, found.file);
      layouts.set(name, targetLayout(object, input.architecture, input.kernel, input.machine));
    }
    const present = this.#snapshot.modules.map(({ name }) => name);
    return { livepatch, present, symbols: this.#livepatchSymbols, layouts };
  }

  /** Let the modules agree on what was inferred. */
  settle(): void {
    this.#inference.settle();
  }

  compare({ module, file, architecture, prediction }: PredictedFile): VerifiedModule | UnverifiedModule {
    const { loaded } = prediction.load;
    const { refused } = loaded;
    const inferences = this.#inference.takeInferences(prediction);
    const findings = [...loaded.findings, ...contradictions(inferences, this.#described)];
    const { name } = module;
    try {
      const compared = compareModule(loaded, this.#read);
      return { name, file, architecture, refused, inferences, findings, loaded, ...compared };
    } catch (error) {
      if (!isKelpError(error)) throw error;
      return { name, error };
    }
  }

  /** Another build of the same module would differ everywhere: say so instead. */
  #requireSameBuild(object: ObjectFile, module: LoadedModule, file: string): void {
    const note = object.section('.note.gnu.build-id');
    const place = module.sections.get('.note.gnu.build-id');
    const loaded =
      note === undefined || place === undefined
        ? undefined
        : this.#snapshot.memory.read(place.address, note.size);
    if (loaded === undefined) {
      requireSameSources(object, module, file);
      return;
    }
    if (loaded.every((byte, index) => byte === note?.bytes[index])) return;
    const message = `the file is another build than the loaded module ${module.name}: build IDs differ`;
    throw new KelpError('verify/other-build', message, { file, section: '.note.gnu.build-id' });
  }
}

/** Two builds of the same sources may still differ, by compiler and configuration: this tells less than a build ID. */
function requireSameSources(object: ObjectFile, { name, srcversion }: LoadedModule, file: string): void {
  const own = findModinfoValue(object.section('.modinfo')?.bytes ?? new Uint8Array(), 'srcversion');
  if (own === undefined || srcversion === undefined || own === srcversion) return;
  const message = `the file is another build than the loaded module ${name}: its srcversion is ${own}, that of the module ${srcversion}`;
  throw new KelpError('verify/other-build', message, { file, section: '.modinfo' });
}

/** A section without an address can neither be compared nor relocated against. The kernel shows 0 for one it hides. */
function requireAddresses({ image }: PredictedModule, { name }: LoadedModule): void {
  const missing = image.areas.filter(({ area, address }) => area.size > 0 && address <= 0n);
  const sections = missing.flatMap(({ area }) =>
    area.placements.filter(({ size }) => size > 0).map(({ section }) => section.name),
  );
  if (sections.length === 0) return;
  const message = `module ${name}: no address is known of ${sections.join(', ')}; only root sees those in /sys/module`;
  throw new KelpError('verify/no-address', message, { file: image.object.file });
}

/** What the machine says about itself, and memory does not bear out. */
function contradictions(
  inferences: readonly Inference[],
  described: DescribedMachine | undefined,
): VerifiedModule['findings'] {
  if (described === undefined) return [];
  const { certain, facts } = described.answers;
  return inferences.flatMap(({ kind, id, answer, agreeing }) => {
    const key = questionKey({ kind, id });
    const fact = facts.get(key);
    if (fact === undefined || (certain.get(key) ?? answer) === answer) return [];
    const message = `${kind} ${fact.id} is ${fact.answer} by ${fact.source}, and ${answer} at ${agreeing} places in memory`;
    return [{ code: 'verify/machine-differs', message }];
  });
}
