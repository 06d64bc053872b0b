import { clearSupport, parseLivepatchSectionName, parseLivepatchSymbolName, vmlinuxObject } from '@kelp/core';
import type { ObjectFile } from '@kelp/core/elf';
import {
  lateRecords,
  LateRelocations,
  type LateRecord,
  type LivepatchSymbols,
  type LoadedModule,
} from '@kelp/loader';
import { formerSymbols, type FormerAddress } from './former-symbols.ts';
import { latePlaces, type LatePlace } from './late-places.ts';
import type { TargetLayout } from './target-layout.ts';
import type { ReadMemory } from './votes.ts';

/** What is known of the modules that a livepatch module waits for. */
export interface LateTargets {
  /** Name of the livepatch module. */
  readonly livepatch: string;
  /** Names of the modules that are loaded, oldest first. */
  readonly present: readonly string[];
  readonly symbols: LivepatchSymbols;
  /** By module: where it has its symbols, from its file. */
  readonly layouts: ReadonlyMap<string, TargetLayout>;
}

/** The modules that relocations of a livepatch module wait for, and those that provide their symbols. Untrusted. */
export function lateModules(object: ObjectFile): readonly string[] {
  const symbols = object.symbols();
  const found = object.sections.flatMap((section): readonly (string | undefined)[] => {
    if (!section.isLivepatchRelocation) return [];
    const records = object.relocations(section);
    const providers = Array.from({ length: records?.count ?? 0 }, (_, index) => {
      const name = symbols?.name(records?.symbol(index) ?? 0) ?? '';
      return parseLivepatchSymbolName(name)?.object;
    });
    return [parseLivepatchSectionName(section.name)?.object, ...providers];
  });
  const names = new Set(found.filter((name) => name !== undefined));
  names.delete(vmlinuxObject);
  return [...names];
}

/** Loads the livepatch module; `asking` for the one load whose questions count. */
export type LoadAgain = (asking: boolean) => LoadedModule;

/** What the relocations for an object may have come to. */
interface LateState {
  readonly object: string;
  readonly answer: string;
  /** What they were resolved with; undefined where they are not applied. */
  readonly symbols: LivepatchSymbols | undefined;
  /** The target was there before the livepatch. */
  readonly early: boolean;
  /** Where the target was, if it is gone. */
  readonly former: readonly FormerAddress[];
}

/** A state, and the module in it. */
interface Trial {
  readonly state: LateState;
  readonly loaded: LoadedModule;
}

/**
 * Load a livepatch module, and bring its relocations for other modules to the state that memory shows: one choice for
 * each object, and if they are stale one for each address that the object had.
 */
export function loadWithLateObjects(load: LoadAgain, targets: LateTargets, read: ReadMemory): LoadedModule {
  const loaded = load(true);
  if (loaded.relocation === undefined || loaded.refused !== undefined) return loaded;
  const late = new LateRelocations(loaded);
  const chosen: LateState[] = [];
  for (const object of inOrder(late.objects, targets.present)) {
    const records = lateRecords(loaded, object);
    const trials = statesOf(loaded, object, records, targets, read).flatMap((state): readonly Trial[] => {
      // What was chosen for the objects before stands in the module already.
      const trial = state.symbols === undefined ? loaded : inState(load(false), [...chosen, state]);
      return trial === undefined ? [] : [{ state, loaded: trial }];
    });
    const state = choose(
      loaded,
      targets.livepatch,
      object,
      latePlaces(
        records,
        trials.map(({ loaded: { image } }) => image),
      ),
      trials,
      read,
    );
    if (state === undefined) continue;
    play(late, state);
    chosen.push(state);
  }
  return loaded;
}

/** Slots of GOT, PLT and stubs are filled in the order in which the objects came; those that are gone came first. */
function inOrder(objects: readonly string[], present: readonly string[]): readonly string[] {
  return objects.toSorted((a, b) => present.indexOf(a) - present.indexOf(b));
}

