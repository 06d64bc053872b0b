import type { ExplainedAddress, FunctionSums, SymbolicAddress } from '@kelp/memory';
import type { Block } from '@kelp/report';

/** The functions of a module that something was written to. */
export interface ModuleFunctions {
  readonly module: string;
  readonly functions: readonly FunctionSums[];
}

/** A place of a module. */
export interface Place {
  readonly module: string;
  readonly place: ExplainedAddress;
  readonly symbol: SymbolicAddress | undefined;
}

/** One line for each function: its bytes by the cause that wrote them last. */
export function functionTable({ module, functions }: ModuleFunctions): Block {
  const causes = [...new Set(functions.flatMap((one) => [...one.causes.keys()]))];
  return {
    kind: 'table',
    caption: `Functions of ${module}`,
    columns: ['function', 'address', 'bytes', ...causes, 'unexplained'].map((label) => ({ label })),
    rows: functions.map(({ name, address, bytes, causes: sums, unexplained }) => ({
      cells: [
        { text: name, code: true },
        hex(address),
        bytes,
        ...causes.map((cause) => sums.get(cause) ?? 0),
        unexplained,
      ],
    })),
  };
}

/** The same as plain data. */
export function functionsJson({ module, functions }: ModuleFunctions): object {
  return {
    module,
    functions: functions.map(({ name, address, bytes, causes, unexplained }) => ({
      name,
      address: hex(address),
      bytes,
      causes: [...causes].map(([cause, sum]) => ({ cause, bytes: sum })),
      unexplained,
    })),
  };
}

/** File, prediction and memory under each other, and what was written there. */
export function placeBlock({ module, place, symbol }: Place): Block {
  const name = symbol === undefined ? 'unknown' : `${symbol.symbol.name}+${hex(symbol.offset)}`;
  return {
    kind: 'definitions',
    definitions: [
      { term: 'Module', value: module },
      { term: 'Section', value: `${place.section}+${hex(place.offset)}` },
      { term: 'Symbol', value: name },
      { term: 'Written by', value: place.writes.length === 0 ? 'nothing' : place.writes.join(', then ') },
      { term: 'Bytes from', value: hex(place.start) },
      { term: 'File', value: digits(place.file, ' ') ?? 'not there' },
      { term: 'Predicted', value: digits(place.predicted, ' ') ?? 'not there' },
      { term: 'Memory', value: digits(place.memory, ' ') ?? 'not there' },
    ],
  };
}

/** The same as plain data. */
export function placeJson({ module, place, symbol }: Place): object {
  return {
    module,
    section: place.section,
    offset: place.offset,
    symbol: symbol === undefined ? null : { name: symbol.symbol.name, offset: Number(symbol.offset) },
    writes: place.writes,
    start: hex(place.start),
    file: digits(place.file) ?? null,
    predicted: digits(place.predicted) ?? null,
    memory: digits(place.memory) ?? null,
  };
}

function digits(bytes: Uint8Array | undefined, separator = ''): string | undefined {
  if (bytes === undefined) return undefined;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(separator);
}

function hex(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}
