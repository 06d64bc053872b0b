import { refusedLoads, relocationRule, type Architecture, type Kernel } from '@kelp/core';
import type { Failure } from './failure.ts';
import { openFixture, type FixtureObject } from './fixture-object.ts';
import type { Fixtures } from './fixtures.ts';
import { checkMemory, checkSteps, openMemoryFixture, type MemoryTrial } from './memory-fixture.ts';
import { checkModule } from './module-check.ts';
import {
  checkBoundaries,
  checkNames,
  checkReversal,
  checkSpecialFields,
  checkVerdicts,
} from './relocation-checks.ts';
import { checkLayouts, checkPresence, checkShapes, checkSources } from './section-checks.ts';
import { checkContinuity, checkOrders, checkStepNames } from './step-checks.ts';
import { checkStructures } from './structure-check.ts';
import { checkVectors } from './vector-check.ts';

/** What an architecture is held against. Each module names its kernel in vermagic. */
export interface ConformanceInput extends Fixtures {
  /** Kernels under which the vectors are checked. */
  readonly kernels: readonly Kernel[];
  /** Relocation types for which linker and kernel disagree about what fits, and why. */
  readonly differences?: ReadonlyMap<string, string>;
  /** What the fixtures cannot show, and why. */
  readonly exceptions?: {
    /** Relocation types that the binutils of facts.json do not name. */
    readonly unnamed?: ReadonlyMap<string, string>;
    /** Special sections that no fixture has. */
    readonly unseen?: ReadonlyMap<string, string>;
    /** Fields, as `SECTION.FIELD`, that are read otherwise than the structure's members. */
    readonly restructured?: ReadonlyMap<string, string>;
    /** Special sections with relocations, and without entries of a fixed size. */
    readonly shapeless?: ReadonlyMap<string, string>;
    /** Finalization steps that change no memory of the fixtures. */
    readonly unproven?: ReadonlyMap<string, string>;
  };
}

/** Fixtures, read and parsed once. */
export interface OpenedInput extends ConformanceInput {
  readonly objects: readonly FixtureObject[];
  readonly trials: readonly MemoryTrial[];
}

/**
 * Parse the fixtures of an architecture.
 *
 * @throws KelpError for a fixture that is no module.
 */
export function openInput(input: ConformanceInput): OpenedInput {
  return {
    ...input,
    objects: [...input.modules].map(([file, module]) => openFixture(file, module)),
    trials: [...(input.memory ?? [])].map(([file, fixture]) => openMemoryFixture(file, fixture)),
  };
}

/** What a check looks at. */
export type CheckSubject = 'relocations' | 'sections' | 'steps';

/** One check of the suite. */
export interface ConformanceCheck {
  readonly about: readonly CheckSubject[];
  /** Says what holds, as the name of a test. */
  readonly title: string;
  readonly run: (architecture: Architecture, input: OpenedInput) => Iterable<Failure>;
}

const keys = (map: ReadonlyMap<string, string> | undefined): ReadonlySet<string> => new Set(map?.keys());