function play(late: LateRelocations, { object, symbols, early }: LateState): boolean {
  return symbols === undefined || late.apply(object, symbols, !early).status === 'applied';
}

/** The module in a state; undefined where the kernel would not have come to it. */
function inState(loaded: LoadedModule, states: readonly LateState[]): LoadedModule | undefined {
  const late = new LateRelocations(loaded);
  return states.every((state) => play(late, state)) ? loaded : undefined;
}

/** The states that are possible, the one that is expected first. */
function statesOf(
  { image, relocation }: LoadedModule,
  object: string,
  records: readonly LateRecord[],
  { livepatch, present, symbols, layouts }: LateTargets,
  read: ReadMemory,
): readonly LateState[] {
  const isThere = present.includes(object);
  const early = isThere && present.indexOf(object) < present.indexOf(livepatch);
  const support = relocation?.architecture.livepatch;
  const clears = support !== undefined && clearSupport(support, image.kernel) !== undefined;
  const former = formerSymbols(object, records, image, read, {
    symbols,
    isPresent: (one) => one !== object && present.includes(one),
    layouts,
    pageSize: image.machine.pageSize,
  });
  const common = { object, former: [] };
  return [
    ...(isThere ? [{ ...common, answer: 'applied', symbols, early }] : []),
    // Nothing tells a field that was cleared from one that was never written.
    { ...common, answer: clears ? 'not applied or cleared' : 'not applied', symbols: undefined, early },
    ...(former === undefined
      ? []
      : [{ object, answer: 'stale', symbols: former.symbols, early: true, former: former.addresses }]),
  ];
}

function choose(
  { image }: LoadedModule,
  livepatch: string,
  object: string,
  all: readonly LatePlace[],
  trials: readonly Trial[],
  read: ReadMemory,
): LateState | undefined {
  const believable = trials.map(
    ({ state: { former } }, index) => former.length === 0 || isBelievable(all, index, read),
  );
  const states = trials.flatMap(({ state }, index) => (believable[index] === true ? [{ state, index }] : []));
  const id = `${livepatch} ${object}`;
  let answer: string | undefined;
  for (const { address, bytes } of all) {
    const candidates = states.map(({ state, index }) => ({
      answer: state.answer,
      bytes: bytes[index] ?? new Uint8Array(),
    }));
    answer = image.ask({ kind: 'livepatch', id, address, candidates });
  }
  const chosen = states.find(({ state }) => state.answer === answer) ?? states[0];
  if (chosen === undefined) return undefined;
  const trial = trials[chosen.index];
  for (const { name, address, records } of chosen.state.former) {
    for (const record of records) {
      const bytes = trial?.loaded.image.read(record.address, record.reach) ?? new Uint8Array();
      const candidates = [{ answer: `0x${address.toString(16)}`, bytes }];
      image.ask({ kind: 'livepatch', id: `${id} ${name}`, address: record.address, candidates });
    }
  }
  return chosen.state;
}

/**
 * Former addresses are read from memory, so they fit what they were read from, whatever it is. They are believed where
 * no place is as in another state: a field that something else has damaged does not make all others stale.
 */
function isBelievable(all: readonly LatePlace[], trial: number, read: ReadMemory): boolean {
  let [exact, near] = [0, 0];
  for (const { address, bytes } of all) {
    const own = bytes[trial] ?? new Uint8Array();
    const memory = read(address, own.length);
    if (memory === undefined) continue;
    const others = bytes.filter((_, index) => index !== trial).map((one) => differences(one, memory));
    const isOwn = differences(own, memory) === 0;
    if (others.includes(0) && !isOwn) return false;
    if (others.includes(0) || !isOwn) continue;
    exact++;
    if (Math.min(...others) === 1) near++;
  }
  // A single byte may have been damaged; several places are not in the same way.
  return exact > 0 && !(exact === 1 && near === 1);
}

function differences(bytes: Uint8Array, memory: Uint8Array): number {
  return bytes.reduce((sum, byte, index) => sum + Number(byte !== memory[index]), 0);
}
