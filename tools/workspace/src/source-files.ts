import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** Absolute path of the repository, with a slash at the end. */
export const repository = fileURLToPath(new URL('../../../', import.meta.url));

/** The folder names under packages/, in alphabetical order. */
export const packageFolders: readonly string[] = readdirSync(`${repository}packages`, {
  withFileTypes: true,
})
  .filter((entry) => entry.isDirectory() && existsSync(`${entry.parentPath}/${entry.name}/package.json`))
  .map((entry) => entry.name)
  .toSorted();

/** A TypeScript file of a package, as far as the rules on imports and globals look at it. */
export interface SourceFile {
  /** Path below the repository, with forward slashes. */
  readonly path: string;
  /** Folder name of the package it belongs to. */
  readonly packageFolder: string;
  readonly text: string;
  /** Module specifiers it imports or re-exports, type imports included, as written. */
  readonly imports: readonly string[];
}

/** Reads every TypeScript file under packages/NAME/FOLDER of the named packages. */
export function readSourceFiles(packages: readonly string[], folder: 'src' | 'test'): SourceFile[] {
  return packages.flatMap((packageFolder) =>
    typescriptFiles(`packages/${packageFolder}/${folder}`).map((path) => {
      const text = readFileSync(`${repository}${path}`, 'utf8');
      const imports = ts.preProcessFile(text).importedFiles.map((file) => file.fileName);
      return { path, packageFolder, text, imports };
    }),
  );
}

/** The package that a specifier names (`@kelp/core/elf`: `@kelp/core`); none for paths and `node:`. */
export function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return undefined;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** The identifiers that a file uses or declares, without member names such as that in `row.process`. */
export function freeNames(file: SourceFile): Set<string> {
  const names = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && !isMemberName(node)) names.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2023, true));
  return names;
}

function isMemberName(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
  if (ts.isQualifiedName(parent)) return parent.right === node;
  if (ts.isBindingElement(parent)) return parent.propertyName === node;
  return (
    (ts.isPropertyAssignment(parent) ||
      ts.isPropertySignature(parent) ||
      ts.isPropertyDeclaration(parent) ||
      ts.isMethodSignature(parent) ||
      ts.isMethodDeclaration(parent)) &&
    parent.name === node
  );
}

function typescriptFiles(folder: string): string[] {
  if (!existsSync(`${repository}${folder}`)) return [];
  return readdirSync(`${repository}${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .toSorted();
}
