import { evaluate, parseCondition, type Knowledge } from './c/condition.ts';
import type { SourceTree } from './tree.ts';

/** `select OPTION if CONDITION` of an architecture. */
export interface Selected {
  readonly option: string;
  /** As Kconfig writes it; absent: always. */
  readonly condition?: string;
  readonly file: string;
  readonly line: number;
}

/** What the Kconfig of an architecture selects, and what it turns on without asking (`def_bool y`). */
export function readSelects(tree: SourceTree, folder: string): readonly Selected[] {
  const file = `arch/${folder}/Kconfig`;
  if (!tree.has(file)) return [];
  const selects: Selected[] = [];
  let config: string | undefined;
  for (const [index, written] of joined(tree.read(file)).entries()) {
    const line = index + 1;
    const text = written.replace(/#.*$/u, '').trim();
    const [, keyword = '', option = '', condition] =
      /^(config|menuconfig|select|def_bool)\s+(\w+)(?:\s+if\s+(.+))?$/u.exec(text) ?? [];
    if (keyword === 'config' || keyword === 'menuconfig') config = option;
    else if (keyword === 'select') selects.push(selected(option, condition, file, line));
    else if (keyword === 'def_bool' && option === 'y' && config !== undefined) {
      selects.push(selected(config, condition, file, line));
    } else if (/^(?:choice|menu|source|if|endif|endmenu)\b/u.test(text)) config = undefined;
  }
  return selects;
}

/** Lines; one that ends in a backslash is joined with the next, which stays as an empty line. */
function joined(text: string): readonly string[] {
  return text.replace(/\\\n([^\n]*)/gu, '$1\n').split('\n');
}

function selected(option: string, condition: string | undefined, file: string, line: number): Selected {
  return { option, file, line, ...(condition === undefined ? {} : { condition }) };
}

/**
 * Options that an architecture has always: selected without a condition, or under one that is known to hold. An option
 * that no select names is not told, since other files may turn it on.
 */
export function alwaysSelected(selects: readonly Selected[], known: Knowledge): ReadonlySet<string> {
  const always = selects.filter(
    ({ condition }) => condition === undefined || holds(condition, known) === true,
  );
  return new Set(always.map(({ option }) => `CONFIG_${option}`));
}

/** The selects that may hold: those whose condition is known not to are left out. */
export function possibleSelects(selects: readonly Selected[], known: Knowledge): readonly Selected[] {
  return selects.filter(({ condition }) => condition === undefined || holds(condition, known) !== false);
}

/** Kconfig names options without their prefix. */
function holds(condition: string, known: Knowledge): boolean | undefined {
  return evaluate(parseCondition(condition.replace(/\b[A-Z]\w*/gu, (name) => `CONFIG_${name}`)), known);
}
