import {
  isKelpError,
  KelpError,
  parseKernel,
  requireArchitecture,
  type Architecture,
  type KelpError as KelpErrorType,
  type Machine,
} from '@kelp/core';
import { parseObjectFile, type ObjectFile } from '@kelp/core/elf';
import type { ExternalSymbols, LoadInput, LoadRefusal } from '@kelp/loader';
import { compareModule, type ComparedModule } from './comparison.ts';
import { loadWithMemory, type Inference } from './inference.ts';
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
    this.#external = {
      address: (name) => this.#exports.get(name) ?? kernelSymbol(snapshot, name),
      functionAt: (address) => functionAt(snapshot, address),
    };
  }

  async verify(module: LoadedModule, wanted: boolean): Promise<VerifiedModule | undefined> {
    const found = await this.#options.moduleFile(module.name);
    if (found === undefined)
      throw new KelpError('verify/no-file', `no file of module ${module.name} was given`);
    const object = parseObjectFile(found.bytes, found.file);
    const architecture = requireArchitecture(object, this.#options.architectures);
    this.#addExports(object, module);
    if (!wanted) return undefined;
    this.#requireSameBuild(object, module, found.file);
    this.#machine ??= describeMachine(this.#snapshot, object.byteOrder, this.#options.machine);
    const input: LoadInput = {
      object,
      architecture,
      kernel: parseKernel(this.#snapshot.release),
      machine: this.#machine,
      addresses: {
        // The base in /proc/modules is the core layout's up to 6.3, later that of the text.
        areas: new Map([
          ['core', module.base],
          ['text', module.base],
        ]),
        sections: new Map([...module.sections].map(([name, { address }]) => [name, address])),
      },
      external: this.#external,
      ...(module.perCpu === undefined ? {} : { perCpuAddress: module.perCpu.address }),
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
      ...compareModule(loaded, read),
    };
  }

  /** What __ksymtab lists, at the addresses of the symbols. */
  #addExports(object: ObjectFile, module: LoadedModule): void {
    const symbols = object.symbols();
    if (symbols === undefined) return;
    const exported = new Set<string>();
    for (let index = 1; index < symbols.count; index++) {
      const name = symbols.name(index);
      if (name.startsWith('__ksymtab_')) exported.add(name.slice('__ksymtab_'.length));
    }
    for (let index = 1; index < symbols.count; index++) {
      const section = object.sections[symbols.sectionIndex(index) ?? 0];
      const address = section === undefined ? undefined : module.sections.get(section.name)?.address;
      if (address === undefined || symbols.binding(index) === 0) continue;
      const name = symbols.name(index);
      if (exported.has(name)) this.#exports.set(name, address + symbols.value(index));
    }
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

/** Exported symbols first: kallsyms may list a local symbol of the same name. */
function kernelSymbol(snapshot: KernelSnapshot, name: string): bigint | undefined {
  const symbols = snapshot.symbols.namedIn(name, undefined);
  const exported =
    symbols.find(({ type }) => type === '?') ?? symbols.find(({ type }) => type === type.toUpperCase());
  return (exported ?? symbols[0])?.address;
}

function functionAt(snapshot: KernelSnapshot, address: bigint): string | undefined {
  const found = snapshot.symbols.at(address);
  return found?.offset === 0n ? found.symbol.name : undefined;
}
