import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import ts from 'typescript';
import { repositoryPath, type Plugin } from './architectures.ts';

/** The code that decides what a check says: how rows are interpreted, and how the checks compare. */
const shared: readonly string[] = [
  'packages/core/src/entry-layout.ts',
  'packages/core/src/entry.ts',
  'packages/core/src/field.ts',
  'packages/core/src/formula.ts',
  'packages/core/src/relocation-type.ts',
  'packages/core/src/relocation.ts',
  'packages/core/src/section-entries.ts',
  'packages/core/src/special-section.ts',
  'packages/testkit/src/module-check.ts',
  'packages/testkit/src/vector-check.ts',
];

/** Code of a plugin beside its tables. */
const perPlugin: readonly string[] = ['src/linkage.ts', 'src/specials.ts'];

/** Code of loading and comparing, on which memory evidence depends too. */
const loading: readonly string[] = ['packages/loader/src', 'packages/memory/src', 'packages/core/src'];

/** SHA-256 over the code that loads modules and compares them with memory, all of the plugin's included. */
export function loadingDigest(plugin: Plugin): string {
  const folders = [...loading, `${plugin.package}/src`];
  const files = folders.flatMap((folder) =>
    readdirSync(repositoryPath(folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
      .toSorted()
      .map((name) => `${folder}/${name}`),
  );
  return digestOf(files);
}

/** SHA-256 over that code, without comments and layout: those change nothing that was seen to hold. */
export function codeDigest(plugin: Plugin): string {
  const files = [...shared, ...perPlugin.map((file) => `${plugin.package}/${file}`)];
  return digestOf(files);
}

function digestOf(files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of files) {
    const path = repositoryPath(file);
    if (existsSync(path)) hash.update(file).update(withoutLayout(readFileSync(path, 'utf8')));
  }
  return hash.digest('hex');
}

function withoutLayout(source: string): string {
  const compilerOptions = {
    removeComments: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext,
  };
  return ts.transpileModule(source, { compilerOptions }).outputText.replaceAll(/\s+|,(?=\s*[)\]}])/gu, '');
}
