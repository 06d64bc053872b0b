import type { Block, Report, Row, Tone } from '@kelp/report';
import { changeRow, describeVerdict, inventedBlock } from './clear-report.ts';
import { costsOf, type Costs } from './costs.ts';
import { earlyGain, type EarlyGain } from './early-gain.ts';
import { hexadecimal } from './lifecycle-json.ts';
import type { Lifecycle, StepOutcome } from './play.ts';
import type { Scene } from './scene.ts';
import type { Step } from './steps.ts';
import type { StepVerdict } from './verdict.ts';

/** What `kelp lifecycle` prints: with several strategies first how they compare, then the steps of each. */
export function lifecycleReport(scene: Scene, lives: readonly Lifecycle[], bytes: boolean): Report {
  const { around, patch } = scene;
  return {
    title: `The life of ${patch.name} (${around.architecture.title}, ${around.kernel.release})`,
    blocks: [
      ...inventedBlock(scene),
      ...(lives.length > 1 ? [comparisonTable(lives)] : []),
      ...(lives.some(({ strategy }) => strategy.relocated === 'early') ? [gainTable(earlyGain(scene))] : []),
      ...(lives.some(({ strategy }) => strategy.undone === 'restored') ? [costBlock(costsOf(scene))] : []),
      ...lives.flatMap((life) => lifeBlocks(life, bytes)),
    ],
  };
}

/** One row for each strategy: what goes wrong in its life. */
function comparisonTable(lives: readonly Lifecycle[]): Block {
  return {
    kind: 'table',
    caption: 'Strategies',
    columns: [
      { label: 'strategy' },
      { label: 'what it is' },
      ...faultColumns.map(({ label }) => ({ label, align: 'right' as const })),
    ],
    rows: lives.map(({ strategy, faults }) => ({
      cells: [
        strategy.name,
        strategy.title,
        ...faultColumns.map(({ count }) => {
          const value = faults[count];
          return { text: value, ...(value === 0 ? {} : { tone: 'bad' as const }) };
        }),
      ],
    })),
  };
}

/** What relocations against modules spoil because finalization comes before them. */
function gainTable({ late, early, sections }: EarlyGain): Block {
  return {
    kind: 'table',
    caption:
      `Loaded after its modules, the livepatch: ${shortVerdict(late)} with late relocations, ` +
      `${shortVerdict(early)} with early ones. What finalization makes of each section`,
    columns: [
      { label: 'section' },
      { label: 'relocations against modules', align: 'right' },
      { label: 'bytes that differ', align: 'right' },
      { label: 'made by' },
    ],
    rows: sections.map(({ section, relocations, bytes, causes }) => ({
      cells: [
        { text: section, code: true },
        relocations,
        { text: bytes, ...(bytes === 0 ? {} : { tone: 'bad' as const }) },
        causes.join(', '),
      ],
    })),
    empty: 'no relocations against modules',
  };
}

function costBlock({ livepatch, relocations, changed, sections, switchable }: Costs): Block {
  return {
    kind: 'definitions',
    definitions: [
      {
        term: 'Memory of the livepatch',
        value: `${livepatch} bytes, ${relocations} relocations against modules`,
      },
      { term: 'Resetting places only keeps', value: `${changed} bytes` },
      {
        term: 'Resetting whole sections keeps',
        value: `${sections} bytes, and has to follow ${switchable} instructions that the kernel may switch`,
      },
    ],
  };
}

const faultColumns = [
  { label: 'failed loads', count: 'failedLoads' },
  { label: 'dies', count: 'deaths' },
  { label: 'refused removals', count: 'refusedRemovals' },
  { label: 'lost', count: 'lost' },
  { label: 'stale', count: 'stale' },
  { label: 'leaked', count: 'leaked' },
  { label: 'misdirected', count: 'misdirected' },
] as const;

function lifeBlocks({ strategy, outcomes }: Lifecycle, bytes: boolean): readonly Block[] {
  return [
    { kind: 'heading', level: 2, text: `${strategy.name}: ${strategy.title}` },
    { kind: 'paragraph', text: strategy.description },
    {
      kind: 'table',
      caption: 'Steps',
      columns: [
        { label: 'step' },
        { label: 'how it went' },
        { label: 'bytes changed', align: 'right' },
        { label: 'stale relocations', align: 'right' },
        { label: 'leaked slots', align: 'right' },
        { label: 'misdirected slots', align: 'right' },
      ],
      rows: outcomes.map(stepRow),
    },
    ...outcomes.flatMap((outcome, index) => detailBlocks(outcome, index + 1, bytes)),
  ];
}

function stepRow({ step, verdict, changes, stale, leaked, misdirected }: StepOutcome): Row {
  const changed = changes.reduce((sum, one) => sum + one.new.length, 0);
  return {
    cells: [
      describeStep(step),
      { text: shortVerdict(verdict), tone: toneOf(verdict) },
      changed,
      stale.length,
      leaked.length,
      misdirected.length,
    ],
  };
}

function describeStep({ name, target }: Step): string {
  return target === undefined ? name : `${name} ${target}`;
}

function shortVerdict(verdict: StepVerdict): string {
  if (verdict.status === 'refused') return `refused: ${verdict.errno}`;
  return verdict.status === 'fault' ? 'the kernel dies' : verdict.status;
}

function toneOf({ status }: StepVerdict): Tone | undefined {
  if (status === 'done') return 'good';
  return status === 'skipped' ? 'muted' : 'bad';
}

function detailBlocks(outcome: StepOutcome, number: number, bytes: boolean): readonly Block[] {
  const { step, verdict, lost, mismatches, misdirected, state, changes } = outcome;
  const items = [
    ...(verdict.status === 'done' ? [] : [describeVerdict(verdict)]),
    ...(verdict.status === 'refused' ? verdict.messages.map((message) => `log: ${message}`) : []),
    ...lost.map(
      ({ section, offset, symbol }) => `not written, and nobody is told: ${section}+${offset} ${symbol}`,
    ),
    ...mismatches.map(
      ({ section, offset }) => `not cleared, because it holds something else: ${section}+${offset}`,
    ),
    ...misdirected.map(
      ({ slot, wanted, place }) =>
        `${slot.kind} slot at ${hexadecimal(slot.address)} leads to ${hexadecimal(slot.target)} instead of ` +
        `${hexadecimal(wanted)}: ${place.symbol}`,
    ),
    ...state.map(({ name, old, new: changed }) => `loader: ${name} ${old} -> ${changed}`),
  ];
  const blocks: Block[] = [];
  if (items.length > 0 || (bytes && changes.length > 0))
    blocks.push({ kind: 'heading', level: 3, text: `Step ${number}: ${describeStep(step)}` });
  if (items.length > 0) blocks.push({ kind: 'list', items });
  if (bytes && changes.length > 0) {
    blocks.push({
      kind: 'table',
      caption: 'Bytes',
      columns: ['address', 'section', 'offset', 'old', 'new'].map((label) => ({ label })),
      rows: changes.map(changeRow),
    });
  }
  return blocks;
}
