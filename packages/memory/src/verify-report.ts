import type { Block, Report } from '@kelp/report';
import type { ComparedSection, UnexplainedBytes } from './comparison.ts';
import type { UnverifiedModule, VerifiedModule } from './verify.ts';

/** Version of the JSON of `kelp verify`. */
export const verifySchema = 1;

/** Most unexplained places that are shown in full. */
const shownPlaces = 40;

/** Sums over sections. */
export interface VerifySums {
  readonly bytes: number;
  readonly equal: number;
  readonly explained: ReadonlyMap<string, { readonly bytes: number; readonly sites: number }>;
  readonly unexplained: number;
}

/** Add up sections. */
export function sumSections(sections: readonly ComparedSection[]): VerifySums {
  const explained = new Map<string, { bytes: number; sites: number }>();
  let [bytes, equal, unexplained] = [0, 0, 0];
  for (const section of sections) {
    bytes += section.bytes;
    equal += section.equal;
    unexplained += section.unexplained.reduce((sum, { length }) => sum + length, 0);
    for (const one of section.explained) {
      const sum = explained.get(one.cause) ?? { bytes: 0, sites: 0 };
      explained.set(one.cause, { bytes: sum.bytes + one.bytes, sites: sum.sites + one.sites });
    }
  }
  return { bytes, equal, explained, unexplained };
}

/** What `kelp verify` prints. */
export function verifyReport(
  origin: string,
  results: readonly (UnverifiedModule | VerifiedModule)[],
): Report {
  const verified = results.filter((result): result is VerifiedModule => 'sections' in result);
  const failed = results.filter((result): result is UnverifiedModule => 'error' in result);
  const total = sumSections(verified.flatMap(({ sections }) => sections));
  const causes = [...total.explained.keys()];
  return {
    title: `Memory of ${origin}`,
    blocks: [
      {
        kind: 'table',
        columns: ['module', 'bytes', 'equal', ...causes, 'unexplained'].map((label, index) => ({
          label,
          align: index === 0 ? 'left' : 'right',
        })),
        rows: [
          ...verified.map(({ name, sections }) => moduleRow(name, sumSections(sections), causes)),
          moduleRow('all', total, causes),
        ].map((cells) => ({ cells })),
      },
      ...inferredBlocks(verified),
      ...refusedBlocks(verified),
      ...unexplainedBlocks(verified),
      ...failedBlocks(failed),
    ],
  };
}

function moduleRow(name: string, sums: VerifySums, causes: readonly string[]): readonly (number | string)[] {
  return [
    name,
    sums.bytes,
    sums.equal,
    ...causes.map((cause) => sums.explained.get(cause)?.bytes ?? 0),
    sums.unexplained,
  ];
}

function inferredBlocks(verified: readonly VerifiedModule[]): readonly Block[] {
  const features = verified.flatMap(({ inferences }) =>
    inferences.filter(({ kind }) => kind === 'feature' || kind === 'kernel-chosen'),
  );
  if (features.length === 0) return [];
  const labels = ['kind', 'name', 'answer', 'places that agree', 'that disagree'];
  return [
    { kind: 'heading', level: 2, text: 'Inferred from memory' },
    {
      kind: 'table',
      columns: labels.map((label) => ({ label })),
      rows: features.map(({ kind, id, answer, agreeing, disagreeing }) => ({
        cells: [kind, id, answer, agreeing, disagreeing],
      })),
    },
  ];
}

function refusedBlocks(verified: readonly VerifiedModule[]): readonly Block[] {
  const refused = verified.flatMap(({ name, refused: refusal }) =>
    refusal === undefined ? [] : [{ name, ...refusal }],
  );
  if (refused.length === 0) return [];
  return [
    { kind: 'heading', level: 2, text: 'Refused by the prediction' },
    {
      kind: 'table',
      columns: ['module', 'errno', 'symbol', 'section', 'reason'].map((label) => ({ label })),
      rows: refused.map(({ name, errno, symbol, section, reason }) => ({
        cells: [name, errno, symbol ?? '', section ?? '', reason],
      })),
    },
  ];
}

function unexplainedBlocks(verified: readonly VerifiedModule[]): readonly Block[] {
  const places = verified.flatMap(({ name, sections }) =>
    sections.flatMap((section) => section.unexplained.map((difference) => ({ name, section, difference }))),
  );
  if (places.length === 0)
    return [{ kind: 'paragraph', text: { text: 'Every byte is explained.', tone: 'good' } }];
  const more = places.length > shownPlaces ? `, the first ${shownPlaces} of ${places.length} places` : '';
  return [
    { kind: 'heading', level: 2, text: `Unexplained${more}` },
    {
      kind: 'table',
      columns: ['module', 'section', 'offset', 'address', 'expected', 'found'].map((label) => ({ label })),
      rows: places.slice(0, shownPlaces).map(({ name, section, difference }) => ({
        cells: [
          name,
          section.name,
          hex(difference.offset),
          hex(section.address + BigInt(difference.offset)),
          ...bytesOf(difference),
        ],
      })),
    },
  ];
}

function bytesOf({ expected, actual }: UnexplainedBytes): readonly string[] {
  return [expected, actual].map((bytes) => {
    const digits = hexDigits(bytes.subarray(0, 16));
    return bytes.length > 16 ? `${digits}... (${bytes.length} bytes)` : digits;
  });
}

function failedBlocks(failed: readonly UnverifiedModule[]): readonly Block[] {
  if (failed.length === 0) return [];
  return [
    { kind: 'heading', level: 2, text: 'Not verified' },
    {
      kind: 'table',
      columns: ['module', 'code', 'message'].map((label) => ({ label })),
      rows: failed.map(({ name, error }) => ({ cells: [name, error.code, error.message] })),
    },
  ];
}

/** Plain data for `kelp verify --json`. */
export function verifyJson(
  origin: string,
  results: readonly (UnverifiedModule | VerifiedModule)[],
  symbolAt: (address: bigint) => string | null,
): unknown {
  const verified = results.filter((result): result is VerifiedModule => 'sections' in result);
  const inferred = verified.flatMap(({ inferences }) => inferences);
  return {
    schema: verifySchema,
    origin,
    machine: { inferred: inferred.filter(({ kind }) => kind === 'feature' || kind === 'kernel-chosen') },
    modules: verified.map(({ name, architecture, sections, skipped, refused }) => ({
      name,
      architecture: architecture.id,
      refused: refused ?? null,
      sections: sections.map(({ name: section, address, bytes, equal, explained, unexplained }) => ({
        name: section,
        bytes,
        equal,
        explained,
        unexplained: unexplained.map(({ offset, length, expected, actual }) => ({
          offset,
          length,
          expected: hexDigits(expected),
          actual: hexDigits(actual),
          symbol: symbolAt(address + BigInt(offset)),
        })),
      })),
      skipped,
    })),
    failed: results.flatMap((result) =>
      'error' in result
        ? [{ name: result.name, code: result.error.code, message: result.error.message }]
        : [],
    ),
  };
}

function hexDigits(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function hex(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}
