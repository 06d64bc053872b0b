import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';

/** A module to load. */
export interface OrderedModule {
  /** The name of the kernel: with `_` where the file has `-`. */
  readonly name: string;
  /** The module file, compressed or not. */
  readonly file: string;
  readonly parameters: string;
}

/** Modules in the order in which they are loaded. */
export interface ModuleOrder {
  readonly modules: readonly OrderedModule[];
  /** Names on the list that this kernel has no module for: built in, or of another architecture or version. */
  readonly absent: readonly string[];
}

/** What modules need, from the tables of depmod(8). */
export interface ModuleTables {
  /** modules.dep: the file of each module and of those it needs, the nearest first. */
  readonly dependencies: string;
  /** modules.softdep: `softdep NAME pre: A B post: C`. */
  readonly soft: string;
}

/** The names on a list: one a line, with parameters behind the name; `#` begins a comment. */
export function parseModuleList(
  text: string,
): readonly { readonly name: string; readonly parameters: string }[] {
  return text.split('\n').flatMap((line) => {
    const [, name, parameters = ''] = /^\s*([\w-]+)\s*([^#]*)/u.exec(line) ?? [];
    return name === undefined ? [] : [{ name: kernelName(name), parameters: parameters.trim() }];
  });
}

/**
 * The modules of a list behind all that they need, which soft dependencies (`pre:`) are part of. Each occurs once, where
 * it is first needed.
 *
 * @param home - the folder that depmod's tables are relative to.
 */
export function orderModules(
  list: readonly { readonly name: string; readonly parameters: string }[],
  tables: ModuleTables,
  home: string,
): ModuleOrder {
  const needed = parseDependencies(tables.dependencies);
  const soft = parseSoft(tables.soft);
  const parameters = new Map(list.map((one) => [one.name, one.parameters]));
  const ordered = new Map<string, OrderedModule>();
  const begun = new Set<string>();
  const add = (name: string): void => {
    const entry = needed.get(name);
    if (entry === undefined || begun.has(name)) return;
    begun.add(name);
    for (const one of [...(soft.get(name) ?? []), ...entry.dependencies.toReversed()]) add(one);
    ordered.set(name, { name, file: join(home, entry.file), parameters: parameters.get(name) ?? '' });
  };
  for (const { name } of list) add(name);
  return {
    modules: [...ordered.values()],
    absent: list.map(({ name }) => name).filter((name) => !needed.has(name)),
  };
}

/**
 * The tables of a kernel, made by depmod in a folder of links, or found there: the tree stays as it is.
 *
 * @param modules - the folder that holds the one folder of the kernel.
 */
export function readTables(modules: string, folder: string): ModuleTables & { readonly home: string } {
  const [release, ...others] = readdirSync(modules);
  if (release === undefined || others.length > 0) throw new Error(`not one kernel in ${modules}`);
  const home = join(modules, release);
  const links = join(folder, 'lib/modules', release);
  if (!existsSync(links)) {
    mkdirSync(links, { recursive: true });
    for (const name of readdirSync(home)) symlinkSync(join(home, name), join(links, name));
    execFileSync('depmod', ['-b', folder, release], { stdio: ['ignore', 'ignore', 'ignore'] });
  }
  const read = (name: string): string => readFileSync(join(links, name), 'utf8');
  return { dependencies: read('modules.dep'), soft: read('modules.softdep'), home };
}

function kernelName(name: string): string {
  return name.replaceAll('-', '_');
}

function nameOf(file: string): string {
  return kernelName(basename(file).replace(/\.ko(?:\.\w+)?$/u, ''));
}

function parseDependencies(
  text: string,
): ReadonlyMap<string, { readonly file: string; readonly dependencies: readonly string[] }> {
  const lines = text.split('\n').flatMap((line) => {
    const [, file, files = ''] = /^([^:]+):\s*(.*)$/u.exec(line) ?? [];
    if (file === undefined) return [];
    const dependencies = files.split(' ').filter((one) => one !== '');
    return [[nameOf(file), { file, dependencies: dependencies.map(nameOf) }] as const];
  });
  return new Map(lines);
}

function parseSoft(text: string): ReadonlyMap<string, readonly string[]> {
  const soft = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [, name, words = ''] = /^softdep\s+(\S+)\s+(.*)$/u.exec(line) ?? [];
    if (name === undefined) continue;
    const before = /pre:\s*([^:]*?)(?:\s*post:|$)/u.exec(words)?.[1] ?? '';
    const names = before.split(/\s+/u).filter((one) => one !== '');
    soft.set(kernelName(name), [...(soft.get(kernelName(name)) ?? []), ...names.map(kernelName)]);
  }
  return soft;
}
