import type { Block, Report, Tone } from '@kelp/report';
import type { Architecture } from '@kelp/core';
import type { Census } from './census.ts';
import { useChart } from './drift-chart.ts';
import { consequences, kernelSequence, type Consequence } from './drift.ts';
import type { AcceptedChange, Drift, JudgedChange } from './drift-baseline.ts';

const tones: Readonly<Record<Consequence, Tone | undefined>> = {
  unknown: 'bad',
  breaks: 'bad',
  'patches-code': 'warning',
  data: 'warning',
  tools: undefined,
  none: 'muted',
};

/** What changed between kernels, the worst for livepatching first, with a chart of each architecture. */
export function driftReport(
  { comparisons, unused }: Drift,
  censuses: readonly Census[],
  architectures: readonly Architecture[],
): Report {
  const titles = new Map(architectures.map(({ id, title }) => [id, title]));
  return {
    title: 'What changed between kernels',
    blocks: [
      ...comparisons.flatMap(({ architecture, from, to, changes }): readonly Block[] => [
        { kind: 'heading', level: 2, text: `${titles.get(architecture) ?? architecture}: ${from} to ${to}` },
        { kind: 'paragraph', text: summary(changes) },
        changeTable(changes),
      ]),
      ...architectures.flatMap((one) => useChart(one, kernelSequence(censuses, one)) ?? []),
      ...(comparisons.length === 0
        ? [{ kind: 'paragraph', text: 'No architecture has a kernel on both sides.' } as const]
        : []),
      ...unusedBlocks(unused),
    ],
  };
}

function summary(changes: readonly JudgedChange[]): string {
  const counts = consequences
    .map(
      (consequence) =>
        [consequence, changes.filter((one) => one.consequence === consequence).length] as const,
    )
    .filter(([, count]) => count > 0)
    .map(([consequence, count]) => `${count} ${consequence}`);
  const accepted = changes.filter(({ accepted: reason }) => reason !== undefined).length;
  const total = `${changes.length} changes`;
  return `${total}${counts.length === 0 ? '' : `: ${counts.join(', ')}`}${accepted === 0 ? '' : `; ${accepted} accepted`}.`;
}

function changeTable(changes: readonly JudgedChange[]): Block {
  return {
    kind: 'table',
    columns: ['consequence', 'change', 'subject', 'what', 'why'].map((label) => ({ label })),
    rowHeader: 2,
    rows: changes.map(({ consequence, kind, subject, text, why, accepted }) => ({
      cells: [
        {
          text: consequence,
          tone: accepted === undefined ? tones[consequence] : 'muted',
          ...(accepted === undefined ? {} : { badges: [{ text: 'accepted' }] }),
        },
        kind,
        { text: subject, code: true },
        text,
        accepted ?? why,
      ],
    })),
    empty: 'nothing changed',
  };
}

function unusedBlocks(unused: readonly AcceptedChange[]): readonly Block[] {
  if (unused.length === 0) return [];
  return [
    { kind: 'heading', level: 2, text: 'Entries of the baseline that nothing needs' },
    {
      kind: 'list',
      items: unused.map(({ architecture, kind, subject }) =>
        [architecture, kind, subject].filter((one) => one !== undefined).join(' '),
      ),
    },
  ];
}
