import type { Block, Report, Row, Tone } from '@kelp/report';
import { describeVerdict } from '../lifecycle/clear-report.ts';
import { summarize, type SampleEvidence } from './evidence.ts';
import { proposals, type Proposal } from './proposals.ts';

/** The overview of `kelp proposals`: each proposal in words, and what came of playing it. */
export function proposalsReport(evidence: readonly SampleEvidence[]): Report {
  const samples = new Map(evidence.map(({ sample, description }) => [sample, description]));
  return {
    title: 'Modules that come and go: what is proposed, and what it comes to',
    blocks: [
      {
        kind: 'paragraph',
        text:
          'Written by the command kelp proposals. Each proposal was played on livepatches that the command makes itself, on every kernel ' +
          'listed: the livepatch is loaded, its module comes, goes, and comes again, three times at new addresses.',
      },
      {
        kind: 'definitions',
        definitions: summaries.map(([term, value]) => ({ term, value })),
      },
      ...[...samples].flatMap(([sample, description]) => sampleBlocks(sample, description, evidence)),
      gainTable(evidence),
      costTable(evidence),
      ...proposals.flatMap(proposalBlocks),
    ],
  };
}

/** What the words in the tables mean. */
const summaries = [
  ['works', 'every step goes as it should, and nothing is left behind'],
  ['works, stale meanwhile', 'while the module is gone, fields still lead to where it was'],
  ['works, leaks', 'stubs or entries that nothing uses any more stay taken'],
  ['load N: ERRNO', 'the module is refused when it is loaded for the N-th time'],
  ['dies', 'a store into memory that the kernel cannot write'],
  ['old address used', 'after a reload something still leads to where the module was before'],
  ['wrong SECTION', 'finalization has read or sorted the section before it was relocated'],
  ['has to wait', 'the livepatch cannot be loaded before its module'],
  ['module is held', 'the module cannot be removed'],
] as const;

function proposalBlocks({ title, changes, solves, cannot }: Proposal): readonly Block[] {
  return [
    { kind: 'heading', level: 2, text: title },
    {
      kind: 'definitions',
      definitions: [
        { term: 'Changes', value: changes },
        { term: 'Solves', value: solves },
        { term: 'Cannot', value: cannot },
      ],
    },
  ];
}

function kernelName({ architecture, series }: SampleEvidence): string {
  return `${architecture.id} ${series}`;
}

function sampleBlocks(sample: string, description: string, all: readonly SampleEvidence[]): readonly Block[] {
  const evidence = all.filter((one) => one.sample === sample);
  return [
    { kind: 'heading', level: 2, text: `Sample: ${sample}` },
    { kind: 'paragraph', text: description },
    {
      kind: 'table',
      columns: [{ label: 'proposal' }, ...evidence.map((one) => ({ label: kernelName(one) }))],
      rows: proposals.map(({ title, strategy }) => ({
        cells: [
          title,
          ...evidence.map(({ lives, gain }) => {
            const life = lives.get(strategy);
            const text = life === undefined ? '' : summarize(life, gain);
            return { text, tone: toneOf(text) };
          }),
        ],
      })),
    },
  ];
}

function toneOf(summary: string): Tone {
  if (summary === 'works') return 'good';
  return /^(?:has to wait|module is held|works)/u.test(summary) ? 'warning' : 'bad';
}

/** Late relocations against early ones, where it makes a difference. */
function gainTable(evidence: readonly SampleEvidence[]): Block {
  return {
    kind: 'table',
    caption:
      'What vanishes where relocations against modules are written before finalization: sections whose bytes differ, and loads that fail, the module being there first',
    columns: [
      { label: 'kernel' },
      { label: 'sample' },
      { label: 'section' },
      { label: 'relocations', align: 'right' },
      { label: 'written late' },
      { label: 'written early' },
      { label: 'bytes that differ', align: 'right' },
      { label: 'made by' },
    ],
    rows: evidence.flatMap(gainRows),
  };
}

function gainRows(one: SampleEvidence): readonly Row[] {
  const { gain, sample } = one;
  const [late, early] = [gain.late, gain.early].map((verdict) =>
    describeVerdict(verdict).replaceAll(/0x[0-9a-f]{9,}/gu, 'an address'),
  );
  return gain.sections
    .filter(({ bytes, relocations }) => bytes > 0 || (late !== early && relocations > 0))
    .map(({ section, relocations, bytes, causes }) => ({
      cells: [
        kernelName(one),
        sample,
        { text: section, code: true },
        relocations,
        late ?? '',
        early ?? '',
        bytes,
        causes.join(', '),
      ],
    }));
}

function costTable(evidence: readonly SampleEvidence[]): Block {
  const columns = [
    ['livepatch', 'memory of the livepatch'],
    ['relocations', 'late relocations'],
    ['changed', 'reset, places only: bytes kept'],
    ['sections', 'reset, whole sections: bytes kept'],
    ['switchable', 'and places to follow'],
    ['modules', 'more modules, one per object'],
  ] as const;
  return {
    kind: 'table',
    caption: 'Costs in bytes and numbers',
    columns: [
      { label: 'kernel' },
      { label: 'sample' },
      ...columns.map(([, label]) => ({ label, align: 'right' as const })),
    ],
    rows: evidence.map((one) => ({
      cells: [kernelName(one), one.sample, ...columns.map(([name]) => one.costs[name])],
    })),
  };
}

/** Plain data of `kelp proposals --json`. */
export function proposalsJson(evidence: readonly SampleEvidence[]): unknown {
  return {
    schema: 1,
    proposals: proposals.map((proposal) => ({
      ...proposal,
      evidence: evidence.map(({ sample, architecture, series, lives, gain }) => {
        const life = lives.get(proposal.strategy);
        return {
          sample,
          architecture: architecture.id,
          kernel: series,
          summary: life === undefined ? null : summarize(life, gain),
          faults: life?.faults ?? null,
        };
      }),
    })),
    early: evidence.map(({ sample, architecture, series, gain }) => ({
      sample,
      architecture: architecture.id,
      kernel: series,
      late: gain.late.status,
      early: gain.early.status,
      sections: gain.sections,
    })),
    costs: evidence.map(({ sample, architecture, series, costs }) => ({
      sample,
      architecture: architecture.id,
      kernel: series,
      ...costs,
    })),
  };
}
