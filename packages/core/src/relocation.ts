import {
  extractValue,
  fieldMask,
  fillsContainer,
  insertValue,
  readContainer,
  writeContainer,
  type ByteOrder,
  type Field,
} from './field.ts';
import type { Letters } from './formula.ts';
import type {
  AppliedRule,
  Errno,
  Refusal,
  RelocationRule,
  RelocationSymbol,
  SpecialContext,
  Step,
} from './relocation-type.ts';

/** One relocation, with everything its rule may ask for. */
export interface RelocationInput {
  /** The bytes of the section that is relocated; changed in place. */
  readonly bytes: Uint8Array;
  /** r_offset: bytes from the start of `bytes`. */
  readonly offset: number;
  /** S, A, P and the letters that the rule's formula uses. */
  readonly letters: Letters;
  readonly symbol: RelocationSymbol;
  /** Byte order of the architecture. */
  readonly byteOrder: ByteOrder;
}

/** What became of one relocation. There is always one outcome for each. */
export type RelocationOutcome =
  | { readonly status: 'applied'; readonly value: bigint }
  | { readonly status: 'ignored' }
  | {
      readonly status: 'refused';
      readonly errno: Errno;
      readonly reason: string;
      /** The kernel had already changed the field when it refused. */
      readonly written: boolean;
    };

/** What became of clearing one relocation. */
export type ClearOutcome =
  | { readonly status: 'cleared' }
  | { readonly status: 'ignored' }
  /** The place lies outside the section, so the loader cannot have applied it; nothing was changed. */
  | ({ readonly status: 'refused' } & Refusal)
  /** The field does not hold what applying would have written; nothing was changed. */
  | { readonly status: 'mismatch'; readonly expected: bigint; readonly actual: bigint };

/**
 * Apply one relocation as the kernel's loader does: the rule's steps in the rule's order.
 *
 * @throws KelpError `relocation/missing-letter` if a letter of the formula has no value.
 */
export function applyRelocation(rule: RelocationRule, input: RelocationInput): RelocationOutcome {
  if (rule.verdict === 'ignored') return { status: 'ignored' };
  if (rule.verdict === 'refused') {
    return {
      status: 'refused',
      errno: rule.errno,
      reason: 'the loader does not accept this type',
      written: false,
    };
  }
  const context = contextOf(rule, input);
  if (liesOutside(rule.field, input)) return { status: 'refused', ...outsideSection, written: false };
  let written = false;
  for (const step of rule.steps) {
    const refusal = takeStep(step, rule.field, context);
    if (refusal !== undefined) return { status: 'refused', ...refusal, written };
    written ||= step.kind === 'write' || step.kind === 'special';
  }
  return { status: 'applied', value: context.value };
}

/**
 * Undo one applied relocation: its steps backwards, the bits of the field taken from `original`.
 *
 * As clear_relocate_add() of x86 does, the field is first compared with what applying would write.
 *
 * @param original - the container as it was before. Absent: its field was zero, as it is in most RELA objects.
 */
export function clearRelocation(
  rule: RelocationRule,
  input: RelocationInput,
  original?: bigint,
): ClearOutcome {
  if (rule.verdict !== 'applied') return { status: 'ignored' };
  const context = contextOf(rule, input);
  const { field } = rule;
  if (liesOutside(field, input)) return { status: 'refused', ...outsideSection };
  if (rule.steps.some((step) => step.kind === 'write')) {
    const order = field.byteOrder ?? input.byteOrder;
    const container = readContainer(input.bytes, input.offset, field.size, order);
    const expected = extractValue(field, insertValue(field, container, context.value >> BigInt(field.shift)));
    const actual = extractValue(field, container);
    if (expected !== actual) return { status: 'mismatch', expected, actual };
  }
  for (const step of rule.steps.toReversed()) {
    if (step.kind === 'special') step.special.clear(context, original);
    if (step.kind === 'write') restoreField(field, context, original ?? 0n);
  }
  return { status: 'cleared' };
}

function contextOf(rule: AppliedRule, input: RelocationInput): SpecialContext {
  const { bytes, offset, symbol } = input;
  const byteOrder = rule.field.byteOrder ?? input.byteOrder;
  return { bytes, offset, symbol, byteOrder, value: rule.formula.evaluate(input.letters) };
}

/** The kernel does not check this and would write elsewhere; no file that tools make has it. */
export const outsideSection: Refusal = { errno: 'ENOEXEC', reason: 'the place lies outside its section' };

function liesOutside(field: Field, { offset, bytes }: RelocationInput): boolean {
  return offset < 0 || offset + field.size > bytes.length;
}

/** Take one step on the bytes of a context. */
export function takeStep(step: Step, field: Field, context: SpecialContext): Refusal | undefined {
  switch (step.kind) {
    case 'write':
      storeField(field, context);
      break;
    case 'existing-zero':
      return checkZero(step.errno, field, context);
    case 'range':
      return checkRange(step, context.value >> BigInt(field.shift));
    case 'aligned': {
      const fits = context.value % BigInt(step.to) === 0n;
      return fits
        ? undefined
        : { errno: step.errno, reason: `value ${hex(context.value)} is not a multiple of ${step.to}` };
    }
    case 'special':
      return step.special.apply(context);
  }
  return undefined;
}

function storeField(field: Field, { bytes, offset, byteOrder, value }: SpecialContext): void {
  const shifted = value >> BigInt(field.shift);
  const stored = fillsContainer(field)
    ? shifted
    : insertValue(field, readContainer(bytes, offset, field.size, byteOrder), shifted);
  writeContainer(bytes, offset, field.size, byteOrder, stored);
}

function restoreField(field: Field, { bytes, offset, byteOrder }: SpecialContext, original: bigint): void {
  const mask = fieldMask(field);
  const container = readContainer(bytes, offset, field.size, byteOrder);
  writeContainer(bytes, offset, field.size, byteOrder, (container & ~mask) | (original & mask));
}

function checkZero(
  errno: Errno,
  field: Field,
  { bytes, offset, byteOrder }: SpecialContext,
): Refusal | undefined {
  const existing = readContainer(bytes, offset, field.size, byteOrder);
  return existing === 0n
    ? undefined
    : { errno, reason: `the field holds ${hex(existing)}, the loader wants zero` };
}

function checkRange(step: Step & { readonly kind: 'range' }, value: bigint): Refusal | undefined {
  if (value >= step.min && value <= step.max) return undefined;
  return { errno: step.errno, reason: `value ${hex(value)} is not in ${hex(step.min)} to ${hex(step.max)}` };
}

function hex(value: bigint): string {
  return value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}
