import type { Block, Report } from '@kelp/report';
import type { ComparedSection, UnexplainedBytes } from './comparison.ts';
import type { Inference } from './inference.ts';
import { tracedFunctions, tracedRows, type SymbolAt } from './traced-functions.ts';
import { isExplained, type UnverifiedModule, type VerifiedModule } from './verify.ts';

/** Version of the JSON of `kelp verify`. */
export const verifySchema = 1;

/** Most unexplained places that are shown in full. */
const shownPlaces = 40;

type Results = readonly (UnverifiedModule | VerifiedModule)[];

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

/** What `kelp verify` prints; the verdict comes last, where a terminal stands still. */
export function verifyReport(origin: string, results: Results, symbolAt: SymbolAt): Report {
  const verified = results.filter((result): result is VerifiedModule => 'sections' in result);
  const failed = results.filter((result): result is UnverifiedModule => 'error' in result);
  return {
    title: `Memory of ${origin}`,
    blocks: [
      ...(verified.length === 0 ? [] : [modulesTable(verified)]),
      ...inferredBlocks(verified.flatMap(({ inferences }) => inferences)),
      ...tracedBlocks(verified, symbolAt),
      ...findingBlocks(verified),
      ...refusedBlocks(verified),
      ...unexplainedBlocks(verified, symbolAt),
      ...absentBlocks(verified),
      ...failedBlocks(failed),
      verdict(results),
    ],
  };
}

