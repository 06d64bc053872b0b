import { parseSeries, type Architecture, type KernelVersion } from '@kelp/core';
import { hasLivepatch } from '@kelp/loader';
import { costsOf, type Costs } from '../lifecycle/costs.ts';
import { earlyGain, type EarlyGain } from '../lifecycle/early-gain.ts';
import { playLifecycle, type Lifecycle } from '../lifecycle/play.ts';
import { setUpScene } from '../lifecycle/scene.ts';
import { usualSteps } from '../lifecycle/steps.ts';
import { strategies } from '../lifecycle/strategies.ts';
import { livepatchConfiguration } from '../lifecycle/surroundings.ts';
import { sampleLivepatches } from './samples.ts';

/** What becomes of one sample on one kernel. */
export interface SampleEvidence {
  readonly sample: string;
  readonly description: string;
  readonly architecture: Architecture;
  readonly series: KernelVersion;
  /** The life under every strategy, by its name. */
  readonly lives: ReadonlyMap<string, Lifecycle>;
  readonly gain: EarlyGain;
  readonly costs: Costs;
}

/** Kernels that the evidence is computed for: stable series that differ in what they do. */
const evidenceSeries: readonly KernelVersion[] = ['6.1', '6.12', '7.3'];

/** Play every sample on every kernel that has livepatches. Nothing is read: the samples are made for it. */
export function gatherEvidence(architectures: readonly Architecture[]): readonly SampleEvidence[] {
  return architectures.flatMap((architecture) =>
    evidenceSeries.flatMap((series) => evidenceOf(architecture, series)),
  );
}

function evidenceOf(architecture: Architecture, series: KernelVersion): readonly SampleEvidence[] {
  const kernel = parseSeries(series, livepatchConfiguration(architecture));
  if (!hasLivepatch(architecture, kernel)) return [];
  const steps = usualSteps.map((name) => ({ name, target: undefined }));
  return sampleLivepatches(architecture, kernel).map(({ name, description, livepatch }) => {
    const scene = setUpScene({ object: livepatch, architecture, kernel, targets: [] });
    return {
      sample: name,
      description,
      architecture,
      series,
      lives: new Map(strategies.map((one) => [one.name, playLifecycle(scene, one, steps)])),
      gain: earlyGain(scene),
      costs: costsOf(scene),
    };
  });
}

/**
 * A life in few words: the worst that happens in it. What is relocated late is not right where finalization would have
 * made something else of it, though nothing fails.
 */
export function summarize({ strategy, outcomes, faults }: Lifecycle, gain: EarlyGain): string {
  if (faults.deaths > 0) return 'dies';
  const loads = outcomes.filter(({ step }) => step.name === 'load-target');
  for (const { step, verdict } of outcomes) {
    if (verdict.status !== 'refused' || verdict.errno === 'EAGAIN') continue;
    if (step.name === 'load-patch') return 'has to wait';
    const number = loads.findIndex((one) => one.verdict === verdict) + 1;
    return `load ${number}: ${verdict.errno}`;
  }
  const wrong = gain.sections.filter(({ bytes }) => bytes > 0).map(({ section }) => section);
  const late = strategy.relocated === 'late' && !strategy.replacesModules;
  if (late && wrong.length > 0) return `wrong ${wrong.join(', ')}`;
  if (faults.misdirected > 0) return 'old address used';
  if (faults.refusedRemovals > 0) return 'module is held';
  if (faults.leaked > 0) return `works, leaks ${faults.leaked} slots`;
  if (faults.lost > 0) return 'not written';
  return faults.stale > 0 ? 'works, stale meanwhile' : 'works';
}
