/**
 * Switches off each finalization step in turn, verifies all runs without it, and compares the places that verify then
 * reports with those that the step wrote last in the full load.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parseKernel, type Architecture, type FinalizationStep } from '@kelp/core';
import type { VerifiedModule } from '@kelp/memory';
import { recallPage, recallSection, type RunRecall, type StepRecall } from './recall-page.ts';
import { architectures, openRuns, verifyRun, type Run } from './runs.ts';
import { ownedSections, stepsOf, StepWatcher, type OwnedSection } from './step-writes.ts';

const USAGE = `usage: npx tsx -C @kelp/source tools/truth/src/recall.ts RUN... [--write]

RUN is a capture folder. --write writes docs/recall.md.
`;

const PAGE = fileURLToPath(new URL('../../../docs/recall.md', import.meta.url));

/** What a run's verification with all steps found out: for each module who wrote what. */
interface FullRun {
  readonly steps: readonly FinalizationStep[];
  readonly simulated: readonly boolean[];
  /** By module. */
  readonly owned: ReadonlyMap<string, readonly OwnedSection[]>;
}

async function verifyAll(run: Run): Promise<FullRun> {
  const watcher = new StepWatcher();
  const watched = architectures.map((architecture) => watcher.watch(architecture));
  const owned = new Map<string, readonly OwnedSection[]>();
  let architecture: Architecture | undefined;
  for await (const module of verifyRun(run, { architectures: watched })) {
    architecture ??= architectures.find(({ id }) => id === module.architecture.id);
    const steps = stepsFor(architecture, run).map(({ step }) => step);
    const unexplained = module.sections.reduce((sum, section) => sum + section.unexplained.length, 0);
    if (unexplained > 0)
      throw new Error(`${run.name}, module ${module.name}: ${unexplained} unexplained places`);
    const owners = watcher.ownersOfWrites(module.loaded, steps);
    owned.set(module.name, ownedSections(module.loaded, module.sections, owners));
  }
  const steps = stepsFor(architecture, run);
  return { steps: steps.map(({ step }) => step), simulated: steps.map(({ simulated }) => simulated), owned };
}

function stepsFor(architecture: Architecture | undefined, run: Run): ReturnType<typeof stepsOf> {
  return architecture === undefined ? [] : stepsOf(architecture, parseKernel(run.capture.release));
}

/** Counts of one step, while the modules are gone through. */
interface Counts {
  sites: number;
  bytes: number;
  found: number;
  missed: number;
  readonly instead: Map<string, number>;
  inner: number;
  readonly followers: Map<string, number>;
}

/** Verify a run without one step. */
async function recallStep(run: Run, full: FullRun, number: number): Promise<StepRecall> {
  const step = full.steps[number - 1];
  if (step === undefined) throw new RangeError(`there is no step ${number}`);
  const counts: Counts = {
    sites: 0,
    bytes: 0,
    found: 0,
    missed: 0,
    instead: new Map(),
    inner: 0,
    followers: new Map(),
  };
  const watcher = new StepWatcher();
  const watched = architectures.map((architecture) => watcher.watch(architecture));
  for await (const module of verifyRun(run, { architectures: watched, without: new Set([step.name]) })) {
    const explained = countModule(module, full, number, counts);
    if (explained.length > 0) countInstead(module, full, watcher, explained, counts);
  }
  return { step: step.name, function: step.function, ...counts };
}

/** A byte by its section in the comparison and its offset there. */
interface Place {
  readonly section: number;
  readonly offset: number;
}

/** @returns the places that are explained although the step is left out. */
function countModule(
  module: VerifiedModule,
  full: FullRun,
  number: number,
  counts: Counts,
): readonly Place[] {
  const explained: Place[] = [];
  const owned = full.owned.get(module.name) ?? [];
  for (const [index, section] of module.sections.entries()) {
    const { steps, matters } = owned[index] ?? { steps: new Uint8Array(), matters: new Uint8Array() };
    if (steps.length !== section.bytes)
      throw new Error(`module ${module.name}, section ${section.name} has another size without a step`);
    const unexplained = new Uint8Array(section.bytes);
    for (const { offset, length } of section.unexplained) unexplained.fill(1, offset, offset + length);
    for (let at = 0; at < section.bytes; at++) {
      const own = steps[at] === number + 1;
      const expected = own && matters[at] === 1;
      if (expected) {
        counts.bytes++;
        if (at === 0 || steps[at - 1] !== number + 1 || matters[at - 1] !== 1) counts.sites++;
        if (unexplained[at] === 1) counts.found++;
        else explained.push({ section: index, offset: at });
      } else if (unexplained[at] === 1) {
        // Another step wrote the byte last, and otherwise because the step that is left out did nothing.
        if (own) counts.inner++;
        else addByte(counts.followers, ownerName(full, steps[at] ?? 0));
      }
    }
  }
  return explained;
}

/** Another step may write the same byte where the one before it did not; only what nobody wrote is missed. */
function countInstead(
  { loaded, sections }: VerifiedModule,
  full: FullRun,
  watcher: StepWatcher,
  places: readonly Place[],
  counts: Counts,
): void {
  const owned = ownedSections(loaded, sections, watcher.ownersOfWrites(loaded, full.steps));
  for (const { section, offset } of places) {
    const owner = owned[section]?.steps[offset] ?? 0;
    if (owner > 1) addByte(counts.instead, ownerName(full, owner));
    else counts.missed++;
  }
}

/** Name of what wrote a byte, by its number in an {@link OwnedSection}. */
function ownerName({ steps }: FullRun, owner: number): string {
  return owner === 0 ? 'nothing' : (steps[owner - 2]?.name ?? 'relocation');
}

function addByte(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

async function recallRun(run: Run): Promise<RunRecall> {
  const full = await verifyAll(run);
  const recalls: StepRecall[] = [];
  for (const [index, simulated] of full.simulated.entries()) {
    if (simulated) recalls.push(await recallStep(run, full, index + 1));
  }
  const notSimulated = full.steps.filter((_, index) => full.simulated[index] !== true);
  return { run: run.name, release: run.capture.release, recalls, notSimulated };
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { write: { type: 'boolean', default: false } },
  });
  if (positionals.length === 0) {
    process.stderr.write(USAGE);
    return 2;
  }
  const runs: RunRecall[] = [];
  for (const run of openRuns(positionals)) {
    const recall = await recallRun(run);
    process.stdout.write(`${recallSection(recall)}\n`);
    runs.push(recall);
    run.capture.close();
  }
  if (values.write) writeFileSync(PAGE, recallPage(runs));
  const missed = runs.flatMap(({ recalls }) => recalls).reduce((sum, recall) => sum + recall.missed, 0);
  if (missed > 0) process.stderr.write(`${missed} bytes are explained although their step is left out\n`);
  return missed === 0 ? 0 : 1;
}

process.exitCode = await main();
