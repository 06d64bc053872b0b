import {
  applyRelocation,
  compileFormula,
  extractValue,
  fieldMask,
  readContainer,
  relocationRule,
  type AppliedRule,
  type Architecture,
  type Kernel,
  type Letters,
  type RelocationOutcome,
} from '@kelp/core';
import type { Vector } from './vectors.ts';

/** How one relocation type of an architecture compares with what a linker did. */
export interface VectorResult {
  readonly type: number;
  /** The table's name; undefined where the table has no such type. */
  readonly name: string | undefined;
  /** The table gives the number another name than binutils, or none. */
  readonly misnamed: boolean;
  /** Cases in which both stored something. */
  readonly compared: number;
  /** Of those, the ones whose bytes differ; each described in words. */
  readonly mismatches: readonly string[];
  /** Of those, the ones in which the field read back is not the formula's value. */
  readonly misread: readonly string[];
  /** Cases in which one refuses and the other stores although the vector does not say so, or the other way round. */
  readonly unforeseen: readonly string[];
  /** Cases that both refuse. */
  readonly refusedByBoth: number;
  /** Cases that only the linker refuses: the kernel checks less. */
  readonly refusedByLinker: number;
  /** Cases that only the kernel refuses: it checks more. */
  readonly refusedByKernel: number;
}

/** Compare every type of the vectors that the kernel applies with what the linker did. */
export function checkVectors(
  architecture: Architecture,
  kernel: Kernel,
  vectors: readonly Vector[],
): readonly VectorResult[] {
  const types = [...new Set(vectors.map(({ type }) => type))];
  return types.flatMap((type) => {
    const cases = vectors.filter((vector) => vector.type === type);
    const row = architecture.relocationType(type);
    const rule = row === undefined ? undefined : relocationRule(row, kernel);
    return rule?.verdict === 'applied' ? [checkType(architecture, rule, type, cases)] : [];
  });
}

function checkType(
  architecture: Architecture,
  rule: AppliedRule,
  type: number,
  cases: readonly Vector[],
): VectorResult {
  const name = architecture.relocationType(type)?.name;
  const mismatches: string[] = [];
  const misread: string[] = [];
  const unforeseen: string[] = [];
  const counts = { compared: 0, refusedByBoth: 0, refusedByLinker: 0, refusedByKernel: 0 };
  for (const vector of cases) {
    const letters = completeLetters(architecture, vector.letters);
    const bytes = vector.before.slice();
    const outcome = applyVector(architecture, rule, letters, bytes);
    const refused = outcome.status === 'refused';
    const disagrees = refused !== (vector.after === undefined);
    if (disagrees !== vector.kernelDisagrees) {
      unforeseen.push(
        `${describe(vector)}: ${refused ? outcome.reason : 'stored'}, linker ${vector.after === undefined ? 'refused' : 'stored'}`,
      );
    }
    if (vector.after === undefined) counts[refused ? 'refusedByBoth' : 'refusedByLinker']++;
    else if (refused) counts.refusedByKernel++;
    else {
      counts.compared++;
      if (!equal(bytes, vector.after))
        mismatches.push(`${describe(vector)}: ${hex(bytes)}, linker ${hex(vector.after)}`);
      if (!readsBack(architecture, rule, letters, vector.after)) misread.push(describe(vector));
    }
  }
  const misnamed = cases.some((vector) => vector.name !== name);
  return { type, name, misnamed, mismatches, misread, unforeseen, ...counts };
}

function applyVector(
  architecture: Architecture,
  rule: AppliedRule,
  letters: Letters,
  bytes: Uint8Array,
): RelocationOutcome {
  const symbol = { name: 'target', external: false };
  return applyRelocation(rule, { bytes, offset: 0, letters, symbol, byteOrder: architecture.elf.byteOrder });
}

/** Letters that a linker does not know get their value from the formula for a target in reach. */
function completeLetters(architecture: Architecture, letters: Letters): Letters {
  const direct = Object.entries(architecture.linkage?.letters ?? {}).flatMap(
    ([letter, { direct: formula }]) =>
      letters[letter] === undefined && formula !== undefined
        ? [[letter, compileFormula(formula).evaluate(letters)] as const]
        : [],
  );
  return { ...letters, ...Object.fromEntries(direct) };
}

/** The linker's field, read back, is what the formula gives, in the bits that the field has. */
function readsBack(
  architecture: Architecture,
  rule: AppliedRule,
  letters: Letters,
  after: Uint8Array,
): boolean {
  const { field } = rule;
  // A special step stores in a way of its own; its bytes are compared, its field is not read.
  if (!rule.steps.some((step) => step.kind === 'write')) return true;
  const order = field.byteOrder ?? architecture.elf.byteOrder;
  const container = readContainer(after, 0, field.size, order);
  const width = field.parts.reduce((top, { from, width: bits }) => Math.max(top, from + bits), 0);
  const value = BigInt.asUintN(width, rule.formula.evaluate(letters) >> BigInt(field.shift));
  const covered = field.parts.reduce(
    (mask, { from, width: bits }) => mask | (((1n << BigInt(bits)) - 1n) << BigInt(from)),
    0n,
  );
  return fieldMask(field) !== 0n && extractValue(field, container) === (value & covered);
}

function describe({ name, letters }: Vector): string {
  const values = Object.entries(letters).map(
    ([letter, value]) => `${letter}=0x${BigInt.asUintN(64, value ?? 0n).toString(16)}`,
  );
  return `${name} ${values.join(' ')}`;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
