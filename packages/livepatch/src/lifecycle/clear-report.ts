import type { Block, Report, Row } from '@kelp/report';
import type { ChangedBytes } from '@kelp/loader';
import type { ClearPlan } from './clear.ts';
import { hexadecimal } from './lifecycle-json.ts';
import type { Scene } from './scene.ts';
import type { StepVerdict } from './verdict.ts';

/** What `kelp clear` prints: for each module the writes, and what the loader must forget. */
export function clearReport(scene: Scene, plans: readonly ClearPlan[]): Report {
  const { around, patch } = scene;
  return {
    title: `Clearing ${patch.name} (${around.architecture.title}, ${around.kernel.release})`,
    blocks: [
      ...inventedBlock(scene),
      ...plans.flatMap((plan) => planBlocks(plan, around.architecture.livepatch?.clear !== undefined)),
      ...(plans.length === 0
        ? [{ kind: 'paragraph', text: 'The livepatch has no relocations against modules.' } as const]
        : []),
    ],
  };
}

/** What nobody gave and was made up. */
export function inventedBlock({ invented }: Scene): readonly Block[] {
  if (invented.length === 0) return [];
  return [{ kind: 'paragraph', text: `Made up, the same way each time: ${invented.join('; ')}.` }];
}

function planBlocks(plan: ClearPlan, others: boolean): readonly Block[] {
  const { object, applied, byKernel, writes, state, mismatches, kept } = plan;
  return [
    { kind: 'heading', level: 2, text: object },
    ...(applied.status === 'done'
      ? []
      : [{ kind: 'paragraph', text: { text: describeVerdict(applied), tone: 'bad' } } as const]),
    { kind: 'paragraph', text: whoClears(byKernel, others) },
    {
      kind: 'table',
      caption: 'Writes',
      columns: [
        { label: 'address' },
        { label: 'section' },
        { label: 'offset', align: 'right' },
        { label: 'old' },
        { label: 'new' },
      ],
      rows: writes.map(changeRow),
      empty: 'nothing to write',
    },
    {
      kind: 'table',
      caption: "What the loader's memory of the module becomes",
      columns: [{ label: 'state' }, { label: 'old', align: 'right' }, { label: 'new', align: 'right' }],
      rows: state.map(({ name, old, new: changed }) => ({ cells: [name, old, changed] })),
      empty: 'as it is',
    },
    ...(mismatches.length === 0
      ? []
      : [
          {
            kind: 'table',
            caption: 'Fields that hold something else and are left',
            columns: ['section', 'offset', 'symbol', 'expected', 'actual'].map((label) => ({ label })),
            rows: mismatches.map(({ section, offset, symbol, expected, actual }) => ({
              cells: [section, offset, symbol, hexadecimal(expected), hexadecimal(actual)],
            })),
          } as const,
        ]),
    ...(kept.length === 0
      ? []
      : [
          {
            kind: 'table',
            caption: 'Slots that nothing uses and that must stay, because one in use stands behind them',
            columns: ['kind', 'address', 'leads to'].map((label) => ({ label })),
            rows: kept.map(({ kind, address, target }) => ({
              cells: [kind, hexadecimal(address), hexadecimal(target)],
            })),
          } as const,
        ]),
  ];
}

function whoClears(byKernel: boolean, others: boolean): string {
  if (byKernel) return 'This is what clear_relocate_add() of the kernel does.';
  return others
    ? 'This kernel does not clear, or not this; here is what a complete clear_relocate_add() has to do.'
    : 'No kernel of this architecture clears; here is what a clear_relocate_add() would have to do.';
}

/** A run of changed bytes as a row: address, section, offset, old, new. */
export function changeRow({ address, section, offset, old, new: written }: ChangedBytes): Row {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  return {
    cells: [
      hexadecimal(address),
      section === undefined ? '' : { text: section, code: true },
      hexadecimal(BigInt(offset)),
      { text: hex(old), code: true },
      { text: hex(written), code: true },
    ],
  };
}

/** A verdict in words. */
export function describeVerdict(verdict: StepVerdict): string {
  switch (verdict.status) {
    case 'done':
      return 'done';
    case 'skipped':
      return `nothing to do: ${verdict.reason}`;
    case 'fault':
      return `the kernel dies at ${hexadecimal(verdict.address)}: ${verdict.reason}`;
    case 'refused': {
      const { errno, moment, section, offset, symbol, reason } = verdict;
      const place = [
        section,
        offset === undefined ? undefined : hexadecimal(BigInt(offset)),
        symbol === '' ? undefined : symbol,
      ].filter((part) => part !== undefined);
      return `${errno} from ${moment}: ${[...place, reason].join(': ')}`;
    }
  }
}
