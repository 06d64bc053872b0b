import { KelpError, type Letters } from '@kelp/core';

/** One relocation that a linker has done. */
export interface Vector {
  /** ELF64_R_TYPE. */
  readonly type: number;
  /** The name that binutils prints for it. */
  readonly name: string;
  /** Values of the formula's letters, as the linker used them: S, A, P and, where the type needs them, G, O, L, TOC. */
  readonly letters: Letters;
  /** The bytes at the place as the assembler wrote them. */
  readonly before: Uint8Array;
  /** The bytes as the linker left them; undefined where the linker refused the value. */
  readonly after: Uint8Array | undefined;
}

/** Golden vectors of one architecture. */
export interface VectorFile {
  /** The linker and its version. */
  readonly tool: string;
  readonly vectors: readonly Vector[];
}

/**
 * Read a `vectors.json`.
 *
 * @throws KelpError `testkit/vectors` naming the case that cannot be read.
 */
export function parseVectors(text: string): VectorFile {
  const value: unknown = JSON.parse(text);
  if (!isRecord(value) || typeof value['tool'] !== 'string' || !Array.isArray(value['cases'])) {
    throw new KelpError('testkit/vectors', 'expected an object with tool and cases');
  }
  return { tool: value['tool'], vectors: value['cases'].map((one: unknown, index) => parseVector(one, index)) };
}

function parseVector(value: unknown, index: number): Vector {
  if (!isRecord(value)) throw new KelpError('testkit/vectors', `case ${index} is not an object`);
  const { type, name, before, after } = value;
  if (typeof type !== 'number' || typeof name !== 'string' || typeof before !== 'string') {
    throw new KelpError('testkit/vectors', `case ${index} lacks type, name or before`);
  }
  const letters = Object.entries(value).filter(([key]) => /^[A-Z]+$/u.test(key));
  const values = new Map(letters.map(([letter, text]) => [letter, BigInt.asIntN(64, parseNumber(text, index))]));
  const [S = 0n, A = 0n, P = 0n] = [values.get('S'), values.get('A'), values.get('P')];
  return {
    type,
    name,
    letters: { ...Object.fromEntries(values), S, A, P },
    before: parseHex(before),
    after: typeof after === 'string' ? parseHex(after) : undefined,
  };
}

function parseNumber(value: unknown, index: number): bigint {
  const match = typeof value === 'string' ? /^(-?)(0x[0-9a-f]+|\d+)$/u.exec(value) : null;
  if (match?.[2] === undefined) throw new KelpError('testkit/vectors', `case ${index} has a letter that is not a number`);
  return match[1] === '-' ? -BigInt(match[2]) : BigInt(match[2]);
}

function parseHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../gu) ?? [], (pair) => Number.parseInt(pair, 16));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
