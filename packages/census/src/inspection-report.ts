import type { Block, Definition, Report, TableBlock } from '@kelp/report';
import { sectionTable } from './inspection-sections.ts';
import type { InspectedSection, Inspection } from './inspection.ts';

/** Most refusals shown in full; the rest is counted. */
const shownRefusals = 20;

/** What `kelp inspect` prints. */
export function inspectionReport(inspection: Inspection): Report {
  return {
    title: inspection.file,
    blocks: [
      header(inspection),
      loaderBlock(inspection),
      { kind: 'heading', level: 2, text: 'Relocations' },
      relocationTable(inspection),
      { kind: 'heading', level: 2, text: 'Special sections' },
      specialTable(inspection),
      ...inspection.special.flatMap(entriesBlocks),
      { kind: 'heading', level: 2, text: 'Sections' },
      sectionTable(inspection),
      { kind: 'heading', level: 2, text: 'Symbols it needs' },
      symbolBlock(inspection),
      ...findingBlocks(inspection),
    ],
  };
}

const fileTypes: ReadonlyMap<number, string> = new Map([
  [1, 'REL (relocatable)'],
  [2, 'EXEC (executable)'],
  [3, 'DYN (shared object)'],
]);

function header({ architecture, type, flags, kernel, modinfo }: Inspection): Block {
  const definitions: Definition[] = [
    { term: 'Architecture', value: architecture.title },
    { term: 'Byte order', value: architecture.elf.byteOrder },
    { term: 'Type', value: fileTypes.get(type) ?? `0x${type.toString(16)}` },
    { term: 'Flags', value: `0x${flags.toString(16)}` },
    { term: 'Judged by kernel', value: kernel?.release ?? 'none' },
    ...(kernel?.configuration === undefined
      ? [{ term: 'Configuration', value: 'not known, so options count as off' }]
      : []),
    ...modinfo.map(({ tag, value }) => ({ term: `modinfo ${tag}`, value })),
  ];
  return { kind: 'definitions', definitions };
}

/** Whether the loader takes the module: everything it does not take, in the order in which it would meet it. */
function loaderBlock({ refused, kernel }: Inspection): Block {
  if (kernel === undefined) return { kind: 'paragraph', text: 'Loader: not judged, as no kernel is known.' };
  if (refused === null)
    return { kind: 'paragraph', text: 'Loader: not judged, as the file is linked already.' };
  const [first] = refused;
  if (first === undefined) {
    return {
      kind: 'paragraph',
      text: { text: `Loader: ${kernel.release} accepts every relocation.`, tone: 'good' },
    };
  }
  const more = refused.length > shownRefusals ? `, the first ${shownRefusals}` : '';
  const reasons = refused.length === 1 ? '1 reason' : `${refused.length} reasons`;
  return {
    kind: 'table',
    caption: `Loader: ${kernel.release} refuses the module with ${first.errno}; ${reasons}${more}`,
    columns: ['errno', 'section', 'offset', 'type', 'symbol', 'reason'].map((label) => ({ label })),
    rows: refused
      .slice(0, shownRefusals)
      .map(({ errno, section, offset, type, typeName, symbol, reason }) => ({
        cells: [
          { text: errno, tone: 'bad' },
          section,
          offset === undefined ? '' : `0x${offset.toString(16)}`,
          typeName ?? (type === undefined ? '' : `unknown(${type})`),
          symbol ?? '',
          reason,
        ],
      })),
  };
}

/** Most sections shown beside a relocation type; the rest is counted. */
const shownSections = 4;

function relocationTable({ inventory }: Inspection): TableBlock {
  const types = [...new Set(inventory.relocations.map(({ type }) => type))].toSorted((a, b) => a - b);
  return {
    kind: 'table',
    columns: [
      { label: 'type', align: 'right' },
      { label: 'name' },
      { label: 'count', align: 'right' },
      { label: 'sections' },
    ],
    rows: types.map((type) => {
      const uses = inventory.relocations.filter((use) => use.type === type);
      const sections = [...new Set(uses.map(({ section }) => section))];
      const more = sections.length > shownSections ? ` and ${sections.length - shownSections} more` : '';
      const name = inventory.architecture.relocationType(type)?.name ?? `unknown(${type})`;
      const count = uses.reduce((sum, use) => sum + use.count, 0);
      return { cells: [type, name, count, `${sections.slice(0, shownSections).join(', ')}${more}`] };
    }),
  };
}

function specialTable({ special }: Inspection): TableBlock {
  return {
    kind: 'table',
    columns: [
      { label: 'section' },
      { label: 'bytes', align: 'right' },
      { label: 'entries', align: 'right' },
      { label: 'entry size', align: 'right' },
      { label: 'phase' },
      { label: 'patches code' },
      { label: 'livepatch hazard' },
    ],
    rows: special.map(({ name, bytes, count, entrySize, row }) => ({
      cells: [
        { text: name, code: true },
        bytes,
        count ?? '',
        entrySize ?? '',
        row?.phase ?? 'unknown',
        row?.patchesCode === true ? 'yes' : '',
        { text: row?.hazard.level ?? 'unknown', tone: row?.hazard.level === 'high' ? 'warning' : undefined },
      ],
    })),
  };
}

function entriesBlocks({ name, entries }: InspectedSection): readonly Block[] {
  const [first] = entries ?? [];
  if (entries === null || first === undefined) return [];
  return [
    {
      kind: 'table',
      caption: `Entries of ${name}`,
      columns: [{ label: 'entry', align: 'right' }, ...first.map(({ field }) => ({ label: field }))],
      rows: entries.map((entry, index) => ({ cells: [index, ...entry.map(({ value }) => value)] })),
    },
  ];
}

function symbolBlock({ neededSymbols }: Inspection): Block {
  if (neededSymbols.length === 0) return { kind: 'paragraph', text: 'none' };
  return { kind: 'list', items: neededSymbols.map((text) => ({ text, code: true })) };
}

function findingBlocks({ findings }: Inspection): readonly Block[] {
  if (findings.length === 0) return [];
  return [
    { kind: 'heading', level: 2, text: 'Findings' },
    {
      kind: 'table',
      columns: ['severity', 'code', 'section', 'message'].map((label) => ({ label })),
      rows: findings.map(({ severity, code, place, message }) => ({
        cells: [severity, code, place?.section ?? '', message],
      })),
    },
  ];
}
