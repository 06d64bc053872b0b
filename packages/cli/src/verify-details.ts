import type { ExplainedAddress, FunctionSums, SymbolicAddress } from '@kelp/memory';
import type { Block } from '@kelp/report';

/** The functions of a module that something was written to. */
export function functionTable(module: string, functions: readonly FunctionSums[]): Block {
  const causes = [...new Set(functions.flatMap((one) => [...one.causes.keys()]))];
  return {
    kind: 'table',
    caption: `Functions of ${module}`,
    columns: ['function', 'address', 'bytes', ...causes, 'unexplained'].map((label) => ({ label })),
    rows: functions.map(({ name, address, bytes, causes: sums, unexplained }) => ({
      cells: [
        { text: name, code: true },
        `0x${address.toString(16)}`,
        bytes,
        ...causes.map((cause) => sums.get(cause) ?? 0),
        unexplained,
      ],
    })),
  };
}

/** One place: file, prediction and memory under each other, and what was written there. */
export function addressBlocks(
  module: string,
  place: ExplainedAddress,
  symbol: SymbolicAddress | undefined,
): readonly Block[] {
  const name = symbol === undefined ? 'unknown' : `${symbol.symbol.name}+0x${symbol.offset.toString(16)}`;
  return [
    {
      kind: 'definitions',
      definitions: [
        { term: 'Module', value: module },
        { term: 'Section', value: `${place.section}+0x${place.offset.toString(16)}` },
        { term: 'Symbol', value: name },
        { term: 'Written by', value: place.writes.length === 0 ? 'nothing' : place.writes.join(', then ') },
        { term: 'File', value: digits(place.file) },
        { term: 'Predicted', value: digits(place.predicted) },
        { term: 'Memory', value: digits(place.memory) },
        { term: 'Bytes from', value: `0x${place.start.toString(16)}` },
      ],
    },
  ];
}

function digits(bytes: Uint8Array | undefined): string {
  if (bytes === undefined) return 'not there';
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}
