import {
  isKelpError,
  KelpError,
  requireArchitecture,
  type Architecture,
  type KelpError as KelpErrorType,
  type Machine,
} from '@kelp/core';
import { parseObjectFile, type ObjectFile } from '@kelp/core/elf';
import type { ExternalSymbols, LoadedModule as PredictedModule, LoadInput, LoadRefusal } from '@kelp/loader';
import { compareModule, type ComparedModule } from './comparison.ts';
import { loadWithMemory, type Inference } from './inference.ts';
import { addExportsOf, externalSymbols, loadInputOf } from './load-input.ts';
import type { KernelSnapshot, LoadedModule } from './kernel-snapshot.ts';
import { describeMachine, type MachineDescription } from './machine-description.ts';

export interface VerifyOptions {
  readonly architectures: readonly Architecture[];
  /** Bytes of a module's file by the module's name; undefined where there is none. */
  readonly moduleFile: (
    name: string,
  ) => Promise<{ readonly file: string; readonly bytes: Uint8Array } | undefined>;
  readonly machine?: MachineDescription;
  /** Verify these modules only; the others are still loaded before them, for their exports. */
  readonly only?: ReadonlySet<string>;
  /** Finalization steps to leave out. */
  readonly without?: ReadonlySet<string>;
}

/** A module whose memory was compared with the prediction. */
export interface VerifiedModule extends ComparedModule {
  readonly name: string;
  readonly file: string;
  readonly architecture: Architecture;
  /** The kernel would have refused the module: then the addresses or symbols that were given are wrong. */
  readonly refused: LoadRefusal | undefined;
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

/**
 * Predict the memory of every module of a kernel, in load order, and compare it with what is there.
 *
 * What files and machine description do not decide is inferred, with one answer for all modules.
 */
export async function* verifySnapshot(
  snapshot: KernelSnapshot,
  options: VerifyOptions,
): AsyncGenerator<VerifiedModule | UnverifiedModule> {
  const verifier = new Verifier(snapshot, options);
  for (const module of snapshot.modules) {
    const wanted = options.only === undefined || options.only.has(module.name);
    try {
      const verified = await verifier.verify(module, wanted);
      if (verified !== undefined) yield verified;
    } catch (error) {
      if (!isKelpError(error)) throw error;
      if (wanted) yield { name: module.name, error };
    }
  }
}

class Verifier {
  readonly #snapshot: KernelSnapshot;
  readonly #options: VerifyOptions;
  readonly #answers = new Map<string, string>();
  /** Exports of the modules loaded so far. */
  readonly #exports = new Map<string, bigint>();
  readonly #external: ExternalSymbols;
  #machine: Machine | undefined;

  constructor(snapshot: KernelSnapshot, options: VerifyOptions) {
    this.#snapshot = snapshot;
    this.#options = options;
    this.#external = externalSymbols(snapshot, this.#exports);
  }

  async verify(module: LoadedModule, wanted: boolean): Promise<VerifiedModule | undefined> {
    const found = await this.#options.moduleFile(module.name);
    if (found === undefined)
      throw new KelpError('verify/no-file', `no file of module ${module.name} was given`);
    const object = parseObjectFile(found.bytes, found.file);
    const architecture = requireArchitecture(object, this.#options.architectures);
    addExportsOf(this.#exports, object, module);
    if (!wanted) return undefined;
    this.#requireSameBuild(object, module, found.file);
    this.#machine ??= describeMachine(this.#snapshot, object.byteOrder, this.#options.machine);
    const input: LoadInput = {
      ...loadInputOf(this.#snapshot, module, object, architecture, this.#machine, this.#external),
      ...(this.#options.without === undefined ? {} : { without: this.#options.without }),
    };
    const read = (address: bigint, length: number): Uint8Array | undefined =>
      this.#snapshot.memory.read(address, length);
    const { loaded, inferences } = loadWithMemory(input, read, this.#answers);
    const { refused, findings } = loaded;
    return {
      name: module.name,
      file: found.file,
      architecture,
      refused,
      inferences,
      findings,
      loaded,
      ...compareModule(loaded, read),
    };
  }

  /** Another build of the same module would differ everywhere: say so instead. */
  #requireSameBuild(object: ObjectFile, module: LoadedModule, file: string): void {
    const note = object.section('.note.gnu.build-id');
    const place = module.sections.get('.note.gnu.build-id');
    if (note === undefined || place === undefined) return;
    const loaded = this.#snapshot.memory.read(place.address, note.size);
    if (loaded === undefined || loaded.every((byte, index) => byte === note.bytes[index])) return;
    const message = `the file is another build than the loaded module ${module.name}: build IDs differ`;
    throw new KelpError('verify/other-build', message, { file, section: '.note.gnu.build-id' });
  }
}
