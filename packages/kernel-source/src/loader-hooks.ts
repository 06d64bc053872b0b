import { appliesTo, parseKernel, type Architecture } from '@kelp/core';
import type { ArchitectureSource } from './architecture-source.ts';
import { readCFile } from './c/c-file.ts';
import type { Knowledge } from './c/condition.ts';
import { describeConditions, findFunctions } from './c/functions.ts';
import { preprocess } from './c/preprocess.ts';
import { tokenize } from './c/tokens.ts';
import type { Disagreement } from './disagreement.ts';
import type { Selected } from './kconfig.ts';
import type { SourceTree } from './tree.ts';

const header = 'include/linux/moduleloader.h';

/** A hook of the module loader that an architecture fills. */
export interface LoaderHook {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  /** Undecided `#if`, empty where there is none. */
  readonly conditions: string;
}

/** What the loader calls of an architecture: every function that moduleloader.h declares. */
export function hookNames(tree: SourceTree): readonly string[] {
  if (!tree.has(header)) return [];
  const tokens = preprocess(tokenize(tree.read(header), header), () => undefined, header);
  const names = tokens.flatMap((token, at) => {
    const next = tokens[at + 1];
    const before = tokens[at - 1];
    const declares =
      token.kind === 'word' && next?.text === '(' && (before?.kind === 'word' || before?.text === '*');
    return declares ? [token.text] : [];
  });
  // What the header defines itself, as an empty stand-in, is declared as well where it is a hook.
  const inline = new Set(findFunctions(tokens).functions.map(({ name }) => name));
  const declared = names.filter(
    (name) => !inline.has(name) || names.filter((one) => one === name).length > 1,
  );
  return [...new Set(declared)].filter((name) => /^(?:module_|apply_|clear_|arch_)/u.test(name));
}

/** The hooks that an architecture defines in the files of its loader. */
export function readHooks(
  tree: SourceTree,
  source: ArchitectureSource,
  known: Knowledge,
): readonly LoaderHook[] {
  const names = new Set(hookNames(tree));
  return source.loader
    .filter((path) => tree.has(path))
    .flatMap((path) =>
      readCFile(tree, path, known)
        .functions.filter(({ name }) => names.has(name))
        .map(({ name, line, conditions }) => ({
          name,
          file: path,
          line,
          conditions: describeConditions(conditions),
        })),
    );
}

/** Compare the hooks that the plugin expects with those of a tree. */
export function compareHooks(
  tree: SourceTree,
  architecture: Architecture,
  source: ArchitectureSource,
  hooks: readonly LoaderHook[],
): readonly Disagreement[] {
  const kernel = parseKernel(tree.version);
  const expected = source.hooks.filter(({ applies }) => appliesTo(applies, kernel)).map(({ name }) => name);
  const found = new Map(hooks.map((hook) => [hook.name, hook]));
  const common = { code: 'loader/hook' as const, architectures: [architecture.id], configuration: '' };
  return [
    ...[...found.values()]
      .filter(({ name }) => !expected.includes(name))
      .map(({ name, file, line }) => ({
        ...common,
        subject: name,
        tree: 'defined',
        table: 'not expected',
        place: `${file}:${line}`,
      })),
    ...expected
      .filter((name) => !found.has(name))
      .map((subject) => ({
        ...common,
        subject,
        tree: 'not defined',
        table: 'expected',
        place: source.loader.join(' '),
      })),
  ];
}

/** Compare capabilities that follow from a Kconfig select of the architecture with what its Kconfig selects. */
export function compareCapabilities(
  tree: SourceTree,
  { id, support }: Architecture,
  folder: string,
  selects: readonly Selected[],
): readonly Disagreement[] {
  const kernel = parseKernel(tree.version);
  const file = `arch/${folder}/Kconfig`;
  return support.capabilities.flatMap(({ name, kernels }): readonly Disagreement[] => {
    const row = kernels.find(({ applies }) => appliesTo(applies, kernel));
    const option = row?.source.symbol;
    if (row === undefined || row.source.file !== file || option === undefined) return [];
    const found = selects.find((one) => one.option === option);
    if ((found !== undefined) === (row.state !== 'no')) return [];
    return [
      {
        code: 'kconfig/capability',
        architectures: [id],
        subject: name,
        tree: found === undefined ? `${option} is not selected` : `${option} is selected`,
        table: row.condition ?? row.state,
        configuration: '',
        place: found === undefined ? file : `${found.file}:${found.line}`,
      },
    ];
  });
}