/** All checks, the cheap ones first. Each yields what it finds as it finds it. */
export const conformanceChecks: readonly ConformanceCheck[] = [
  {
    about: ['relocations'],
    title: 'relocation types have the numbers and names of binutils',
    *run(architecture, { facts, exceptions }) {
      if (facts !== undefined) yield* checkNames(architecture, facts, keys(exceptions?.unnamed));
    },
  },
  {
    about: ['relocations'],
    title: "verdicts and errors are those of the kernels' loaders",
    *run(architecture, { facts }) {
      if (facts !== undefined) yield* checkVerdicts(architecture, facts);
    },
  },
  { about: ['relocations'], title: 'vectors of the linker are applied', run: checkAllVectors },
  { about: ['relocations'], title: 'the linker disagrees where that is explained', run: checkDifferences },
  {
    about: ['relocations'],
    title: 'every check of a value has vectors on both sides of its ends',
    *run(architecture, { kernels, vectors }) {
      for (const kernel of kernels) yield* checkBoundaries(architecture, kernel, vectors.vectors);
    },
  },
  {
    about: ['relocations'],
    title: 'what is applied can be cleared and applied again',
    *run(architecture, { kernels, vectors }) {
      for (const kernel of kernels) yield* checkReversal(architecture, kernel, vectors.vectors);
    },
  },
  {
    about: ['relocations'],
    title: 'special steps leave the value in the field',
    *run(architecture, { kernels, vectors }) {
      for (const kernel of kernels) yield* checkSpecialFields(architecture, kernel, vectors.vectors);
    },
  },
  {
    about: ['sections'],
    title: 'tables of pointers have a layout',
    run: (architecture, { objects, exceptions }) =>
      checkShapes(architecture, objects, keys(exceptions?.shapeless)),
  },
  {
    about: ['sections'],
    title: 'layouts are the structures of the kernels',
    *run(architecture, { facts, exceptions }) {
      if (facts !== undefined) yield* checkStructures(architecture, facts, keys(exceptions?.restructured));
    },
  },
  { about: ['relocations', 'sections'], title: 'modules are accepted and decoded', run: checkModules },
  {
    about: ['relocations', 'sections'],
    title: 'layouts are those of real objects',
    run: (architecture, { objects, kernels, exceptions }) =>
      checkLayouts(architecture, objects, kernels, keys(exceptions?.unseen)),
  },
  {
    about: ['sections'],
    title: 'sections are in the modules of their kernels',
    run: (architecture, { objects, exceptions }) =>
      checkPresence(architecture, objects, keys(exceptions?.unseen)),
  },
  { about: ['relocations', 'sections', 'steps'], title: 'every fact has a source', run: checkSources },
  {
    about: ['steps'],
    title: 'finalization is that of the kernels',
    *run(architecture, { facts }) {
      yield* checkStepNames(architecture, facts);
      if (facts !== undefined) yield* checkOrders(architecture, facts);
      yield* checkContinuity(architecture);
    },
  },
  {
    about: ['relocations', 'sections', 'steps'],
    title: 'memory is as predicted',
    *run(architecture, { trials }) {
      for (const trial of trials) yield* checkMemory(architecture, trial);
    },
  },
  {
    about: ['steps'],
    title: 'every step is seen in memory',
    *run(architecture, { trials, exceptions }) {
      if (trials.length > 0) yield* checkSteps(architecture, trials, keys(exceptions?.unproven));
    },
  },
];

/** Everything that the fixtures contradict, lazily: the first failure costs no more than finding it. */
export function* conformanceFailures(architecture: Architecture, input: OpenedInput): Generator<Failure> {
  for (const { run } of conformanceChecks) yield* run(architecture, input);
}

function* checkAllVectors(architecture: Architecture, { kernels, vectors }: OpenedInput): Generator<Failure> {
  for (const kernel of kernels) {
    const compared = new Set(vectors.omitted.keys());
    for (const result of checkVectors(architecture, kernel, vectors.vectors)) {
      const feature = `relocation/${result.name ?? result.type}`;
      const found = [...result.mismatches, ...result.misread, ...result.unforeseen];
      if (result.misnamed) found.push(`type ${result.type} has another name in the vectors`);
      for (const message of found)
        yield { check: 'vectors', feature, message: `${kernel.release}: ${message}` };
      if (result.compared > 0 && result.name !== undefined) compared.add(result.name);
    }
    for (const type of architecture.relocationTypes) {
      const applied = relocationRule(type, kernel)?.verdict === 'applied';
      if (applied === compared.has(type.name) || (vectors.omitted.has(type.name) && !applied)) continue;
      const message = `${kernel.release}: ${applied ? 'applied, and no vector is' : 'omitted, and not applied'}`;
      yield { check: 'vectors', feature: `relocation/${type.name}`, message };
    }
  }
}

function* checkDifferences(
  architecture: Architecture,
  { kernels, vectors, differences }: OpenedInput,
): Generator<Failure> {
  const differing = new Set<string | undefined>();
  for (const kernel of kernels) {
    for (const { name, refusedByKernel, refusedByLinker } of checkVectors(
      architecture,
      kernel,
      vectors.vectors,
    ))
      if (refusedByKernel + refusedByLinker > 0) differing.add(name);
  }
  for (const name of differing)
    if (differences?.has(name ?? '') !== true)
      yield { check: 'differences', feature: `relocation/${name}`, message: 'linker and kernel disagree' };
  for (const [name] of differences ?? [])
    if (!differing.has(name))
      yield { check: 'differences', feature: `relocation/${name}`, message: 'linker and kernel agree' };
}

function* checkModules(architecture: Architecture, { objects }: OpenedInput): Generator<Failure> {
  for (const { file, object, kernel } of objects) {
    const results = checkModule(architecture, kernel, object);
    if (results.length === 0) yield { check: 'modules', message: `${file}: nothing in it is known` };
    for (const { feature, contradiction } of results)
      if (contradiction !== undefined)
        yield { check: 'modules', feature, message: `${file}: ${contradiction}` };
    for (const { section, reason } of refusedLoads(object, architecture, kernel))
      yield { check: 'modules', message: `${file}: refused, ${section}: ${reason}` };
  }
}
