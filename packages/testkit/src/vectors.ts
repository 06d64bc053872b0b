import { KelpError, type Letters } from '@kelp/core';

/** One relocation that a linker has done. */
export interface Vector {
  /** ELF64_R_TYPE. */
  readonly type: number;
  /** The name that binutils prints for it. */
  readonly name: string;
  /** Values of the formula's letters, as the linker used them: S, A, P and, where the type needs them, D, G, L, O, TOC. */
  readonly letters: Letters;
  /** The bytes at the place as the assembler wrote them. */
  readonly before: Uint8Array;
  /** The bytes as the linker left them; undefined where the linker refused the value. */
  readonly after: Uint8Array | undefined;
  /** The kernel's rule for what fits is another one here: it refuses what the linker stored, or stores what it refused. */
  readonly kernelDisagrees: boolean;
}

/** Golden vectors of one architecture. */
export interface VectorFile {
  /** The linker and its version. */
  readonly tool: string;
  /** Names of types without vectors, and why: the linker cannot be asked. */
  readonly omitted: ReadonlyMap<string, string>;
  readonly vectors: readonly Vector[];
}

/**
 * Read a `vectors.json`.
 *
 * @throws KelpError `testkit/vectors` naming the case that cannot be read.
 */
export function parseVectors(text: string): VectorFile {
  const value = parseJson(text);
  if (!isRecord(value) || typeof value['tool'] !== 'string' || !Array.isArray(value['cases'])) {
    throw new KelpError('testkit/vectors', 'expected an object with tool and cases');
  }
  return {
    tool: value['tool'],
    omitted: parseOmitted(value['omitted'] ?? {}),
    vectors: value['cases'].map((one: unknown, index) => parseVector(one, index)),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new KelpError('testkit/vectors', 'not a JSON file', {}, { cause: error });
  }
}

function parseOmitted(value: unknown): ReadonlyMap<string, string> {
  const reasons = isRecord(value) ? Object.entries(value) : [['', undefined] as const];
  return new Map(
    reasons.map(([name, reason]) => {
      if (typeof reason !== 'string')
        throw new KelpError('testkit/vectors', 'omitted is not an object of reasons');
      return [name, reason];
    }),
  );
}

function parseVector(value: unknown, index: number): Vector {
  if (!isRecord(value)) throw new KelpError('testkit/vectors', `case ${index} is not an object`);
  const { type, name, before } = value;
  if (typeof type !== 'number' || !Number.isInteger(type) || typeof name !== 'string') {
    throw new KelpError('testkit/vectors', `case ${index} lacks type or name`);
  }
  const letters = parseLetters(value, index);
  // A branch with D does not go straight to its target, in the kernel as in the linker: the distance from P to D fits both.
  const kernelDisagrees = value['linker'] !== undefined && letters['D'] === undefined;
  return {
    type,
    name,
    letters,
    before: parseHex(before, 'before', index),
    after: parseAfter(value, index),
    kernelDisagrees,
  };
}

/** The result of a case: bytes, or the linker's refusal, and never both. */
function parseAfter(
  { after, refused, linker }: Readonly<Record<string, unknown>>,
  index: number,
): Uint8Array | undefined {
  const refusal = refused === true || linker === 'refused';
  if (refusal === (after !== undefined)) {
    throw new KelpError('testkit/vectors', `case ${index} needs either after or a refusal by the linker`);
  }
  return refusal ? undefined : parseHex(after, 'after', index);
}

function parseLetters(value: Readonly<Record<string, unknown>>, index: number): Letters {
  const letters = Object.entries(value).filter(([key]) => /^[A-Z]+$/u.test(key));
  const values = new Map(letters.map(([letter, text]) => [letter, parseNumber(letter, text, index)]));
  const [S, A, P] = [values.get('S'), values.get('A'), values.get('P')];
  if (S === undefined || A === undefined || P === undefined) {
    throw new KelpError('testkit/vectors', `case ${index} lacks S, A or P`);
  }
  return { ...Object.fromEntries(values), S, A, P };
}

function parseNumber(letter: string, value: unknown, index: number): bigint {
  const match = typeof value === 'string' ? /^(-?)(0x[0-9a-f]+|\d+)$/u.exec(value) : null;
  if (match?.[2] === undefined)
    throw new KelpError('testkit/vectors', `case ${index}: ${letter} is not a number`);
  return BigInt.asIntN(64, match[1] === '-' ? -BigInt(match[2]) : BigInt(match[2]));
}

function parseHex(value: unknown, member: string, index: number): Uint8Array {
  if (typeof value !== 'string' || !/^(?:[0-9a-f]{2})+$/u.test(value)) {
    throw new KelpError('testkit/vectors', `case ${index}: ${member} is not a string of hexadecimal bytes`);
  }
  return Uint8Array.from(value.match(/../gu) ?? [], (pair) => Number.parseInt(pair, 16));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
