import { compileFormula, type Formula } from './formula.ts';
import type { ByteOrder, Field } from './field.ts';
import { appliesTo, type Applicability, type Kernel } from './kernel.ts';

/** Error numbers with which the kernel refuses a module. */
export type Errno = 'EEXIST' | 'EFAULT' | 'EINVAL' | 'ENOENT' | 'ENOEXEC' | 'ENOMEM' | 'EPERM';

/** A place in the Linux source tree. */
export interface KernelSource {
  /** Path from the root of the tree. */
  readonly file: string;
  /** Function, macro or structure in that file. */
  readonly symbol?: string;
}

/** What a relocation refers to, as far as the rules of a row depend on it. */
export interface RelocationSymbol {
  readonly name: string;
  /** Not defined in this module: st_shndx is SHN_UNDEF or SHN_LIVEPATCH. */
  readonly external: boolean;
}

/** What a special step sees. It may change any byte near the place. */
export interface SpecialContext {
  readonly bytes: Uint8Array;
  /** Offset of the place in `bytes`. */
  readonly offset: number;
  readonly byteOrder: ByteOrder;
  /** The formula's value, before the field's shift. */
  readonly value: bigint;
  readonly symbol: RelocationSymbol;
}

/** Why a relocation is refused. */
export interface Refusal {
  readonly errno: Errno;
  /** What was found and what the kernel wants. */
  readonly reason: string;
}

/** What a row cannot say as data: code with its inverse. */
export interface Special {
  readonly name: string;
  /** One sentence for `explain` and the documentation. */
  readonly description: string;
  /** A refusal may depend on the bytes and the symbol only, so that it can be foreseen from the file. */
  apply(context: SpecialContext): Refusal | undefined;
  /** Undo `apply`, given the bytes that it left and, where it is known, the container as it was before. */
  clear(context: SpecialContext, original: bigint | undefined): void;
}

/** One step of a rule. The kernel takes them in this order, and the order differs by version. */
export type Step =
  | { readonly kind: 'write' }
  | { readonly kind: 'existing-zero'; readonly errno: Errno }
  | { readonly kind: 'range'; readonly min: bigint; readonly max: bigint; readonly errno: Errno }
  | { readonly kind: 'aligned'; readonly to: number; readonly errno: Errno }
  | { readonly kind: 'special'; readonly special: Special };

/** Store the value in the field. */
export const write: Step = { kind: 'write' };

/** All bytes of the field must be zero before it is written. */
export const existingZero: Step = { kind: 'existing-zero', errno: 'ENOEXEC' };

/** The shifted value must fit a signed number of `width` bits. */
export function signed(width: number): Step {
  const half = 1n << BigInt(width - 1);
  return { kind: 'range', min: -half, max: half - 1n, errno: 'ENOEXEC' };
}

/** The shifted value must fit an unsigned number of `width` bits. */
export function unsigned(width: number): Step {
  return { kind: 'range', min: 0n, max: (1n << BigInt(width)) - 1n, errno: 'ENOEXEC' };
}

/** The shifted value must lie in `min` to `max`, both included. */
export function range(min: bigint, max: bigint): Step {
  return { kind: 'range', min, max, errno: 'ENOEXEC' };
}

/** The value must be a multiple of `to` before it is shifted. */
export function aligned(to: number): Step {
  return { kind: 'aligned', to, errno: 'ENOEXEC' };
}

/** Run code that is not a plain store or check. */
export function special(value: Special): Step {
  return { kind: 'special', special: value };
}

interface RuleBase {
  /** Kernels and configurations in which the rule holds; absent: all. */
  readonly applies?: readonly Applicability[];
  readonly source: KernelSource;
  /** Anything a reader should know that the rule's data does not say. */
  readonly note?: string;
}

/** The loader writes the field. */
export interface AppliedRule extends RuleBase {
  readonly verdict: 'applied';
  readonly formula: Formula;
  readonly field: Field;
  readonly steps: readonly Step[];
}

/** The loader accepts the relocation and does nothing. */
export interface IgnoredRule extends RuleBase {
  readonly verdict: 'ignored';
}

/** The loader refuses the module. */
export interface RefusedRule extends RuleBase {
  readonly verdict: 'refused';
  readonly errno: Errno;
}

/** What a kernel's module loader does with one relocation type. */
export type RelocationRule = AppliedRule | IgnoredRule | RefusedRule;

/** One row of an architecture's relocation table; BFD calls it a howto. */
export interface RelocationType {
  /** ELF64_R_TYPE. */
  readonly number: number;
  /** The ABI's name, with its `R_` prefix. */
  readonly name: string;
  /** Alternatives by kernel and configuration; at most one holds for a kernel. None: refused, as any unknown number. */
  readonly rules: readonly RelocationRule[];
}

/** A rule as a plugin writes it: the formula as text, the source only where it is not the table's. */
export type RuleText =
  | (Omit<AppliedRule, 'formula' | 'source' | 'verdict'> & {
      readonly formula: string;
      readonly source?: KernelSource;
    })
  | (Omit<IgnoredRule, 'source'> & { readonly source?: KernelSource })
  | (Omit<RefusedRule, 'source'> & { readonly source?: KernelSource });

/** One row as a plugin writes it: number, name, rules. */
export type RelocationRow = readonly [number: number, name: string, ...rules: readonly RuleText[]];

/**
 * Build an architecture's relocation table.
 *
 * @param source - the kernel function that holds the rules, for rows that name no other.
 * @throws KelpError `relocation/formula` for a formula that cannot be read.
 */
export function relocationTable(
  source: KernelSource,
  rows: readonly RelocationRow[],
): readonly RelocationType[] {
  return rows.map(([number, name, ...rules]) => ({
    number,
    name,
    rules: rules.map((rule) => completeRule(rule, source)),
  }));
}

function completeRule(rule: RuleText, source: KernelSource): RelocationRule {
  if ('formula' in rule)
    return { source, ...rule, verdict: 'applied', formula: compileFormula(rule.formula) };
  return { source, ...rule };
}

/** A row for a type that the loader accepts without doing anything. */
export const ignored: RuleText = { verdict: 'ignored' };

/** A row for a type that the loader refuses. */
export const refused: RuleText = { verdict: 'refused', errno: 'ENOEXEC' };

/** The rule that holds for a kernel, or undefined where none does. */
export function relocationRule(type: RelocationType, kernel: Kernel): RelocationRule | undefined {
  return type.rules.find((rule) => appliesTo(rule.applies, kernel));
}
