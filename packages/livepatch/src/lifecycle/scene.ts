import { KelpError, vmlinuxObject, type Architecture, type Kernel } from '@kelp/core';
import { modinfoValue, parseModinfo, type ObjectFile } from '@kelp/core/elf';
import { readLivepatch, type Livepatch } from '../livepatch.ts';
import { PatchedKernel, type PatchModule } from './patched-kernel.ts';
import type { Strategy } from './strategies.ts';
import {
  addressesOf,
  inventSymbols,
  ModuleMemory,
  unknownMachine,
  type Surroundings,
  type SymbolAddresses,
} from './surroundings.ts';
import { inventTarget, targetFromFile, type TargetModule } from './target-module.ts';

/** A livepatch, the kernel that it is loaded into, and the modules that it patches. */
export interface Scene {
  readonly around: Surroundings;
  readonly patch: PatchModule;
  readonly targets: readonly TargetModule[];
  /** What was made up, because nobody gave it. */
  readonly invented: readonly string[];
}

/** What a scene is made of. What is absent is made up, the same way each time. */
export interface SceneInput {
  readonly object: ObjectFile;
  readonly architecture: Architecture;
  readonly kernel: Kernel;
  /** Files of modules that it patches. */
  readonly targets: readonly ObjectFile[];
  /** Start of the memory of modules. */
  readonly base?: bigint | undefined;
  readonly pageSize?: number | undefined;
  /** Symbols of the kernel image with their addresses, in the order of addresses. */
  readonly vmlinux?: SymbolAddresses | undefined;
  /** Names of symbols of the kernel image in the order of their addresses, where these are not known. */
  readonly vmlinuxNames?: readonly string[] | undefined;
}

/**
 * Set up what a simulated life needs.
 *
 * @throws KelpError `lifecycle/no-livepatch` for a file that is none, `lifecycle/not-patched` for a module that it does
 *   not patch.
 */
export function setUpScene(input: SceneInput): Scene {
  const { object, architecture, kernel } = input;
  const livepatch = readLivepatch(object);
  if (livepatch === undefined)
    throw new KelpError('lifecycle/no-livepatch', 'the file is no livepatch', { file: object.file });
  const usual = addressesOf(architecture, kernel);
  const needs = neededSymbols(livepatch);
  const invented: string[] = [];
  if (input.base === undefined) invented.push('where modules are');
  if (input.vmlinux === undefined) invented.push('addresses of symbols of vmlinux');
  const around: Surroundings = {
    architecture,
    kernel,
    machine: unknownMachine(input.pageSize ?? usual.pageSize),
    moduleArea: input.base ?? usual.modules,
    vmlinux:
      input.vmlinux ??
      inventSymbols(usual.image, input.vmlinuxNames, (name) => needs.get(vmlinuxObject)?.get(name) ?? 1),
  };
  const patch = { name: moduleNameOf(object) ?? 'livepatch', object, livepatch };
  const targets = findTargets(input.targets, around, livepatch, needs);
  const files = new Set(input.targets.map(moduleNameOf));
  for (const { name } of targets) if (!files.has(name)) invented.push(`symbols of ${name}`);
  return { around, patch, targets, invented };
}

function findTargets(
  files: readonly ObjectFile[],
  around: Surroundings,
  livepatch: Livepatch,
  needs: ReadonlyMap<string, ReadonlyMap<string, number>>,
): readonly TargetModule[] {
  const given = new Map<string, TargetModule>();
  for (const file of files) {
    const name = moduleNameOf(file);
    if (name === undefined)
      throw new KelpError('lifecycle/no-name', 'the module has no name in .modinfo', { file: file.file });
    given.set(name, targetFromFile(name, file, around));
  }
  const patched = livepatch.objects.filter(({ isModule }) => isModule).map(({ name }) => name);
  const unpatched = [...given.keys()].find((name) => !needs.has(name) && !patched.includes(name));
  if (unpatched !== undefined) {
    const known = patched.length === 0 ? 'no module' : patched.join(', ');
    throw new KelpError('lifecycle/not-patched', `the livepatch patches ${known}, not ${unpatched}`);
  }
  const names = new Set([...given.keys(), ...patched]);
  return [...names].map((name) => given.get(name) ?? inventTarget(name, needs.get(name) ?? new Map()));
}

/** Symbols that a livepatch asks for, by the object that has them, and how many of the name there must be. */
function neededSymbols(livepatch: Livepatch): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const needs = new Map<string, Map<string, number>>();
  const need = (object: string, name: string, position: bigint): void => {
    const names = needs.get(object) ?? new Map<string, number>();
    needs.set(object, names);
    // A position that no real object has must not fill memory.
    names.set(name, Math.max(names.get(name) ?? 0, Math.max(1, Math.min(Number(position), 1000))));
  };
  for (const { name } of livepatch.symbols)
    if (name !== undefined) need(name.object, name.name, name.position);
  for (const { isModule, name, functions } of livepatch.objects)
    for (const { oldName, position } of functions)
      if (oldName !== undefined) need(isModule ? name : vmlinuxObject, oldName, position);
  return needs;
}

/** Modinfo `name`, with which a module is known at run time. Untrusted. */
function moduleNameOf(object: ObjectFile): string | undefined {
  const section = object.section('.modinfo');
  return section === undefined ? undefined : modinfoValue(parseModinfo(section.bytes), 'name');
}

/** A kernel in which nothing has happened yet, and the memory that its modules will get. */
export function startKernel(
  { around, patch }: Scene,
  strategy: Strategy,
): { readonly kernel: PatchedKernel; readonly memory: ModuleMemory } {
  const memory = new ModuleMemory(around);
  const place = (): { readonly areas: ReadonlyMap<string, bigint> } => ({
    areas: memory.place(patch.object),
  });
  return { kernel: new PatchedKernel(around, strategy, patch, place), memory };
}
