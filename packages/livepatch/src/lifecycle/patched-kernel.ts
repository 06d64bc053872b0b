import { vmlinuxObject, type LinkageSlot } from '@kelp/core';
import { SHN_UNDEF, type ObjectFile } from '@kelp/core/elf';
import {
  changesSince,
  hasLivepatch,
  LateRelocations,
  loadModule,
  selectLivepatchSymbol,
  type ChangedBytes,
  type Cleared,
  type LoadedModule,
  type LoadInput,
  type Misdirected,
  type RelocationPlace,
} from '@kelp/loader';
import type { Livepatch } from '../livepatch.ts';
import type { LivepatchObject } from '../livepatch-object.ts';
import {
  loadMoments,
  merged,
  nothingUndone,
  refused,
  skipped,
  undoIn,
  type Instance,
  type Played,
  type Undone,
} from './instance.ts';
import type { Strategy } from './strategies.ts';
import type { Surroundings } from './surroundings.ts';
import type { ModuleSymbols } from './target-module.ts';
import {
  done,
  lateVerdict,
  noEffects,
  refusedModuleMessages,
  relocationRefusal,
  type StepEffects,
  type StepRefusal,
  type StepVerdict,
} from './verdict.ts';

/** A livepatch, and what it says of itself. */
export interface PatchModule {
  /** Untrusted. */
  readonly name: string;
  readonly object: ObjectFile;
  readonly livepatch: Livepatch;
}

/** Addresses of the areas for each time that the livepatch, or a part of it, is loaded. */
export type PlacePatch = () => LoadInput['addresses'];

interface Loaded {
  readonly symbols: ModuleSymbols;
  live: boolean;
}

/**
 * kernel/livepatch/core.c for one livepatch: when it is enabled, when its relocations are resolved, written and undone.
 * Of transitions, callbacks and sysfs nothing is here: they write no relocation.
 */
export class PatchedKernel {
  readonly #around: Surroundings;
  readonly #strategy: Strategy;
  readonly #patch: PatchModule;
  readonly #place: PlacePatch;
  readonly #modules = new Map<string, Loaded>();
  #instances: Instance[] = [];
  #enabled = false;

  constructor(around: Surroundings, strategy: Strategy, patch: PatchModule, place: PlacePatch) {
    this.#around = around;
    this.#strategy = strategy;
    this.#patch = patch;
    this.#place = place;
  }

  /** Modules of the livepatch that are loaded: one, none, or one more for each object. */
  get loaded(): readonly LoadedModule[] {
    return this.#instances.map(({ loaded }) => loaded);
  }

  isThere(module: string): boolean {
    return this.#modules.has(module);
  }

  /** Insert the livepatch; its init function enables it. */
  loadPatch(): Played {
    this.#begin();
    if (this.#instances.length > 0)
      return refused('EEXIST', 'module_patient_check_exists', 'it is loaded already');
    const played = this.#insert();
    if (played.verdict.status === 'refused') this.#instances = [];
    return played;
  }

  #insert(): Played {
    const { livepatch, name } = this.#patch;
    const { architecture, kernel } = this.#around;
    if (livepatch.flag !== undefined && !hasLivepatch(architecture, kernel)) {
      const message = `${name}: module is marked as livepatch module, but livepatch support is disabled`;
      return refused('ENOEXEC', 'check_modinfo_livepatch', 'the kernel has no livepatch', message);
    }
    const early = this.#strategy.relocated === 'early' && !this.#strategy.modulePerObject;
    const objects = early ? this.#moduleObjects().map((one) => one.name) : [];
    const failed = this.#load(undefined, objects);
    return failed === undefined ? this.#enable() : { verdict: failed, ...noEffects };
  }

  /** klp_enable_patch() and klp_init_patch(). */
  #enable(): Played {
    const { livepatch, name } = this.#patch;
    const { objects, flag } = livepatch;
    if (flag === undefined)
      return refused(
        'EINVAL',
        'klp_enable_patch',
        'the module is not marked as a livepatch',
        `livepatch: module ${name} is not marked as a livepatch module`,
      );
    if (objects.length === 0)
      return refused('EINVAL', 'klp_enable_patch', 'no klp_object was found in the livepatch');
    const effects: StepEffects[] = [];
    for (const object of objects) {
      if (object.isModule && !this.#modules.has(object.name)) continue;
      const played = this.#initializeObject(object, false, 'klp_enable_patch');
      effects.push(played);
      if (played.verdict.status !== 'done') return { ...merged(effects), verdict: played.verdict };
    }
    this.#enabled = true;
    return { ...merged(effects), verdict: done };
  }

