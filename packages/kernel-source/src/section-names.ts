import type { Texts } from './texts.ts';

/** Where a section name comes from. */
export type Origin =
  /** `.pushsection` or `.section` in assembler, in C strings too. */
  | 'assembler'
  /** A section attribute. */
  | 'attribute'
  /** objtool makes it. */
  | 'objtool'
  /** A linker script of the kernel image. */
  | 'image-script'
  /** A linker script of modules. */
  | 'module-script'
  /** The loader looks for it by name. */
  | 'loader';

/** One place that names a section. */
export interface NamedSection {
  /** A trailing `*` stands for a rest that a macro or wildcard makes. */
  readonly name: string;
  readonly origin: Origin;
  readonly file: string;
  readonly line: number;
}

/** A place that makes a section under a name that is not written out. */
export interface MacroNamed {
  readonly expression: string;
  readonly file: string;
  readonly line: number;
}

/** Section names in a part of a tree. */
export interface SectionNames {
  readonly named: readonly NamedSection[];
  readonly macroNamed: readonly MacroNamed[];
  /** Every word with a dot or leading underscore that stands in the texts, for names that are made in other ways. */
  readonly mentioned: ReadonlySet<string>;
}

interface Finding {
  readonly name?: string;
  readonly expression?: string;
  readonly origin: Origin;
  readonly at: number;
}

/** Names of sections in C, assembler and linker-script files. */
export function readSectionNames(texts: Texts): SectionNames {
  const named: NamedSection[] = [];
  const macroNamed: MacroNamed[] = [];
  const mentioned = new Set<string>();
  const strings = new Map<string, Set<string>>();
  for (const [, text] of texts) collectStrings(text, strings);
  for (const [file, text] of texts) {
    for (const [word] of text.matchAll(/(?<![\w.])(?:\.|__?)[a-zA-Z_][\w.]*/gu)) mentioned.add(word);
    const lines = lineCounter(text);
    const parameters = macroParameters(text);
    for (const { name: written, expression: other = '', origin, at } of findingsIn(file, text)) {
      const name = written !== undefined && parameters.has(written) ? undefined : written;
      const expression = name === written ? other : (written ?? '');
      const resolved = name === undefined ? resolve(expression, strings) : [name];
      const line = lines(at);
      if (resolved.length === 0) macroNamed.push({ expression, file, line });
      for (const one of resolved) named.push({ name: one, origin, file, line });
    }
  }
  return { named, macroNamed, mentioned };
}

function* findingsIn(file: string, text: string): Generator<Finding> {
  if (/\.lds(?:\.[hS])?$/u.test(file)) yield* scriptFindings(file, text);
  else {
    yield* assemblerFindings(text);
    yield* attributeFindings(text);
    if (file.startsWith('tools/objtool/')) yield* objtoolFindings(text);
    else if (!file.startsWith('scripts/')) yield* loaderFindings(text);
  }
}

/** The rest of a name that a wildcard, an argument of a macro or a number of an assembler macro makes. */
function spelled(name: string): string {
  const cut = /[*?[\\#%$@+]|##/u.exec(name);
  return cut === null ? name : `${name.slice(0, cut.index)}*`;
}

const sectionWord = /^[._a-zA-Z][\w.]*\*?$/u;

/** A section directive; what follows a name, a bracket or a number is a member called `section`. */
const directive = /(?:(?<![\w)\]])|(?<=\\[nt]))\.(?:push)?section(?:[ \t]|\\t)+(\\?"[^"\n]*"?|[^\s,;"]+)/gu;

function* assemblerFindings(text: string): Generator<Finding> {
  for (const match of text.matchAll(directive)) {
    const written = match[1] ?? '';
    const at = match.index;
    // A C string that ends before the name: a macro, or an argument of one, stands for it.
    const macro = /^"\s*(#?\w+)\s*(?:"|$)/u.exec(written)?.[1];
    const bare = written.replace(/\\?"/gu, '').split(',')[0]?.trim() ?? '';
    const name = spelled(bare.endsWith('_') ? `${bare}*` : bare);
    if (macro !== undefined) yield { expression: macro, origin: 'assembler', at };
    else if (/^[._]|_\*$/u.test(name) && sectionWord.test(name) && name.length > 2) {
      yield { name, origin: 'assembler', at };
    } else yield { expression: bare, origin: 'assembler', at };
  }
}

function* attributeFindings(text: string): Generator<Finding> {
  for (const match of text.matchAll(/\b(?:__section|__section__|section)\s*\(\s*([^)]*)\)/gu)) {
    // modpost writes C source into strings.
    const written = (match[1] ?? '').replaceAll('\\"', '"').trim();
    const string = /^"([^"]+)"(.*)$/su.exec(written);
    const at = match.index;
    if (string?.[1] !== undefined) {
      // What follows in a string of its own, or from a macro, is the rest of the name.
      const name = string[2]?.trim() === '' ? string[1] : `${string[1]}*`;
      if (sectionWord.test(name)) yield { name, origin: 'attribute', at };
    } else if (match[0].startsWith('__section') || /^[A-Z_\d]+$/u.test(written)) {
      yield { expression: written, origin: 'attribute', at };
    }
  }
}

