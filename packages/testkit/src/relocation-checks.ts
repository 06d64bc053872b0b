import {
  applyRelocation,
  clearRelocation,
  compileFormula,
  extractValue,
  readContainer,
  relocationRule,
  type AppliedRule,
  type Architecture,
  type Kernel,
  type Letters,
  type RelocationInput,
  type RelocationType,
  type Step,
} from '@kelp/core';
import type { Failure } from './failure.ts';
import type { KernelFacts } from './kernel-facts.ts';
import type { Vector } from './vectors.ts';

/**
 * The numbers and names of the table are those of binutils, no more and no less. Types that compilers of C++ once made
 * for unused virtual functions belong to no ABI and may be missing.
 *
 * @param newer - names of types that binutils does not know yet.
 */
export function* checkNames(
  { relocationTypes }: Architecture,
  { names }: KernelFacts,
  newer: ReadonlySet<string>,
): Generator<Failure> {
  const check = 'names';
  const unseen = new Map(names);
  for (const { number, name } of relocationTypes) {
    const expected = names.get(number);
    unseen.delete(number);
    if (expected !== name && !(expected === undefined && newer.has(name)))
      yield {
        check,
        feature: `relocation/${name}`,
        message: `number ${number} is ${expected ?? 'unknown'} to readelf`,
      };
  }
  for (const [number, name] of unseen)
    if (!name.includes('_GNU_VT'))
      yield { check, feature: `relocation/${name}`, message: `no row has number ${number}` };
}

/** What the loader does with a type is what the source of the kernel says, and errors are those that it returns. */
export function* checkVerdicts(
  { relocationTypes }: Architecture,
  { loaders }: KernelFacts,
): Generator<Failure> {
  for (const loader of loaders) {
    const { kernel } = loader;
    for (const type of relocationTypes) {
      const rule = relocationRule(type, kernel);
      const [expected, errno] = loader.applied.has(type.name)
        ? ['applied', loader.overflow]
        : loader.ignored.has(type.name)
          ? ['ignored', '']
          : ['refused', loader.unknown];
      const feature = `relocation/${type.name}`;
      const verdict = rule?.verdict ?? 'refused';
      if (verdict !== expected)
        yield {
          check: 'verdicts',
          feature,
          message: `${describe(kernel)}: ${verdict}, the loader has it ${expected}`,
        };
      if (rule?.verdict === 'applied' && contradictsOrder(rule, loader.storesFirst))
        yield {
          check: 'verdicts',
          feature,
          message: `${describe(kernel)}: value and store are in the other order`,
        };
      const wrong = rule === undefined ? undefined : errnosOf(rule).find((one) => one !== errno);
      if (wrong !== undefined)
        yield {
          check: 'verdicts',
          feature,
          message: `${describe(kernel)}: ${wrong}, the loader returns ${errno}`,
        };
    }
  }
}

/** Whether the rule tests a value after storing it where the loader does so before, or the other way round. */
function contradictsOrder({ steps }: AppliedRule, storesFirst: boolean | undefined): boolean {
  const store = steps.findIndex(({ kind }) => kind === 'write');
  if (storesFirst === undefined || store === -1) return false;
  const tests = steps.flatMap(({ kind }, index) => (kind === 'range' || kind === 'aligned' ? [index] : []));
  return storesFirst
    ? tests.some((index) => index < store && steps[index]?.kind === 'range')
    : tests.some((index) => index > store);
}

function errnosOf(rule: NonNullable<ReturnType<typeof relocationRule>>): readonly string[] {
  if (rule.verdict === 'refused') return [rule.errno];
  if (rule.verdict === 'ignored') return [];
  return rule.steps.flatMap((step) => ('errno' in step ? [step.errno] : []));
}

/** One relocation of a vector under the rule of a kernel. */
interface Trial {
  readonly type: RelocationType;
  readonly rule: AppliedRule;
  readonly letters: Letters;
  readonly vector: Vector;
}