  /** Disabling writes no relocation and clears none: the livepatch is forgotten. */
  disable(): Played {
    this.#begin();
    if (!this.#enabled) return skipped('no livepatch is enabled');
    this.#enabled = false;
    return { ...noEffects, verdict: done };
  }

  unloadPatch(): Played {
    this.#begin();
    if (this.#instances.length === 0) return skipped('the livepatch is not loaded');
    if (this.#enabled) return refused('EAGAIN', 'try_stop_module', 'the livepatch is enabled');
    this.#instances = [];
    return { ...noEffects, verdict: done };
  }

  /** A module is loaded to the end: klp_module_coming(), then its init function. */
  comes(module: string, symbols: ModuleSymbols): Played {
    this.#begin();
    if (this.#modules.has(module)) return skipped('the module is there already');
    if (module === vmlinuxObject) {
      const message = 'livepatch: vmlinux.ko: invalid module name';
      return refused('EINVAL', 'klp_module_coming', 'a module may not have this name', message);
    }
    const loaded = { symbols, live: false };
    this.#modules.set(module, loaded);
    const object = this.#enabled ? this.#moduleObjects().find(({ name }) => name === module) : undefined;
    const played =
      object === undefined
        ? { ...noEffects, verdict: done }
        : this.#initializeObject(object, true, 'klp_module_coming');
    if (played.verdict.status === 'refused') return this.#refuse(module, played, played.verdict);
    loaded.live = true;
    return played;
  }

  #refuse(module: string, played: Played, verdict: StepRefusal): Played {
    this.#modules.delete(module);
    const messages = [...verdict.messages, ...refusedModuleMessages(this.#patch.name, module, verdict.errno)];
    // Only livepatches in front of the one that failed are cleaned up: what was written for this one stays.
    const { undone } = this.#strategy;
    const { effects } = undone === 'as the kernel does' ? nothingUndone : this.#undo(module);
    return { ...merged([played, effects]), verdict: { ...verdict, messages } };
  }

  /** A module is removed: klp_module_going(). */
  goes(module: string): Played {
    this.#begin();
    if (!this.#modules.has(module)) return skipped('the module is not loaded');
    const patched = this.#enabled && this.#moduleObjects().some(({ name }) => name === module);
    if (patched && this.#strategy.pinsTargets)
      return refused('EAGAIN', 'try_stop_module', 'a livepatch uses the module');
    const { effects, fault } = patched ? this.#undo(module) : nothingUndone;
    if (!patched) for (const { late } of this.#instances) late.leave(module);
    this.#modules.delete(module);
    return { ...effects, verdict: fault ?? done };
  }

  /** klp_init_object_loaded(): the relocations of an object that is there, and the functions that it must have. */
  #initializeObject(object: LivepatchObject, initialized: boolean, moment: string): Played {
    const relocated = object.isModule
      ? this.#relocateObject(object.name, initialized, moment)
      : { ...noEffects, verdict: done };
    if (relocated.verdict.status !== 'done') return relocated;
    for (const { oldName, position } of object.functions) {
      const name = object.isModule ? object.name : vmlinuxObject;
      const found = selectLivepatchSymbol(this.#symbols, { object: name, name: oldName ?? '', position });
      if (typeof found === 'bigint') continue;
      const verdict: StepRefusal = {
        status: 'refused',
        errno: 'EINVAL',
        moment: 'klp_find_object_symbol',
        reason: `${found.reason}: ${oldName ?? ''}`,
        messages: [`livepatch: ${found.message}`],
        symbol: oldName,
      };
      return { ...relocated, verdict };
    }
    return relocated;
  }

  #relocateObject(object: string, initialized: boolean, moment: string): Played {
    const { modulePerObject, relocated } = this.#strategy;
    if (modulePerObject) {
      const failed = this.#load(object, [object]);
      return { ...noEffects, verdict: failed ?? done };
    }
    const [instance] = this.#instances;
    if (relocated === 'early' || instance === undefined) return { ...noEffects, verdict: done };
    const outcome = instance.late.apply(object, this.#symbols, initialized);
    const verdict = lateVerdict(outcome, (refusal) =>
      this.#relocationRefusal(refusal, moment, instance.loaded),
    );
    return { ...noEffects, lost: outcome.lost, verdict };
  }

  #relocationRefusal(
    refusal: Parameters<typeof relocationRefusal>[0],
    moment: string,
    { image }: LoadedModule,
  ): StepRefusal {
    const { section, offset } = refusal;
    const start = section === undefined ? undefined : image.section(section)?.address;
    const place = start === undefined || offset === undefined ? undefined : start + BigInt(offset);
    return relocationRefusal(refusal, moment, this.#patch.name, place, this.#around);
  }

  /** Undo the relocations of a module in the way of a strategy. */
  clear(module: string, undone: Strategy['undone']): Cleared {
    this.#begin();
    const [instance] = this.#instances;
    const cleared = instance === undefined ? undefined : undoIn(instance, module, undone);
    return cleared ?? { supported: false, changes: [], state: [], mismatches: [] };
  }

  #undo(module: string): Undone {
    const { modulePerObject, undone } = this.#strategy;
    if (modulePerObject) {
      this.#instances = this.#instances.filter(({ object }) => object !== module);
      return nothingUndone;
    }
    const cleared = this.#instances.flatMap((instance) => undoIn(instance, module, undone) ?? []);
    const effects = merged(cleared.map((one) => ({ ...noEffects, ...one })));
    return { effects, fault: cleared.find(({ fault }) => fault !== undefined)?.fault };
  }

  /** load_module() until the init function is called. */
  #load(object: string | undefined, early: readonly string[]): StepVerdict | undefined {
    const { architecture, kernel, machine, vmlinux } = this.#around;
    const loaded = loadModule({
      object: this.#patch.object,
      architecture,
      kernel,
      machine,
      addresses: this.#place(),
      external: { address: (name) => vmlinux(name)[0], functionAt: () => undefined },
      livepatchSymbols: this.#symbols,
      earlyObjects: new Set(early),
    });
    const { image, refused: refusal } = loaded;
    if (refusal !== undefined) {
      const moment = loadMoments.get(refusal.phase) ?? 'load_module';
      return this.#relocationRefusal(
        refusal,
        refusal.section === undefined ? 'simplify_symbols' : moment,
        loaded,
      );
    }
    const original = image.areas.map(({ bytes }) => bytes.slice());
    const late = new LateRelocations(loaded);
    this.#instances.push({ object, loaded, late, original, mark: image.log.count });
    return undefined;
  }

  readonly #symbols = (object: string, name: string): readonly bigint[] => {
    if (object === vmlinuxObject) return this.#around.vmlinux(name);
    if (object === this.#patch.name) return this.#ownSymbols(name);
    const found = this.#modules.get(object);
    if (found === undefined) return [];
    return found.live ? found.symbols.live(name) : found.symbols.coming(name);
  };

  /** A livepatch keeps all of its symbols in kallsyms, with the values that they were resolved to. */
  #ownSymbols(name: string): readonly bigint[] {
    const [instance] = this.#instances;
    const symbols = this.#patch.object.symbols();
    const values = instance?.loaded.relocation?.values;
    if (symbols === undefined || values === undefined) return [];
    return Array.from(values.entries()).flatMap(([index, value]) =>
      index > 0 && symbols.rawSectionIndex(index) !== SHN_UNDEF && symbols.name(index) === name ? value : [],
    );
  }

  #moduleObjects(): readonly LivepatchObject[] {
    if (this.#strategy.replacesModules) return [];
    return this.#patch.livepatch.objects.filter(({ isModule }) => isModule);
  }

  #begin(): void {
    for (const instance of this.#instances) instance.mark = instance.loaded.image.log.count;
  }

  /** What the last step changed in modules of the livepatch that were there before it. */
  changes(): readonly ChangedBytes[] {
    return this.#instances.flatMap(({ loaded: { image }, mark }) => changesSince(image, mark));
  }

  /** Records that were applied to a module that is gone, and have not been undone. */
  stale(): readonly RelocationPlace[] {
    return this.#instances.flatMap(({ late }) => late.stale());
  }

  /** Slots of stubs, GOT and PLT that nothing uses. */
  leaked(): readonly LinkageSlot[] {
    return this.#instances.flatMap(({ late }) => late.unused());
  }

  /** Slots in use that hold the address of an earlier load. */
  misdirected(): readonly Misdirected[] {
    return this.#instances.flatMap(({ late }) => late.misdirected());
  }
}
