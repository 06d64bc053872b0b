import { builtinModules } from 'node:module';
import { describe, expect, test } from 'vitest';
import { freeNames, packageFolders, readSourceFiles, type SourceFile } from '../src/source-files.ts';

// Core, loader, plugins and report compute from what they are given: no file system, no process, no
// clock. Feature packages read and write files. Only the cli touches arguments, the terminal and exit
// codes.
const readFiles = new Set(['memory', 'livepatch', 'census', 'coverage', 'kernel-source', 'testkit']);
const pure = packageFolders.filter((folder) => folder !== 'cli' && !readFiles.has(folder));
const belowCli = packageFolders.filter((folder) => folder !== 'cli');

// Buffer is memory, which elfy asks for; of crypto, hashes are allowed and random numbers are not.
const harmlessModules = new Set(['buffer', 'crypto']);
const randomSource = /\b(Math\.random|random(Bytes|Fill|FillSync|Int|UUID)|getRandomValues)\b/;

function nodeModulesOf(file: SourceFile): string[] {
  return file.imports
    .map((name) => name.replace(/^node:/, ''))
    .filter((name) => builtinModules.includes(name) && !harmlessModules.has(name));
}

function offenders(packages: readonly string[], reject: (file: SourceFile) => readonly string[]) {
  return readSourceFiles(packages, 'src').flatMap((file) =>
    reject(file).map((what) => `${file.path}: ${what}`),
  );
}

// Every source file is parsed: seconds on an idle machine, more on a busy one.
describe('sources', { timeout: 60_000 }, () => {
  test('of core, loader, plugins and report import none of Node’s modules', () => {
    expect(pure).toContain('core');
    expect(offenders(pure, nodeModulesOf)).toEqual([]);
  });

  test('of core, loader, plugins and report use no clock, timer or randomness', () => {
    const rejected = ['Date', 'performance', 'setTimeout', 'setInterval', 'crypto'];
    const found = offenders(pure, (file) => {
      const names = freeNames(file);
      const random = randomSource.exec(file.text)?.slice(0, 1) ?? [];
      return [...rejected.filter((name) => names.has(name)), ...random];
    });
    expect(found).toEqual([]);
  });

  test('below the cli touch neither process nor terminal', () => {
    const found = offenders(belowCli, (file) => {
      const names = freeNames(file);
      const modules = nodeModulesOf(file).filter((name) => ['process', 'tty'].includes(name));
      // The conformance suite is a test, and prints as tests do: vitest shows it.
      const globals =
        file.path === 'packages/testkit/src/conformance.ts' ? ['process'] : ['process', 'console'];
      return [...globals.filter((name) => names.has(name)), ...modules];
    });
    expect(found).toEqual([]);
  });
});

function sourceFile(text: string): SourceFile {
  return { path: 'sample.ts', packageFolder: 'sample', text, imports: [] };
}

describe('the search for names', () => {
  test('finds a global however it is used', () => {
    expect(freeNames(sourceFile('const now = Date.now();'))).toContain('Date');
    expect(freeNames(sourceFile('export const at = (): Date => new Date();'))).toContain('Date');
    expect(freeNames(sourceFile('const { argv } = process;'))).toContain('process');
  });

  test('does not take a member for a global', () => {
    const members = freeNames(
      sourceFile('interface Row { process: string }\nexport const f = (r: Row) => r.process;'),
    );
    expect(members).not.toContain('process');
  });
});
