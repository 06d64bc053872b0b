import type { EventOutcome } from './livepatch-life.ts';

/** An event as it was played, and what the kernel said. */
interface PlayedEvent {
  readonly outcome: EventOutcome;
  /** From the log of the run; undefined where it says something unknown. */
  readonly actual: EventOutcome['answer'] | undefined;
  /** From the messages of the kernel, where the loader refuses. */
  readonly message: { readonly type: number; readonly value: bigint } | undefined;
}

/** What happened up to a capture, and the livepatch compared with it. */
export interface PlayedStep {
  readonly capture: string;
  readonly outcomes: readonly PlayedEvent[];
  /** Sections that were compared; none where the livepatch is not loaded any more. */
  readonly sections: readonly string[];
  readonly bytes: number;
  /** Of them other than in the file, as predicted. */
  readonly written: number;
  /** Of them other than predicted. */
  readonly differing: number;
}

/** The steps of one boot. */
export interface PlayedRun {
  readonly name: string;
  readonly release: string;
  readonly patch: string;
  readonly target: string;
  readonly steps: readonly PlayedStep[];
}

/** The whole page docs/livepatch-steps.md. */
export function livepatchStepsPage(runs: readonly PlayedRun[]): string {
  return `# The life of a livepatch, played and real

Written by \`npx tsx -C @kelp/source tools/truth/src/livepatch-steps.ts RUN... --write\`; do not edit.

In each run a kernel loaded a livepatch, then its target, unloaded and reloaded the target, disabled the livepatch, and was captured
after each step. The loader plays the same events: it loads the livepatch once, without reading memory of modules, and then applies and
clears its relocations as that kernel does. After each step the read-only sections that livepatch relocations change are compared with
memory byte for byte. What the kernel answered is from its log and messages.

${runs.map(runSection).join('\n')}`;
}

function runSection({ name, release, patch, target, steps }: PlayedRun): string {
  return `## ${name}

Linux ${release}, livepatch \`${patch}\`, target \`${target}\`.

| capture | event | played | kernel | sections | bytes | written | other than played |
|---|---|---|---|---|---:|---:|---:|
${steps.map(stepRows).join('\n')}
`;
}

function stepRows({ capture, outcomes, sections, bytes, written, differing }: PlayedStep): string {
  return outcomes
    .map(({ outcome, actual = 'unknown', message }, index) => {
      const isLast = index === outcomes.length - 1;
      const numbers =
        sections.length === 0 ? ['', '', '', ''] : [sections.join(' '), bytes, written, differing];
      return `| ${[
        isLast ? capture : '',
        outcome.event,
        described(outcome.answer, outcome.refusal),
        described(actual, message),
        ...(isLast ? numbers : ['', '', '', '']),
      ].join(' | ')} |`;
    })
    .join('\n');
}

function described(
  answer: string,
  refusal: { readonly type: number; readonly value: bigint } | undefined,
): string {
  if (refusal === undefined) return answer;
  return `${answer}: type ${refusal.type}, value 0x${refusal.value.toString(16)}, the field is not zero`;
}
