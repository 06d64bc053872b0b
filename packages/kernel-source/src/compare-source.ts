import type { Architecture } from '@kelp/core';
import { acceptance, type AcceptedDisagreement } from './accepted.ts';
import type { SourceSubject } from './architecture-source.ts';
import type { Knowledge } from './c/condition.ts';
import { distinct, type Unread } from './c/functions.ts';
import { knowledgeOf } from './configurations.ts';
import { readDeclarations, type Declarations } from './declarations.ts';
import { mergeArchitectures, type Disagreement } from './disagreement.ts';
import { alwaysSelected, possibleSelects, readSelects, type Selected } from './kconfig.ts';
import { compareLayouts, type ComparedLayout } from './layout-agreement.ts';
import { compareCapabilities, compareHooks, readHooks, type LoaderHook } from './loader-hooks.ts';
import { compareRelocations } from './relocation-agreement.ts';
import { readRelocationCases, type RelocationSource } from './relocation-cases.ts';
import { compareSections, namesFor } from './section-agreement.ts';
import { readSectionNames, type MacroNamed, type NamedSection, type SectionNames } from './section-names.ts';
import { readTexts } from './texts.ts';
import type { SourceTree } from './tree.ts';

/** A disagreement, and why it is none to worry about where somebody said so. */
export interface JudgedDisagreement extends Disagreement {
  readonly accepted?: string;
}

/** What a tree says about an architecture that it has. */
export interface ArchitectureFindings {
  readonly architecture: Architecture;
  readonly relocations: RelocationSource;
  readonly hooks: readonly LoaderHook[];
  readonly selects: readonly Selected[];
  /** Entry structures that are those of the table. */
  readonly layouts: readonly ComparedLayout[];
  /** Names of sections in generic files and in those of the architecture. */
  readonly sections: readonly NamedSection[];
}

/** A source tree compared with the tables of architectures. */
export interface SourceComparison {
  readonly root: string;
  readonly version: string;
  readonly architectures: readonly ArchitectureFindings[];
  readonly disagreements: readonly JudgedDisagreement[];
  readonly unread: readonly Unread[];
  /** Sections whose names a macro makes: what stands in their place. */
  readonly macroNamed: readonly MacroNamed[];
}

/** Folders that make sections of modules, or tell what they hold; those of architectures come on top. */
export const generalFolders = ['include', 'init', 'kernel', 'lib', 'mm', 'scripts', 'tools/objtool'];

/**
 * Compare the tables of architectures with a source tree.
 *
 * @param tables - all architectures that there are: a section that generic code looks for is known where one of them knows it.
 */
export function compareSource(
  tree: SourceTree,
  subjects: readonly SourceSubject[],
  accepted: readonly AcceptedDisagreement[],
  tables: readonly Architecture[] = subjects.map(({ architecture }) => architecture),
): SourceComparison {
  const present = subjects.filter(({ source }) => tree.has(`arch/${source.folder}`));
  const texts = readTexts(tree, [...generalFolders, ...present.map(({ source }) => `arch/${source.folder}`)]);
  const names = readSectionNames(texts);
  const declarations = readDeclarations(texts);
  const results = present.map((subject) => compareOne(tree, subject, { names, declarations, tables }));
  const missing = subjects
    .filter((one) => !present.includes(one))
    .map(({ architecture, source }) => ({
      file: `arch/${source.folder}`,
      line: 1,
      what: `the tree has no ${architecture.id}`,
    }));
  return {
    root: tree.root,
    version: tree.version,
    architectures: results.map(({ findings }) => findings),
    disagreements: mergeArchitectures(results.flatMap(({ disagreements }) => disagreements)).map((one) => {
      const row = acceptance(one, tree.version, accepted);
      return row === undefined ? one : { ...one, accepted: row.reason };
    }),
    unread: distinct([...missing, ...results.flatMap(({ unread }) => unread)]),
    macroNamed: names.macroNamed,
  };
}

function compareOne(
  tree: SourceTree,
  subject: SourceSubject,
  {
    names,
    declarations,
    tables,
  }: {
    readonly names: SectionNames;
    readonly declarations: Declarations;
    readonly tables: readonly Architecture[];
  },
): {
  readonly findings: ArchitectureFindings;
  readonly disagreements: readonly Disagreement[];
  readonly unread: readonly Unread[];
} {
  const { architecture, source } = subject;
  const fixed = knowledgeOf(source.macros);
  const selects = readSelects(tree, source.folder);
  const always = alwaysSelected(selects, fixed);
  const known: Knowledge = (name) => fixed(name) ?? (always.has(name) ? true : undefined);
  const relocations = readRelocationCases(tree, source, fixed);
  const hooks = readHooks(tree, source, fixed);
  const layouts = compareLayouts(tree, architecture, source.folder, known, declarations);
  return {
    findings: {
      architecture,
      relocations,
      hooks,
      selects,
      layouts: layouts.layouts,
      sections: namesFor(names, source),
    },
    disagreements: [
      ...compareRelocations(subject, relocations, tree.version),
      ...compareHooks(tree, architecture, source, hooks),
      ...compareCapabilities(tree, architecture, source.folder, possibleSelects(selects, fixed)),
      ...compareSections(tree, architecture, source, names, tables),
      ...layouts.disagreements,
    ],
    unread: [...relocations.unread, ...layouts.unread],
  };
}
