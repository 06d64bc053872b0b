import {
  livepatchSymbolPrefix,
  parseLivepatchSymbolName,
  vmlinuxObject,
  type LivepatchSymbolName,
} from '@kelp/core';
import { SHN_LIVEPATCH, SHN_UNDEF, STB_WEAK } from '@kelp/core/elf';
import type { LintContext, LivepatchRecord } from './context.ts';
import { nameLimit } from './object-rules.ts';
import { livepatchCore, moduleLoader, quoted, type Hit, type LintRule } from './rule.ts';
import { symbolFault, symbolLookup, type SymbolFault } from './symbol-fault.ts';

// Rules about symbols that livepatch resolves: KLP3.

export const symbolRules: readonly LintRule[] = [
  {
    code: 'KLP301',
    name: 'symbol-not-marked',
    severity: 'error',
    moment: 'target',
    errno: 'EINVAL',
    title: 'A livepatch relocation names a symbol that is not marked',
    advice:
      'Set st_shndx of the symbol to SHN_LIVEPATCH (0xff20), and keep symbol indices when tools rewrite the file.',
    source: livepatchCore('klp_resolve_symbols'),
    check: (context) =>
      symbolHits(context, ({ symbol }) => {
        const raw =
          context.table === undefined || symbol >= context.table.count
            ? undefined
            : context.table.rawSectionIndex(symbol);
        return raw === SHN_LIVEPATCH
          ? undefined
          : {
              message: `st_shndx is ${raw === undefined ? 'missing' : `0x${raw.toString(16)}`}, expected 0xff20`,
            };
      }),
  },
  {
    code: 'KLP302',
    name: 'symbol-name',
    severity: 'error',
    moment: 'target',
    errno: 'EINVAL',
    title: 'The kernel cannot read the name of a livepatch symbol',
    advice:
      'Name it .klp.sym.OBJECT.NAME,POSITION: object 55 characters at most, name 511 (127 before 6.1) without a comma.',
    source: livepatchCore('klp_resolve_symbols'),
    check: (context) =>
      symbolHits(context, ({ symbol, symbolName }) =>
        isMarked(context, symbol) && nameOf(context, symbolName) === undefined
          ? { message: 'the name is not .klp.sym.OBJECT.NAME,POSITION' }
          : undefined,
      ),
  },
  {
    code: 'KLP303',
    name: 'vmlinux-symbol',
    severity: 'error',
    moment: 'target',
    errno: 'EINVAL',
    title: 'A section of a module uses a symbol of vmlinux',
    advice:
      'Use an ordinary relocation where the symbol is exported, else a relocation in a section .klp.rela.vmlinux.',
    source: livepatchCore('klp_resolve_symbols'),
    check: (context) =>
      symbolHits(context, ({ relocations: { object }, symbolName }) =>
        object !== vmlinuxObject && nameOf(context, symbolName)?.object === vmlinuxObject
          ? { message: `the section is of ${quoted(object ?? '')}, the symbol of vmlinux` }
          : undefined,
      ),
  },
  symbolRule('KLP304', 'symbol-missing', 'A symbol is not in its object', 'missing'),
  symbolRule('KLP305', 'symbol-ambiguous', 'A symbol is not unique in its object', 'ambiguous'),
  symbolRule('KLP306', 'symbol-position', 'There are fewer symbols of the name', 'position'),
  {
    code: 'KLP307',
    name: 'symbol-in-init',
    severity: 'warning',
    moment: 'target',
    errno: 'EINVAL',
    title: 'The position of a symbol depends on when its object is loaded',
    advice:
      'Avoid the symbol, or load the livepatch and the module in one fixed order only: init symbols count while the module comes, and later do not.',
    source: { file: 'kernel/module/kallsyms.c', symbol: 'module_kallsyms_on_each_symbol' },
    check: (context) =>
      symbolHits(context, ({ symbolName }) => {
        const name = nameOf(context, symbolName);
        const count = name === undefined ? undefined : context.symbols.count(name.object, name.name);
        if (count === undefined || count.init === 0) return undefined;
        if (count.init === count.all)
          return {
            message: 'the symbol lies in init memory, which is freed once the module has finished its init',
          };
        return { message: `${count.init} of ${count.all} symbols of the name are in init memory` };
      }),
  },
  {
    code: 'KLP308',
    name: 'module-symbol-at-load',
    severity: 'warning',
    moment: 'load',
    errno: 'EINVAL',
    title: 'A section of vmlinux uses a symbol of a module',
    advice:
      'Move the relocation to a section .klp.rela.MODULE.: this one is resolved when the livepatch is loaded, and the module may be missing or go later.',
    source: livepatchCore('klp_resolve_symbols'),
    check: (context) =>
      symbolHits(context, ({ relocations: { object }, symbolName }) => {
        const name = nameOf(context, symbolName);
        return object === vmlinuxObject && name !== undefined && name.object !== vmlinuxObject
          ? {
              message: `the symbol is of ${quoted(name.object)}, which has to be loaded before the livepatch`,
            }
          : undefined;
      }),
  },
  {
    code: 'KLP309',
    name: 'symbol-of-other-module',
    severity: 'note',
    moment: 'target',
    errno: 'EINVAL',
    title: 'A symbol is of another module than the one that is patched',
    advice:
      'Make sure that the patched module depends on the other one, so that it is there first and stays.',
    source: livepatchCore('klp_resolve_symbols'),
    check: (context) =>
      symbolHits(context, ({ relocations: { object }, symbolName }) => {
        const name = nameOf(context, symbolName);
        if (
          name === undefined ||
          object === vmlinuxObject ||
          name.object === vmlinuxObject ||
          name.object === object
        )
          return undefined;
        const needed = dependencies(context, object ?? '');
        if (needed?.has(name.object) === true) return undefined;
        const message = `the section is of ${quoted(object ?? '')}, the symbol of ${quoted(name.object)}`;
        // The file of the module says that it can be there without the other one.
        return needed === undefined
          ? { message }
          : { message: `${message}, which the first does not need`, severity: 'warning' };
      }),
  },
  {
    code: 'KLP310',
    name: 'livepatch-symbol-in-ordinary-relocation',
    severity: 'error',
    moment: 'run',
    title: 'An ordinary relocation names a livepatch symbol',
    advice:
      'Move the relocation to a livepatch relocation section: the loader writes the value that the symbol has in the file.',
    source: moduleLoader('simplify_symbols'),
    check: ordinaryHits,
  },
  {
    code: 'KLP311',
    name: 'symbol-not-converted',
    severity: 'error',
    moment: 'load',
    errno: 'ENOENT',
    title: 'A symbol has the name of a livepatch symbol and is looked up like any other',
    advice: 'Convert the module: run `objtool klp post-link`, klp-convert or `kelp convert`.',
    source: moduleLoader('simplify_symbols'),
    *check({ table, livepatch }) {
      for (const { index, text, converted } of livepatch.symbols) {
        if (converted || table?.rawSectionIndex(index) !== SHN_UNDEF) continue;
        const weak = table.binding(index) === STB_WEAK;
        yield weak
          ? { message: 'the symbol is weak, so that it becomes 0', symbol: text, errno: null, moment: 'run' }
          : { message: 'no module and no kernel exports the symbol', symbol: text };
      }
    },
  },
  {
    code: 'KLP312',
    name: 'import-not-exported',
    severity: 'warning',
    moment: 'load',
    errno: 'ENOENT',
    title: 'Nobody is known to export a symbol that the livepatch needs',
    advice:
      'Use a livepatch relocation where the symbol is not exported; where another module exports it, give its file with --modules.',
    source: moduleLoader('simplify_symbols'),
    check: importHits,
  },
];

