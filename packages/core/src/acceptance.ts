import type { Architecture } from './architecture.ts';
import { ET_REL, SHT_REL } from './elf/constants.ts';
import type { ObjectFile } from './elf/object-file.ts';
import type { RelocationTable } from './elf/relocation-table.ts';
import type { Section } from './elf/section.ts';
import type { SymbolTable } from './elf/symbol-table.ts';
import type { Formula } from './formula.ts';
import { appliesTo, type Kernel } from './kernel.ts';
import { outsideSection, takeStep } from './relocation.ts';
import {
  relocationRule,
  type AppliedRule,
  type Errno,
  type Refusal,
  type SpecialContext,
  type Step,
} from './relocation-type.ts';

/** Something in a file for which a kernel's loader refuses the module. */
export interface RefusedLoad {
  /** Section that is relocated, or that is missing. Untrusted. */
  readonly section: string;
  /** r_offset in that section; absent where no single relocation is to blame. */
  readonly offset?: number;
  /** ELF64_R_TYPE and, where the architecture names it, its name. */
  readonly type?: number;
  readonly typeName?: string;
  /** Untrusted. */
  readonly symbol?: string;
  readonly errno: Errno;
  readonly reason: string;
}

/**
 * Everything in a module for which the loader of a kernel refuses it, as far as the file alone can tell: types, fields
 * that must be zero, instructions that must stand behind a call, distances inside one section, required sections. In
 * the loader's order, so the first one is what the kernel reports. Distances that depend on addresses are not judged.
 *
 * @throws KelpError for relocations or symbols that cannot be read.
 */
export function* refusedLoads(
  object: ObjectFile,
  architecture: Architecture,
  kernel: Kernel,
): Generator<RefusedLoad, void, undefined> {
  if (object.type !== ET_REL) return;
  yield* missingSections(object, architecture, kernel);
  const symbols = object.symbols();
  for (const section of object.sections) {
    const target = object.sections[section.info];
    if (target === undefined || (!target.isAllocated && !section.isLivepatchRelocation)) continue;
    if (section.type === SHT_REL) {
      yield {
        section: target.name,
        errno: 'ENOEXEC',
        reason: 'SHT_REL relocations are not supported, only SHT_RELA',
      };
    }
    const relocations = object.relocations(section);
    if (relocations !== undefined)
      yield* refusedIn({ object, architecture, kernel, symbols, target }, relocations);
  }
}

function* missingSections(
  object: ObjectFile,
  { linkage }: Architecture,
  kernel: Kernel,
): Generator<RefusedLoad> {
  for (const { name, applies, errno, source } of linkage?.requiredSections ?? []) {
    if (!appliesTo(applies, kernel) || object.section(name) !== undefined) continue;
    yield {
      section: name,
      errno,
      reason: `the module has no section ${name}, which ${source.symbol ?? source.file} requires`,
    };
  }
}

interface TargetContext {
  readonly object: ObjectFile;
  readonly architecture: Architecture;
  readonly kernel: Kernel;
  readonly symbols: SymbolTable | undefined;
  readonly target: Section;
}

function* refusedIn(context: TargetContext, relocations: RelocationTable): Generator<RefusedLoad> {
  for (let index = 0; index < relocations.count; index++) {
    const number = relocations.type(index);
    const type = context.architecture.relocationType(number);
    const refusal = judge(context, relocations, index);
    if (refusal === undefined) continue;
    const symbol = context.symbols?.name(relocations.symbol(index));
    yield {
      section: context.target.name,
      offset: relocations.offset(index),
      type: number,
      ...(type === undefined ? {} : { typeName: type.name }),
      ...(symbol === undefined ? {} : { symbol }),
      ...refusal,
    };
  }
}

function judge(context: TargetContext, relocations: RelocationTable, index: number): Refusal | undefined {
  const type = context.architecture.relocationType(relocations.type(index));
  if (type === undefined) return { errno: 'ENOEXEC', reason: 'unknown relocation type' };
  const rule = relocationRule(type, context.kernel);
  if (rule === undefined) return { errno: 'ENOEXEC', reason: `${type.name} is not accepted by this kernel` };
  if (rule.verdict === 'ignored') return undefined;
  if (rule.verdict === 'refused')
    return { errno: rule.errno, reason: `${type.name} is not accepted by the loader` };
  return judgeSteps(rule, context, relocations, index);
}

/** Take the steps of a rule, on a copy of the bytes, as far as they do not depend on addresses. */
function judgeSteps(
  rule: AppliedRule,
  context: TargetContext,
  relocations: RelocationTable,
  index: number,
): Refusal | undefined {
  const { object, target, symbols } = context;
  const offset = relocations.offset(index);
  if (offset + rule.field.size > target.size) return outsideSection;
  const value = distance(rule.formula, context, relocations, index);
  const start = Math.max(0, offset - reach);
  const symbol = relocations.symbol(index);
  const copy: SpecialContext = {
    // A NOBITS section has no bytes in the file and zeros in memory.
    bytes: target.occupiesFile ? target.bytes.slice(start, offset + reach) : new Uint8Array(2 * reach),
    offset: offset - start,
    byteOrder: rule.field.byteOrder ?? object.byteOrder,
    value: value ?? 0n,
    symbol: { name: symbols?.name(symbol) ?? '', external: symbols?.isExternal(symbol) ?? false },
  };
  for (const step of rule.steps) {
    if (value === undefined && dependsOnValue(step)) continue;
    const refusal = takeStep(step, rule.field, copy);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** Bytes before and behind a place that a special step may look at. */
const reach = 32;

function dependsOnValue(step: Step): boolean {
  return step.kind === 'range' || step.kind === 'aligned' || step.kind === 'write';
}

/** The formula's value where symbol and place lie in one section, so that it does not matter where that goes. */
function distance(
  formula: Formula,
  { symbols, target }: TargetContext,
  relocations: RelocationTable,
  index: number,
): bigint | undefined {
  const symbol = relocations.symbol(index);
  if (symbols?.sectionIndex(symbol) !== target.index) return undefined;
  if (formula.letters.some((letter) => letter.length > 1 || !'SAP'.includes(letter))) return undefined;
  const at = (base: bigint): bigint =>
    formula.evaluate({
      S: base + symbols.value(symbol),
      A: relocations.addend(index),
      P: base + BigInt(relocations.offset(index)),
    });
  const values = [0n, 0x1234n, 0x7fff_0000_1000n].map(at);
  return values.every((value) => value === values[0]) ? values[0] : undefined;
}