function* objtoolFindings(text: string): Generator<Finding> {
  for (const match of text.matchAll(
    /\belf_create_section(?:_pair)?\s*\([^,"]*,\s*("[^"]+"|[A-Z][A-Z\d_]+)/gu,
  )) {
    const written = match[1] ?? '';
    const name = /^"(.+)"$/u.exec(written)?.[1];
    const at = match.index;
    yield name === undefined
      ? { expression: written, origin: 'objtool', at }
      : { name: spelled(name), origin: 'objtool', at };
  }
}

/** A lookup by a string, or by a macro that stands for one. */
const lookups =
  /\b(?:find_sec|find_any_sec|find_any_unique_sec|section_objs|any_section_objs|section_addr|find_section)\s*\([^;"(){}]*?,\s*("[^"]+"|[A-Z][A-Z\d_]+)\s*[,)]/gu;
const comparisons = /\b(strcmp|strncmp|strstarts|str_has_prefix)\s*\(([^;{}]*?)\)(?=[\s)&|;])/gu;
const lists = /\bconst\s+char\s*\*\s*(?:const\s+)?\w*(?:section|init|ro_after)\w*\s*\[\]\s*=\s*\{([^}]*)\}/gu;

function* loaderFindings(text: string): Generator<Finding> {
  for (const match of text.matchAll(lookups)) {
    const name = /^"(.+)"$/u.exec(match[1] ?? '')?.[1];
    const at = match.index;
    yield name === undefined
      ? { expression: match[1] ?? '', origin: 'loader', at }
      : { name, origin: 'loader', at };
  }
  for (const match of text.matchAll(comparisons)) {
    const [, called = '', written = ''] = match;
    const name = /"([^"]+)"/u.exec(written)?.[1];
    if (
      name === undefined ||
      !/^[._]/u.test(name) ||
      !/\b(?:secstrings|secname|sh_name|sname)\b/u.test(written)
    )
      continue;
    yield { name: called === 'strcmp' ? name : `${name}*`, origin: 'loader', at: match.index };
  }
  for (const match of text.matchAll(lists)) {
    for (const [, name = ''] of (match[1] ?? '').matchAll(/"([^"]+)"/gu)) {
      if (/^[._]/u.test(name)) yield { name, origin: 'loader', at: match.index };
    }
  }
}

function* scriptFindings(file: string, text: string): Generator<Finding> {
  const origin = /(?:^|\/)(?:module|codetag)\.lds/u.test(file) ? 'module-script' : 'image-script';
  yield* scriptNames(origin, text);
}

function* scriptNames(origin: Origin, text: string): Generator<Finding> {
  // An output section stands at the start of a line, with an address or a colon.
  for (const match of text.matchAll(/^[ \t]*([._][\w.]*)[ \t]+(?:0\s*)?:/gmu)) {
    yield { name: match[1] ?? '', origin, at: match.index };
  }
  for (const match of text.matchAll(/\*\s*\(((?:[^()]|\([^()]*\))*)\)/gu)) {
    const inner = (match[1] ?? '').replace(/\b(?:SORT\w*|KEEP)\s*\(([^()]*)\)/gu, ' $1 ');
    for (const [name] of inner.matchAll(/[._][^\s()]*/gu)) {
      const pattern = spelled(name);
      if (sectionWord.test(pattern) && pattern.length > 2) yield { name: pattern, origin, at: match.index };
    }
  }
  for (const match of text.matchAll(
    /\b(?:BOUNDED_SECTION\w*|NAMED_SECTION\w*|HEADERED_SECTION\w*)\s*\(\s*([._][\w.]*)/gu,
  )) {
    yield { name: match[1] ?? '', origin, at: match.index };
  }
}

/** What stands for something else within the macros of a text. */
function macroParameters(text: string): ReadonlySet<string> {
  const definitions = [
    ...text.matchAll(/^[ \t]*#[ \t]*define[ \t]+\w+\(([^)]*)\)/gmu),
    ...text.matchAll(/^[ \t]*\.macro[ \t]+\w+[ \t,]+(.*)$/gmu),
  ];
  return new Set(definitions.flatMap((match) => (match[1] ?? '').split(/[\s,]+/u)));
}

/** Macros that stand for a string, with all strings that configurations give them. */
function collectStrings(text: string, strings: Map<string, Set<string>>): void {
  for (const [, name = '', value = ''] of text.matchAll(
    /^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+"([^"\n]+)"[ \t]*$/gmu,
  )) {
    const known = strings.get(name);
    if (known === undefined) strings.set(name, new Set([value]));
    else known.add(value);
  }
}

/** The names that an expression stands for: a macro, and what may follow it. */
function resolve(expression: string, strings: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] {
  const [, macro = '', rest = ''] = /^(\w+)\s*(.*)$/su.exec(expression) ?? [];
  return [...(strings.get(macro) ?? [])]
    .filter((value) => sectionWord.test(value))
    .map((value) => (rest === '' ? value : `${value}*`));
}

/** Line numbers for growing offsets into a text; smaller offsets start again. */
function lineCounter(text: string): (at: number) => number {
  let [line, last] = [1, 0];
  return (at) => {
    if (at < last) [line, last] = [1, 0];
    for (let next = text.indexOf('\n', last); next >= 0 && next < at; next = text.indexOf('\n', next + 1)) {
      line++;
      last = next + 1;
    }
    return line;
  };
}
