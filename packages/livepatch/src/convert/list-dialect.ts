import { livepatchSectionName, type LivepatchSymbolName } from '@kelp/core';
import { SHN_UNDEF, type SymbolTable } from '@kelp/core/elf';
import { annotationSections, readAnnotations, type Annotation } from './annotations.ts';
import {
  ordinaryRecords,
  PlanBuilder,
  type ConversionPlan,
  type Dialect,
  type DialectInput,
  type DialectName,
} from './conversion-plan.ts';
import { choices, wrongPosition } from './positions.ts';

/**
 * klp-convert with a list of symbols: an undefined symbol that nobody exports is looked up in the list. Where its name
 * is not unique, an annotation says which one is meant.
 *
 * @param first - what an annotation counts as the first of several symbols: 1, or 0 in the tool of 2018 and 2019.
 */
export function listDialect(name: DialectName, first: 0 | 1): Dialect {
  return {
    name,
    needsSymbols: true,
    plan: (input) => planByList(input, first),
    sectionName: livepatchSectionName,
  };
}

function planByList(input: DialectInput, first: 0 | 1): ConversionPlan {
  const { file } = input;
  const plan = new PlanBuilder();
  const annotations = readAnnotations(file, plan);
  plan.remove(file, annotationSections(file));
  const table = file.symbols();
  if (table === undefined) return plan;
  const resolver = new SymbolResolver(input, plan, table, annotations, first);
  for (const { section, index, target, record } of ordinaryRecords(file, plan.removed)) {
    const symbol = resolver.resolve(record.symbol);
    // Nothing applies it at run time; but the loader must not look for its symbol.
    if (!target.isAllocated) continue;
    const defined = table.sectionIndex(record.symbol);
    if (defined !== undefined && plan.removed.has(defined))
      plan.error('convert/annotation-used', 'points to annotations, which do not stay', {
        section: target.name,
        offset: record.offset,
      });
    if (symbol === undefined) continue;
    plan.take(section, index);
    plan.records.push({ object: symbol.object, target, record });
  }
  for (const symbol of annotations.keys()) {
    if (!plan.symbols.has(symbol) && !resolver.failed.has(symbol))
      plan.warn(
        'convert/annotation-unused',
        `no relocation needs the annotated symbol ${table.name(symbol)}`,
      );
  }
  return plan;
}

/** Decides, once for each symbol, whether and as what it is converted. */
class SymbolResolver {
  /** Symbols that should be converted and cannot be. */
  readonly failed = new Set<number>();
  readonly #input: DialectInput;
  readonly #plan: PlanBuilder;
  readonly #table: SymbolTable;
  readonly #annotations: ReadonlyMap<number, Annotation>;
  readonly #first: 0 | 1;
  readonly #known = new Map<number, LivepatchSymbolName | undefined>();

  constructor(
    input: DialectInput,
    plan: PlanBuilder,
    table: SymbolTable,
    annotations: ReadonlyMap<number, Annotation>,
    first: 0 | 1,
  ) {
    this.#input = input;
    this.#plan = plan;
    this.#table = table;
    this.#annotations = annotations;
    this.#first = first;
  }

  /** What a symbol becomes; undefined where the module loader finds it, or nobody does. */
  resolve(index: number): LivepatchSymbolName | undefined {
    if (index === 0 || this.#table.rawSectionIndex(index) !== SHN_UNDEF) return undefined;
    if (!this.#known.has(index)) this.#known.set(index, this.#decide(index));
    const symbol = this.#known.get(index);
    if (symbol !== undefined) this.#plan.symbols.set(index, symbol);
    return symbol;
  }

  #decide(index: number): LivepatchSymbolName | undefined {
    const { architecture, symbols } = this.#input;
    const name = this.#table.name(index);
    const rule = architecture.linkage?.symbolRule?.(name)?.kind;
    // .TOC. and the like are the loader's own.
    if (rule === 'keep' || rule === 'letter' || symbols === undefined) return undefined;
    const annotation = this.#annotations.get(index);
    if (annotation !== undefined) return this.#annotated(index, name, annotation);
    if (symbols.isExported(name)) return undefined;
    const providers = symbols.providers(name);
    const [only] = providers;
    if (only !== undefined && providers.length === 1 && only.count === 1)
      return { object: only.object, name, position: 0n };
    if (only === undefined)
      this.#fail(index, 'convert/unknown-symbol', `no object of the lists has a symbol ${name}`);
    else {
      const advice = choices(symbols, name, this.#first);
      this.#fail(index, 'convert/ambiguous-symbol', `${name} is not unique; annotate it: ${advice}`);
    }
    return undefined;
  }

  #annotated(index: number, name: string, { object, position }: Annotation): LivepatchSymbolName | undefined {
    const { symbols } = this.#input;
    if (symbols === undefined) return undefined;
    // The tool of 2019 counts from 0, and has no other word for a name that is unique.
    const several =
      this.#first === 1 ? position : position === 0n && symbols.count(object, name) <= 1 ? 0n : position + 1n;
    const symbol = { object, name, position: several };
    const wrong = wrongPosition(symbols, symbol, this.#first);
    if (wrong === undefined) return symbol;
    this.#fail(index, 'convert/wrong-position', wrong);
    return undefined;
  }

  #fail(index: number, code: `convert/${string}`, message: string): void {
    this.failed.add(index);
    this.#plan.error(code, message);
  }
}