/** Bytes by module and cause, the most frequent cause first. */
function modulesTable(verified: readonly VerifiedModule[]): Block {
  const total = sumSections(verified.flatMap(({ sections }) => sections));
  const causes = [...total.explained].toSorted((a, b) => b[1].bytes - a[1].bytes).map(([cause]) => cause);
  return {
    kind: 'table',
    caption: 'Bytes by what wrote them last',
    columns: ['module', 'compared', 'as in file', ...causes, 'unexplained'].map((label, index) => ({
      label,
      align: index === 0 ? 'left' : 'right',
    })),
    rows: [
      ...verified.map(({ name, sections }) => moduleRow(name, sumSections(sections), causes)),
      ...(verified.length === 1 ? [] : [moduleRow('all', total, causes)]),
    ].map((cells) => ({ cells })),
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

/** Answers that are shown whatever they are; of the others there are too many. */
function isShown({ kind }: Inference): boolean {
  return kind === 'feature' || kind === 'kernel-chosen' || kind === 'livepatch';
}

/** Features are many and have two answers: their names stand in two lists. */
function inferredBlocks(inferences: readonly Inference[]): readonly Block[] {
  const shown = inferences.filter(isShown);
  if (shown.length === 0) return [];
  const features = shown.filter(({ kind }) => kind === 'feature');
  const definitions = [...new Set(features.map(({ answer }) => answer))].toSorted().map((answer) => ({
    term: `Features ${answer}`,
    value: features
      .filter((one) => one.answer === answer)
      .map(({ id }) => id)
      .toSorted()
      .join(', '),
  }));
  const chosen = shown.filter(({ kind }) => kind === 'kernel-chosen');
  const livepatched = shown.filter(({ kind }) => kind === 'livepatch');
  const disputed = inferences.filter(({ disagreeing }) => disagreeing > 0);
  return [
    { kind: 'heading', level: 2, text: 'Inferred from memory' },
    ...(definitions.length === 0 ? [] : [{ kind: 'definitions' as const, definitions }]),
    ...(chosen.length === 0 ? [] : [inferenceTable('Values that the kernel chose', chosen)]),
    ...(livepatched.length === 0
      ? []
      : [
          inferenceTable(
            'Livepatch relocations, by livepatch and object, and addresses of stale ones',
            livepatched,
          ),
        ]),
    ...(disputed.length === 0 ? [] : [inferenceTable('Answers that some places contradict', disputed)]),
  ];
}

function inferenceTable(caption: string, inferences: readonly Inference[]): Block {
  return {
    kind: 'table',
    caption,
    columns: ['kind', 'name', 'value', 'places', 'contradicting'].map((label) => ({ label })),
    rows: inferences.map(({ kind, id, answer, agreeing, disagreeing }) => ({
      cells: [kind, id, answer, agreeing, disagreeing],
    })),
  };
}

function tracedBlocks(verified: readonly VerifiedModule[], symbolAt: SymbolAt): readonly Block[] {
  const rows = tracedRows(verified.flatMap((module) => tracedFunctions(module, symbolAt)));
  return tableBlocks('Traced', ['module', 'calls', 'functions', 'names'], rows);
}

function findingBlocks(verified: readonly VerifiedModule[]): readonly Block[] {
  const rows = verified.flatMap(({ name, findings }) =>
    findings.map(({ code, message }) => ({ cells: [name, code, message] })),
  );
  return tableBlocks('Findings', ['module', 'code', 'finding'], rows);
}

function refusedBlocks(verified: readonly VerifiedModule[]): readonly Block[] {
  const rows = verified.flatMap(({ name, refused }) =>
    refused === undefined
      ? []
      : [{ cells: [name, refused.errno, refused.symbol ?? '', refused.section ?? '', refused.reason] }],
  );
  return tableBlocks(
    'Refused by the prediction: addresses or symbols of the source are wrong',
    ['module', 'errno', 'symbol', 'section', 'reason'],
    rows,
  );
}

function unexplainedBlocks(verified: readonly VerifiedModule[], symbolAt: SymbolAt): readonly Block[] {
  const places = verified.flatMap((module) =>
    module.sections.flatMap((one) =>
      one.unexplained.map((difference) => ({ module: module.name, section: one, difference })),
    ),
  );
  const more = places.length > shownPlaces ? `, the first ${shownPlaces} of ${places.length} places` : '';
  const rows = places.slice(0, shownPlaces).map(({ module, section: one, difference }) => {
    const address = one.address + BigInt(difference.offset);
    const symbol = symbolAt(module, address);
    return {
      cells: [
        module,
        `${one.name}+${hex(difference.offset)}`,
        hex(address),
        symbol === undefined ? '' : `${symbol.symbol.name}+${hex(symbol.offset)}`,
        ...bytesOf(difference),
      ],
    };
  });
  const labels = ['module', 'place', 'address', 'symbol', 'predicted', 'memory'];
  return tableBlocks(`Unexplained${more}`, labels, rows);
}

function bytesOf({ expected, actual }: UnexplainedBytes): readonly string[] {
  return [expected, actual].map((bytes) => {
    const digits = hexDigits(bytes.subarray(0, 16));
    return bytes.length > 16 ? `${digits}... (${bytes.length} bytes)` : digits;
  });
}

function absentBlocks(verified: readonly VerifiedModule[]): readonly Block[] {
  const rows = verified.flatMap(({ name, skipped }) => {
    const absent = skipped.filter(({ reason }) => reason === 'not in the memory that was given');
    return absent.map((one) => ({ cells: [name, one.name] }));
  });
  return tableBlocks('Not in the memory that was given', ['module', 'section'], rows);
}

function failedBlocks(failed: readonly UnverifiedModule[]): readonly Block[] {
  const rows = failed.map(({ name, error }) => {
    const place = [error.file, error.section].filter((part) => part !== undefined);
    return { cells: [name, error.code, [...place, error.message].join(': ')] };
  });
  return tableBlocks('Not verified', ['module', 'code', 'message'], rows);
}

function tableBlocks(
  text: string,
  labels: readonly string[],
  rows: readonly { cells: readonly (number | string)[] }[],
): readonly Block[] {
  if (rows.length === 0) return [];
  return [
    { kind: 'heading', level: 2, text },
    { kind: 'table', columns: labels.map((label) => ({ label })), rows },
  ];
}

function verdict(results: Results): Block {
  if (results.length === 0)
    return { kind: 'paragraph', text: { text: 'No module is loaded.', tone: 'warning' } };
  const explained = results.filter(isExplained).length;
  if (explained === results.length)
    return { kind: 'paragraph', text: { text: 'Every byte is explained.', tone: 'good' } };
  const words = `Every byte is explained in ${explained} of ${results.length} modules.`;
  return { kind: 'paragraph', text: { text: words, tone: 'bad' } };
}

/**
 * Plain data for `kelp verify --json`.
 *
 * Beside schema, machine and modules it has `origin`; `failed` with the modules that could not be verified; and for a
 * module `refused`, `findings`, the sections that were `skipped`, with the reason, and the functions that are `traced`.
 */
export function verifyJson(origin: string, results: Results, symbolAt: SymbolAt): object {
  const verified = results.filter((result): result is VerifiedModule => 'sections' in result);
  const inferred = verified.flatMap(({ inferences }) => inferences);
  return {
    schema: verifySchema,
    origin,
    machine: { inferred: inferred.filter(isShown) },
    modules: verified.map((module) => moduleJson(module, symbolAt)),
    failed: results.flatMap((result) => {
      if (!('error' in result)) return [];
      const { code, message, file = null, section: place = null } = result.error;
      return [{ name: result.name, code, message, file, section: place }];
    }),
  };
}

function moduleJson(module: VerifiedModule, symbolAt: SymbolAt): object {
  const { name, architecture, refused, findings, sections, skipped } = module;
  return {
    name,
    architecture: architecture.id,
    refused: refused ?? null,
    findings: findings.map(({ code, message }) => ({ code, message })),
    sections: sections.map(({ name: title, address, bytes, equal, explained, unexplained }) => ({
      name: title,
      bytes,
      equal,
      explained,
      unexplained: unexplained.map(({ offset, length, expected, actual }) => ({
        offset,
        length,
        expected: hexDigits(expected),
        actual: hexDigits(actual),
        symbol: symbolAt(name, address + BigInt(offset))?.symbol.name ?? null,
      })),
    })),
    skipped,
    traced: tracedFunctions(module, symbolAt).map(({ address, symbol = null, tracer }) => ({
      address: hex(address),
      symbol,
      tracer,
    })),
  };
}

function hexDigits(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function hex(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}