/** The vectors of every type that a kernel applies. */
function trialsOf(architecture: Architecture, kernel: Kernel, vectors: readonly Vector[]): readonly Trial[] {
  return vectors.flatMap((vector): readonly Trial[] => {
    const type = architecture.relocationType(vector.type);
    const rule = type === undefined ? undefined : relocationRule(type, kernel);
    if (type === undefined || rule?.verdict !== 'applied') return [];
    return [{ type, rule, vector, letters: completeLetters(architecture, vector.letters) }];
  });
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

/**
 * Every end of every check has a vector on both sides: the last value that fits, and the first one that does not. So a
 * check that is off by one contradicts a linker, or has no vector where it ends.
 */
export function* checkBoundaries(
  architecture: Architecture,
  kernel: Kernel,
  vectors: readonly Vector[],
): Generator<Failure> {
  const values = new Map<AppliedRule, { readonly type: RelocationType; readonly seen: Set<bigint> }>();
  const zeros = new Map<AppliedRule, Set<boolean>>();
  for (const { type, rule, letters, vector } of trialsOf(architecture, kernel, vectors)) {
    const known = values.get(rule) ?? { type, seen: new Set() };
    known.seen.add(rule.formula.evaluate(letters));
    values.set(rule, known);
    const existing = zeros.get(rule) ?? new Set();
    existing.add(vector.before.every((byte) => byte === 0));
    zeros.set(rule, existing);
  }
  for (const [rule, { type, seen }] of values) {
    for (const step of rule.steps) {
      for (const missing of missingValues(rule, step, seen, zeros.get(rule) ?? new Set()))
        yield {
          check: 'boundaries',
          feature: `relocation/${type.name}`,
          message: `${describe(kernel)}: no vector ${missing}`,
        };
    }
  }
}

function missingValues(
  { field, formula }: AppliedRule,
  step: Step,
  seen: ReadonlySet<bigint>,
  zeros: ReadonlySet<boolean>,
): readonly string[] {
  if (step.kind === 'existing-zero') return zeros.has(false) ? [] : ['with a place that is not zero'];
  if (step.kind === 'aligned') {
    const half = BigInt(step.to) / 2n;
    const has = (rest: bigint): boolean =>
      [...seen].some((value) => BigInt.asUintN(64, value) % (half * 4n) === rest);
    return [half, half * 2n].filter((rest) => !has(rest)).map((rest) => `of ${rest} modulo ${half * 4n}`);
  }
  if (step.kind !== 'range') return [];
  const shifted = new Set([...seen].map((value) => value >> BigInt(field.shift)));
  // A branch to D does not go out of reach: linker and kernel go another way then.
  const outside = formula.letters.includes('D') ? [] : [step.min - 1n, step.max + 1n];
  const ends = [step.min, step.max, ...outside];
  return ends
    .filter((end) => end >= -(1n << 63n) && end < 1n << 63n && !shifted.has(end))
    .map((end) => `of ${end < 0n ? '-' : ''}0x${(end < 0n ? -end : end).toString(16)}`);
}

/**
 * What a special step leaves in the field is the value in some form of an instruction set: as it is, its complement (movn
 * of arm64), with a high half that makes up for a low one that the CPU takes as negative (addis of ppc64), or added to what
 * was there (LoongArch).
 */
export function* checkSpecialFields(
  architecture: Architecture,
  kernel: Kernel,
  vectors: readonly Vector[],
): Generator<Failure> {
  for (const { type, rule, letters, vector } of trialsOf(architecture, kernel, vectors)) {
    const { field, steps, formula } = rule;
    const { before, after } = vector;
    if (steps.some(({ kind }) => kind === 'write') || after === undefined || hex(before) === hex(after))
      continue;
    const order = field.byteOrder ?? architecture.elf.byteOrder;
    const stored = extractValue(field, readContainer(after, 0, field.size, order));
    const width = field.parts.reduce((top, part) => Math.max(top, part.from + part.width), 0);
    const value = formula.evaluate(letters) >> BigInt(field.shift);
    const held = extractValue(field, readContainer(before, 0, field.size, order));
    const forms = [value, ~value, value + ((value & 0x8000n) << 1n), held + value, held - value].map((form) =>
      BigInt.asUintN(width, form),
    );
    if (!forms.includes(stored))
      yield {
        check: 'vectors',
        feature: `relocation/${type.name}`,
        message: `${describe(kernel)}: the field holds 0x${stored.toString(16)} for a value of 0x${BigInt.asUintN(width, value).toString(16)}`,
      };
  }
}

/** What is applied can be cleared, which gives the bytes that were there, and applied again, which gives the linker's. */
export function* checkReversal(
  architecture: Architecture,
  kernel: Kernel,
  vectors: readonly Vector[],
): Generator<Failure> {
  for (const { type, rule, letters, vector } of trialsOf(architecture, kernel, vectors)) {
    const message = reversal(architecture, rule, letters, vector);
    if (message !== undefined)
      yield {
        check: 'reversal',
        feature: `relocation/${type.name}`,
        message: `${describe(kernel)}: ${message}`,
      };
  }
}

function reversal(
  { elf }: Architecture,
  rule: AppliedRule,
  letters: Letters,
  { before, after }: Vector,
): string | undefined {
  const bytes = before.slice();
  const symbol = { name: 'target', external: false };
  const input: RelocationInput = { bytes, offset: 0, letters, symbol, byteOrder: elf.byteOrder };
  if (applyRelocation(rule, input).status !== 'applied' || after === undefined) return undefined;
  const original = readContainer(before, 0, rule.field.size, rule.field.byteOrder ?? elf.byteOrder);
  const cleared = clearRelocation(rule, input, original);
  if (cleared.status !== 'cleared') return `applied to ${hex(before)}, clearing says ${cleared.status}`;
  // A special step may leave what applying does not look at; a plain store restores every bit.
  const stores = rule.steps.some(({ kind }) => kind === 'write');
  if (stores && hex(bytes) !== hex(before)) return `${hex(before)} is ${hex(bytes)} after clearing`;
  if (applyRelocation(rule, input).status !== 'applied')
    return `${hex(before)} cannot be applied a second time`;
  return hex(bytes) === hex(after)
    ? undefined
    : `${hex(bytes)} the second time, the linker has ${hex(after)}`;
}

function describe({ release, configuration }: Kernel): string {
  return [release, ...(configuration ?? new Map()).keys()].join(' with ');
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