function isMarked({ table }: LintContext, symbol: number): boolean {
  return table !== undefined && symbol < table.count && table.rawSectionIndex(symbol) === SHN_LIVEPATCH;
}

function nameOf(context: LintContext, text: string): LivepatchSymbolName | undefined {
  return parseLivepatchSymbolName(text, nameLimit(context));
}

/** Hits about symbols: one for each symbol of each section, at the first record that names it. */
function* symbolHits(
  context: LintContext,
  judge: (record: LivepatchRecord) => Hit | undefined,
): Generator<Hit> {
  let seen = new Set<number>();
  let section: LivepatchRecord['relocations'] | undefined;
  for (const record of context.records(context.livepatch.relocations)) {
    if (record.relocations !== section) seen = new Set();
    section = record.relocations;
    // Nothing is resolved of a section that no object applies.
    if (seen.has(record.symbol) || section.object === undefined) continue;
    seen.add(record.symbol);
    const hit = judge(record);
    if (hit !== undefined) yield { ...recordHit(record), ...momentOf(section.object), ...hit };
  }
}

/** Place, object, symbol and type of a record. */
export function recordHit({
  relocations,
  offset,
  symbolName,
  typeName,
}: LivepatchRecord): Omit<Hit, 'message'> {
  return {
    place: { section: relocations.target?.name ?? relocations.section.name, offset },
    symbol: symbolName,
    type: typeName,
    ...(relocations.object === undefined ? {} : { object: relocations.object }),
  };
}

