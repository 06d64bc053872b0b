import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PackageInput, PackagePlan } from './plan-package.ts';
import { moduleFacts } from './module-facts.ts';
import { withScratchRoot } from './scratch-root.ts';

/** What a program of kmod printed, and whether it ended well. */
export interface KmodRun {
  readonly ok: boolean;
  readonly out: string;
  readonly error: string;
}

/** Runs `depmod` or `modprobe`. */
export type RunKmod = (program: 'depmod' | 'modprobe', args: readonly string[]) => KmodRun;

/** One question to kmod. */
export interface PackageCheck {
  /** What was asked for: a module by its name, by an alias, a module that depends on it, or a deprecated one. */
  readonly kind: 'name' | 'alias' | 'dependent' | 'deprecated';
  /** As modprobe was asked. Untrusted. */
  readonly request: string;
  /** File of the package that has to be loaded, relative to the root. */
  readonly expected: string;
  /** Files that modprobe would load, in order, relative to the root. Untrusted. */
  readonly loads: readonly string[];
  /** The expected file is among them, and no other file of the name that it replaces. */
  readonly ok: boolean;
}

/** What kmod makes of a package. */
export interface PackageVerdict {
  readonly checks: readonly PackageCheck[];
  /** depmod itself failed, with what it said. Untrusted. */
  readonly failed: string | undefined;
}

/**
 * Install a package over the modules of a kernel in a scratch root, run depmod there, and ask modprobe what it would
 * load. Nothing is loaded.
 *
 * @param modules - folder `lib/modules/RELEASE` of the kernel.
 * @throws KelpError `file/...`, and what `run` throws.
 */
export function checkPackage(
  input: PackageInput,
  plan: PackagePlan,
  modules: string,
  run: RunKmod,
): PackageVerdict {
  return withScratchRoot(plan, modules, (root) => {
    const { release } = plan.paths;
    const depmod = run('depmod', ['-b', root, '-C', join(root, 'etc', 'depmod.d'), release]);
    if (!depmod.ok) return { checks: [], failed: depmod.error.trim() };
    const checks = questions(input, plan, root).map((question) => ask(question, { root, release, run }));
    return { checks, failed: undefined };
  });
}

interface Question extends Omit<PackageCheck, 'loads' | 'ok'> {
  /** Names of modules of which no other file may be loaded. */
  readonly instead: readonly string[];
}

function questions(input: PackageInput, plan: PackagePlan, root: string): readonly Question[] {
  const { modules, deprecated } = plan.manifest;
  const dependents = dependentsIn(
    readFileSync(join(root, 'lib', 'modules', plan.paths.release, 'modules.dep'), 'utf8'),
  );
  return modules.flatMap(({ name, path: expected, livepatch }) => {
    const old = deprecated.filter(({ replacement }) => replacement === name).map((one) => one.name);
    const question = (kind: Question['kind'], request: string): Question => ({
      kind,
      request,
      expected,
      instead: [name, ...old],
    });
    return [
      question('name', name),
      ...(livepatch ? [] : aliasesOf(input, [name, ...old]).map((alias) => question('alias', sample(alias)))),
      ...(dependents.get(name) ?? []).map((dependent) => question('dependent', dependent)),
      ...old.map((one) => question('deprecated', one)),
    ];
  });
}

/** Aliases of all modules of these names, old and new. */
function aliasesOf({ modules, replaced }: PackageInput, names: readonly string[]): readonly string[] {
  const found = [...modules, ...replaced].flatMap(({ object, plain }) => {
    const { name, aliases } = moduleFacts(object, plain);
    return name !== undefined && names.includes(name) ? aliases : [];
  });
  return [...new Set(found)];
}

/** A request that an alias matches: modalias patterns are those of fnmatch(3). */
function sample(alias: string): string {
  return alias.replaceAll(/\[([^\]])[^\]]*\]/gu, '$1').replaceAll(/[*?]/gu, '0');
}

/** Modules that need a module, by its name: lines `FILE: FILE...` of modules.dep. */
function dependentsIn(dependencies: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const line of dependencies.split('\n')) {
    const [file = '', rest = ''] = line.split(': ', 2);
    if (rest === '') continue;
    for (const needed of rest.split(' ')) {
      const known = found.get(nameOf(needed));
      if (known === undefined) found.set(nameOf(needed), [nameOf(file)]);
      else known.push(nameOf(file));
    }
  }
  return found;
}

interface Scratch {
  readonly root: string;
  readonly release: string;
  readonly run: RunKmod;
}

function ask({ instead, ...question }: Question, { root, release, run }: Scratch): PackageCheck {
  const { ok, out } = run('modprobe', [
    '-d',
    root,
    '-C',
    join(root, 'etc', 'modprobe.d'),
    '-S',
    release,
    '--show-depends',
    // The way in which the kernel and udev ask; a name is asked for by people.
    ...(question.kind === 'alias' ? ['--use-blacklist'] : []),
    question.request,
  ]);
  const loads = out
    .split('\n')
    .map((line) => /^insmod (.*?\.ko(?:\.\w+)?)(?: |$)/u.exec(line)?.[1])
    .filter((path) => path !== undefined)
    .map((path) => (path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path));
  const others = loads.filter((path) => path !== question.expected && instead.includes(nameOf(path)));
  return { ...question, loads, ok: ok && loads.includes(question.expected) && others.length === 0 };
}

/** The name of the module in a file, as depmod derives it. */
function nameOf(path: string): string {
  const base = path.slice(path.lastIndexOf('/') + 1).replace(/:$/u, '');
  return base.replace(/\.ko(?:\.\w+)?$/u, '').replaceAll('-', '_');
}
