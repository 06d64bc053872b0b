import type { FinalizationStep } from '@kelp/core';

/** What verifying without one step reports, beside what the step wrote in the full load. All counts but sites in bytes. */
export interface StepRecall {
  readonly step: string;
  /** The kernel function that does it. */
  readonly function: string;
  /** Runs of neighboring bytes that the step wrote last and that would be others without it. */
  readonly sites: number;
  readonly bytes: number;
  /** Those of the bytes that are unexplained without the step. */
  readonly found: number;
  /** Those that another step writes the same where this one did not, by that step. */
  readonly instead: ReadonlyMap<string, number>;
  /** Those that are explained all the same although nothing wrote them. */
  readonly missed: number;
  /** Unexplained bytes that the step wrote last, over equal bytes of another step that depends on it. */
  readonly inner: number;
  /** Unexplained bytes that another step wrote last, by that step. */
  readonly followers: ReadonlyMap<string, number>;
}

/** All steps of one run. */
export interface RunRecall {
  readonly run: string;
  readonly release: string;
  readonly recalls: readonly StepRecall[];
  readonly notSimulated: readonly FinalizationStep[];
}

/** One run, as Markdown. */
export function recallSection({ run, release, recalls, notSimulated }: RunRecall): string {
  const rows = recalls
    .filter(({ bytes, followers }) => bytes > 0 || followers.size > 0)
    .map(({ step, sites, bytes, found, missed, instead, inner, followers }) => {
      const others = byName(followers);
      const substitutes = byName(instead).join(', ');
      if (inner > 0) others.unshift(`its own ${grouped(inner)}`);
      const numbers = [sites, bytes, found, missed].map(grouped);
      const cells = [step, ...numbers, substitutes, others.join(', ')];
      return `| ${cells.join(' | ')} |`;
    });
  const without = recalls.filter(({ bytes, followers }) => bytes === 0 && followers.size === 0);
  return `## ${run}

Linux ${release}.

| step | sites | bytes | unexplained | missed | another step does it | further bytes |
|---|---:|---:|---:|---:|---|---|
${rows.join('\n')}
${sentence(
  'Write nothing in this run, and nothing is unexplained without them',
  without.map(({ step }) => step),
)}${sentence(
    'Write nothing into read-only memory of a module and are not simulated',
    notSimulated.map(({ name }) => name),
  )}`;
}

function sentence(text: string, names: readonly string[]): string {
  return names.length === 0 ? '' : `\n${text}: ${names.join(', ')}.\n`;
}

/** The whole page docs/recall.md. */
export function recallPage(runs: readonly RunRecall[]): string {
  return `# Recall of the verification, step by step

Written by \`npx tsx -C @kelp/source tools/truth/src/recall.ts RUN... --write\`; do not edit.

Each run is verified once with all steps: nothing is unexplained. The write log then tells which step wrote each byte
last. A byte counts for a step if the step wrote it last and if another byte stood there before the step: these are the
places that must be unexplained when the step is left out. Then the run is verified again without the step
(\`kelp verify --without STEP\`), and the reported places are compared with those, place by place, not by their number.

- *Bytes* is the sum of *unexplained*, *missed* and *another step does it*: a later step writes only what is not there
  already, and writes the same where the left out one did nothing. Missed is what verify does not notice.
- *Further bytes* are unexplained too, although another step wrote them last, or nothing did: that step works on what
  the left out one wrote. Sorted tables decide the order in which entries are read; alternatives copy replacement
  instructions that were patched before; \`its own\` are bytes over an equal byte of such a step.
- A *site* is a run of neighboring bytes.

${runs.map(recallSection).join('\n')}`;
}

function byName(counts: ReadonlyMap<string, number>): string[] {
  return [...counts].map(([name, count]) => `${name} ${grouped(count)}`);
}

function grouped(value: number): string {
  return value.toLocaleString('en-US');
}