/** Relocations of vmlinux are applied while the livepatch is loaded. */
export function momentOf(object: string | undefined): Pick<Hit, 'moment'> {
  return object === vmlinuxObject ? { moment: 'load' } : {};
}

function symbolRule(code: string, name: string, title: string, kind: SymbolFault['kind']): LintRule {
  return {
    code,
    name,
    title,
    ...symbolLookup,
    check: (context) =>
      symbolHits(context, ({ symbolName }) => {
        const parsed = nameOf(context, symbolName);
        if (parsed === undefined) return undefined;
        const fault = symbolFault(context.symbols, parsed.object, parsed.name, parsed.position);
        return fault?.kind === kind ? { message: fault.message } : undefined;
      }),
  };
}

/** Modules that a module needs; undefined where its file is not known. */
function dependencies({ modules }: LintContext, object: string): ReadonlySet<string> | undefined {
  const bytes = modules.get(object)?.section('.modinfo')?.bytes;
  if (bytes === undefined) return undefined;
  const depends = /(?:^|\0)depends=([^\0]*)/u.exec(new TextDecoder().decode(bytes))?.[1] ?? '';
  return new Set(depends.split(',').map((name) => name.replaceAll('-', '_')));
}

function* ordinaryHits({ object, architecture, kernel, table }: LintContext): Generator<Hit> {
  for (const section of object.sections) {
    const target = object.sections[section.info];
    // What build tools leave behind is read by nobody.
    if (target !== undefined && architecture.specialSection(target.name, kernel)?.phase === 'build') continue;
    const records =
      section.isLivepatchRelocation || target?.isAllocated !== true ? undefined : object.relocations(section);
    // The other rule is about the whole section.
    if (records === undefined || table === undefined || section.name.startsWith('.klp.rela.')) continue;
    const seen = new Set<number>();
    for (let index = 0; index < records.count; index++) {
      const symbol = records.symbol(index);
      if (seen.has(symbol) || symbol >= table.count || table.rawSectionIndex(symbol) !== SHN_LIVEPATCH)
        continue;
      seen.add(symbol);
      const type = architecture.relocationType(records.type(index));
      if (type?.number === 0) continue;
      yield {
        message: 'the symbol keeps its value, as only livepatch relocations resolve it',
        place: { section: target?.name ?? '', offset: records.offset(index) },
        symbol: table.name(symbol),
        type: type?.name ?? `unknown(${records.type(index)})`,
      };
    }
  }
}

function* importHits({ table, symbols, architecture }: LintContext): Generator<Hit> {
  for (let index = 1; index < (table?.count ?? 0); index++) {
    if (table?.rawSectionIndex(index) !== SHN_UNDEF || table.binding(index) === STB_WEAK) continue;
    const name = table.name(index);
    // The loaders of all architectures keep this one; a name of livepatch has a rule of its own.
    if (name === '_GLOBAL_OFFSET_TABLE_' || name.startsWith(livepatchSymbolPrefix)) continue;
    const rule = architecture.linkage?.symbolRule?.(name);
    if (rule?.kind === 'keep' || rule?.kind === 'letter') continue;
    if (symbols.exports(rule?.kind === 'lookup' ? rule.name : name) === false)
      yield { message: 'no object whose symbols are known exports it', symbol: name };
  }
}
