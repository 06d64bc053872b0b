import {
  appliesTo,
  layoutFor,
  parseKernel,
  type Architecture,
  type EntryField,
  type EntryLayout,
} from '@kelp/core';
import { readCFile } from './c/c-file.ts';
import type { Condition, Knowledge } from './c/condition.ts';
import { expand, functionMacros } from './c/macros.ts';
import { readDefines } from './c/defines.ts';
import { findDefinitions, LayoutFailure, layOut, type Structure, type Surroundings } from './c/structures.ts';
import type { ConditionalToken } from './c/preprocess.ts';
import type { Unread } from './c/functions.ts';
import { choicesFor, describeChoice, holdsAll } from './configurations.ts';
import type { Declarations } from './declarations.ts';
import type { Disagreement } from './disagreement.ts';
import type { SourceTree } from './tree.ts';

/** An entry structure of the tree beside the layout of the table. */
export interface ComparedLayout {
  readonly section: string;
  readonly structure: string;
  readonly file: string;
  readonly size: number;
  readonly members: Structure['members'];
  /** Options under which the tree's structure is the table's; empty: under all. */
  readonly configuration: string;
}

/** What the comparison of all layouts of an architecture gives. */
export interface LayoutComparison {
  readonly layouts: readonly ComparedLayout[];
  readonly disagreements: readonly Disagreement[];
  readonly unread: readonly Unread[];
}

/**
 * Compare the entry layouts of a table with the C structures that they name (`FILE struct NAME`). Options that nothing
 * decides are tried both ways: the layout agrees where it is the one of some choice, which is told.
 */
export function compareLayouts(
  tree: SourceTree,
  architecture: Architecture,
  folder: string,
  known: Knowledge,
  declarations: Declarations,
): LayoutComparison {
  const kernel = parseKernel(tree.version);
  const layouts: ComparedLayout[] = [];
  const disagreements: Disagreement[] = [];
  const unread: Unread[] = [];
  const reader = new StructureReader(tree, folder, known, declarations);
  for (const row of architecture.specialSections) {
    const layout = appliesTo(row.applies, kernel) ? layoutFor(row, kernel) : undefined;
    const [, file, name, pointer] =
      /^(\S+) struct (\w+)( \*)?$/u.exec(layout?.structure.replace('arch/*/', `arch/${folder}/`) ?? '') ?? [];
    if (layout === undefined || file === undefined || name === undefined || pointer !== undefined) continue;
    const actual = reader.fileOf(file, name);
    const common = { architectures: [architecture.id], subject: row.name, configuration: '' };
    if (actual !== file) {
      disagreements.push({
        ...common,
        code: 'section/structure',
        tree: actual === undefined ? `nothing defines struct ${name}` : `struct ${name} is in ${actual}`,
        table: file,
        place: actual ?? file,
      });
    }
    if (actual === undefined) continue;
    const found = reader.compare(actual, name, layout);
    if ('unread' in found) unread.push(found.unread);
    else if ('differs' in found) {
      disagreements.push({
        ...common,
        code: 'section/layout',
        tree: found.differs,
        table: `${layout.size} bytes: ${describeFields(layout)}`,
        place: `${actual} struct ${name}`,
      });
    } else layouts.push({ section: row.name, structure: name, file: actual, ...found });
  }
  return { layouts, disagreements, unread };
}

type Comparison =
  | { readonly unread: Unread }
  | { readonly differs: string }
  | Pick<ComparedLayout, 'size' | 'members' | 'configuration'>;

class StructureReader {
  readonly #tree: SourceTree;
  readonly #folder: string;
  readonly #known: Knowledge;
  readonly #declarations: Declarations;
  readonly #files = new Map<string, readonly ConditionalToken[]>();
  readonly #definitions = new Map<string, readonly (readonly ConditionalToken[])[]>();

  constructor(tree: SourceTree, folder: string, known: Knowledge, declarations: Declarations) {
    this.#tree = tree;
    this.#folder = folder;
    this.#known = known;
    this.#declarations = declarations;
  }

  /** The file that defines a structure: the one given, if it does. */
  fileOf(file: string, name: string): string | undefined {
    return this.#definitionsIn(file, name).length === 0 ? this.#declarations.structures.get(name) : file;
  }

