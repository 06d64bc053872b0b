import { requireArchitecture, type Architecture } from '@kelp/core';
import { findModinfoValue, parseObjectFile, type ObjectFile } from '@kelp/core/elf';
import {
  LateRelocations,
  loadModule,
  type LateOutcome,
  type LivepatchSymbols,
  type LoadedModule,
} from '@kelp/loader';
import {
  addExportsOf,
  describeMachine,
  externalSymbols,
  livepatchSymbols,
  unaidedInputOf,
  type CaptureFolder,
} from '@kelp/memory';

/** Something that happens in the life of a livepatch module with one target. */
export type LifeEvent = 'load patch' | 'load target' | 'unload target' | 'disable patch' | 'unload patch';

/** What came of an event: a word for the kernel's answer, and for a refused target why. */
export interface EventOutcome {
  readonly event: LifeEvent;
  readonly answer: 'done' | 'not there' | 'ENOEXEC' | 'EINVAL' | 'ENOENT' | 'fault' | 'other';
  readonly refusal: Refusal | undefined;
}

/** The relocation that an application stopped at. */
export interface Refusal {
  readonly section: string;
  readonly offset: number;
  /** ELF64_R_TYPE. */
  readonly type: number;
  /** Symbol and addend, which is what the message of the kernel shows. */
  readonly value: bigint;
}

/** A livepatch module from being loaded on, as its kernel treats it. Nothing is read from memory of modules. */
export class LivepatchLife {
  readonly loaded: LoadedModule;
  readonly target: string;
  readonly #late: LateRelocations;
  #enabled = true;
  #present = false;

  /** @param capture - the kernel when the patch has been loaded: symbols, addresses, machine. */
  constructor(
    capture: CaptureFolder,
    patch: string,
    bytes: Uint8Array,
    architectures: readonly Architecture[],
  ) {
    const object = parseObjectFile(bytes, `${patch}.ko`);
    const module = capture.modules.find(({ name }) => name === patch);
    if (module === undefined) throw new Error(`${capture.folder}: ${patch} is not loaded`);
    const exported = new Map<string, bigint>();
    addExportsOf(exported, object, module);
    const architecture = requireArchitecture(object, architectures);
    const input = unaidedInputOf({
      module,
      object,
      architecture,
      described: describeMachine(capture, architecture),
      external: externalSymbols(capture, exported),
      livepatchSymbols: livepatchSymbols(capture),
    });
    this.loaded = loadModule(input);
    this.#late = new LateRelocations(this.loaded);
    const [target, ...others] = this.#late.objects;
    if (target === undefined || others.length > 0) throw new Error(`${patch} has not one target`);
    this.target = target;
  }

  /** @param symbols - of the target, where it is loaded or tried to be. */
  play(event: Exclude<LifeEvent, 'load patch'>, symbols: LivepatchSymbols): EventOutcome {
    const done: EventOutcome = { event, answer: 'done', refusal: undefined };
    switch (event) {
      case 'load target':
        return this.#loadTarget(symbols);
      case 'unload target': {
        if (!this.#present) return { ...done, answer: 'not there' };
        this.#present = false;
        // klp_module_going() looks at enabled patches only.
        if (this.#enabled) this.#late.clear(this.target);
        return done;
      }
      case 'disable patch':
        this.#enabled = false;
        break;
      case 'unload patch':
        break;
    }
    return done;
  }

  /** klp_module_coming(). */
  #loadTarget(symbols: LivepatchSymbols): EventOutcome {
    const event = 'load target';
    const outcome: LateOutcome = this.#enabled
      ? this.#late.apply(this.target, symbols, true)
      : { status: 'applied', lost: [] };
    if (outcome.status === 'applied') {
      this.#present = true;
      return { event, answer: 'done', refusal: undefined };
    }
    if (outcome.status === 'fault') return { event, answer: 'fault', refusal: undefined };
    const { errno, section = '', offset = 0 } = outcome;
    const answer = errno === 'ENOEXEC' || errno === 'EINVAL' || errno === 'ENOENT' ? errno : 'other';
    return { event, answer, refusal: this.#refusal(section, offset, symbols) };
  }

  #refusal(section: string, offset: number, symbols: LivepatchSymbols): Refusal {
    const { object } = this.loaded.image;
    for (const one of object.sections) {
      if (!one.isLivepatchRelocation || object.sections[one.info]?.name !== section) continue;
      const records = object.relocations(one);
      for (let index = 0; index < (records?.count ?? 0); index++) {
        if (records?.offset(index) !== offset) continue;
        const title = object.symbols()?.name(records.symbol(index)) ?? '';
        const name = /^\.klp\.sym\.[^.]+\.(?<name>.+),\d+$/u.exec(title)?.groups?.['name'] ?? '';
        const [symbol = 0n] = symbols(this.target, name);
        return { section, offset, type: records.type(index), value: symbol + records.addend(index) };
      }
    }
    throw new Error(`no relocation at ${section}+${offset}`);
  }
}

/** Whether a module is a livepatch. */
export function isLivepatch(object: ObjectFile): boolean {
  return findModinfoValue(object.section('.modinfo')?.bytes ?? new Uint8Array(), 'livepatch') === 'Y';
}