  compare(file: string, name: string, layout: EntryLayout): Comparison {
    const definitions = this.#definitionsIn(file, name);
    const all = definitions.flat();
    const tokens = this.#tokens(file);
    const macros = functionMacros(tokens, () => true);
    const used = tokens.filter(({ kind, text }) => kind === 'directive' && usesMacro(all, macros, text));
    const choices = choicesFor([...all, ...used].flatMap(({ conditions }) => conditions));
    const outcomes: { readonly structure: Structure; readonly choice: string; readonly fits: boolean }[] = [];
    try {
      for (const choice of choices) {
        const holds = this.#holds((macro) => this.#known(macro) ?? choice.get(macro));
        const definition = definitions.find((one) => holds(one[0]?.conditions ?? []));
        if (definition === undefined) continue;
        const expanded = expand(definition, functionMacros(tokens, holds));
        const structure = layOut(expanded, holds, this.#surroundings(file));
        outcomes.push({ structure, choice: describeChoice(choice), fits: fits(layout, structure) });
      }
    } catch (error) {
      if (!(error instanceof LayoutFailure)) throw error;
      return { unread: { file, line: all[0]?.line ?? 1, what: `struct ${name}: ${error.message}` } };
    }
    return judge(outcomes);
  }

  #holds(known: Knowledge): (conditions: readonly Condition[]) => boolean {
    return (conditions) => holdsAll(conditions, known);
  }

  #surroundings(file: string): Surroundings {
    const own = new Map<string, string>();
    readDefines(this.#tokens(file), own);
    const { constants, types } = this.#declarations;
    return {
      structure: (name) => this.#elsewhere(name, file),
      constant: (name) => own.get(name) ?? constants.get(name),
      type: (name) => types.get(name),
    };
  }

  #elsewhere(name: string, file: string): readonly (readonly ConditionalToken[])[] {
    const other = this.#declarations.structures.get(name);
    const own = this.#definitionsIn(file, name);
    return own.length > 0 || other === undefined ? own : this.#definitionsIn(other, name);
  }

  #definitionsIn(file: string, name: string): readonly (readonly ConditionalToken[])[] {
    const key = `${file} ${name}`;
    if (!this.#definitions.has(key)) {
      this.#definitions.set(key, findDefinitions(this.#tokens(file), name));
    }
    return this.#definitions.get(key) ?? [];
  }

  /** The tokens of a header; those of the generic one where the architecture has none of its own. */
  #tokens(file: string): readonly ConditionalToken[] {
    const known = this.#files.get(file);
    if (known !== undefined) return known;
    const generic = file.startsWith(`arch/${this.#folder}/`) && !this.#tree.has(file);
    const path = generic ? file.replace(/^arch\/\w+\/include\/asm\//u, 'include/asm-generic/') : file;
    const tokens = this.#tree.has(path) ? readCFile(this.#tree, path, this.#known).tokens : [];
    this.#files.set(file, tokens);
    return tokens;
  }
}

/** Whether a directive defines a macro that a definition uses. */
function usesMacro(
  definition: readonly ConditionalToken[],
  macros: ReadonlyMap<string, unknown>,
  directive: string,
): boolean {
  const name = /^#\s*define\s+(\w+)\(/u.exec(directive)?.[1];
  return name !== undefined && macros.has(name) && definition.some(({ text }) => text === name);
}

function judge(
  outcomes: readonly { readonly structure: Structure; readonly choice: string; readonly fits: boolean }[],
): Comparison {
  const fitting = outcomes.filter(({ fits: one }) => one);
  const [best] = fitting;
  if (best === undefined) {
    return {
      differs: [...new Set(outcomes.map(({ structure }) => describeStructure(structure)))].join(', or '),
    };
  }
  const { size, members } = best.structure;
  const all = fitting.length === outcomes.length;
  return { size, members, configuration: all ? '' : fitting.map(({ choice }) => choice).join(', or ') };
}

/** Whether a structure has the size of a layout, and a member wherever the layout has a field that is no padding. */
function fits(layout: EntryLayout, { size, members }: Structure): boolean {
  return (
    size === layout.size &&
    Object.values(layout.fields).every(
      (field) =>
        field.kind === 'padding' || field.kind === 'bits' || members.some((member) => covers(member, field)),
    )
  );
}

/** Bytes of an array may be one field. */
function covers(member: Structure['members'][number], field: EntryField): boolean {
  return member.offset === field.offset && member.size === field.size;
}

function describeStructure({ size, members }: Structure): string {
  const fields = members.map(({ name, offset, size: bytes }) => `${offset}:${bytes} ${name}`);
  return `${size} bytes: ${fields.join(', ')}`;
}

function describeFields({ fields }: EntryLayout): string {
  return Object.entries(fields)
    .map(([name, { offset, size }]) => `${offset}:${size} ${name}`)
    .join(', ');
}
