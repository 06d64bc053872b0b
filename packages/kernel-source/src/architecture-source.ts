import { KelpError, type Applicability, type Architecture } from '@kelp/core';
import { isApplicability, isRecord, isTexts } from './json-values.ts';
import { stages, type Assumption } from './late/entry-points.ts';

/** A hook of the module loader that the kernels of an architecture fill. */
export interface LoaderHookRow {
  readonly name: string;
  /** Kernels that fill it; absent: all. */
  readonly applies?: readonly Applicability[];
}

/** Where a Linux source tree keeps what the tables of an architecture are about: `kernel-source.json` of its package. */
export interface ArchitectureSource {
  readonly schema: 'kelp-architecture-source/1';
  /** Folder below `arch/`: `powerpc`. */
  readonly folder: string;
  /**
   * Options and other macros, with their `CONFIG_`, that every kernel of this architecture answers alike, so that an
   * `#if` on them is decided: `CONFIG_64BIT`.
   */
  readonly macros: Readonly<Record<string, boolean>>;
  /** Files that define apply_relocate_add(), clear_relocate_add() and what they call, and module_finalize(). */
  readonly loader: readonly string[];
  /** Files of its folder that only other kernels compile, 32-bit ones. */
  readonly excluded: readonly string[];
  /** Headers that give the relocation types their numbers. */
  readonly relocationNumbers: readonly string[];
  /** What all names of relocation types of the loader start with. */
  readonly relocationPrefixes: readonly string[];
  /** Functions of moduleloader.h that the loader's files define. */
  readonly hooks: readonly LoaderHookRow[];
  /** Expressions of the loader's files that are decided where no module is patched late. */
  readonly lateModules: readonly Assumption[];
}

/** An architecture with its places in a source tree. */
export interface SourceSubject {
  readonly architecture: Architecture;
  readonly source: ArchitectureSource;
}

/**
 * Read the text of a `kernel-source.json`.
 *
 * @throws KelpError `source/architecture` for anything else.
 */
export function parseArchitectureSource(text: string, file?: string): ArchitectureSource {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new KelpError('source/architecture', error instanceof Error ? error.message : String(error), {
      file,
    });
  }
  if (isArchitectureSource(value)) return value;
  const message = 'not a file of the schema kelp-architecture-source/1, or a member is missing';
  throw new KelpError('source/architecture', message, { file });
}

function isArchitectureSource(value: unknown): value is ArchitectureSource {
  if (!isRecord(value) || value['schema'] !== 'kelp-architecture-source/1') return false;
  const { folder, macros, hooks, lateModules } = value;
  return (
    typeof folder === 'string' &&
    isRecord(macros) &&
    Object.values(macros).every((one) => typeof one === 'boolean') &&
    ['loader', 'excluded', 'relocationNumbers', 'relocationPrefixes'].every((name) => isTexts(value[name])) &&
    Array.isArray(hooks) &&
    hooks.every(
      (hook: unknown) =>
        isRecord(hook) && typeof hook['name'] === 'string' && isApplicability(hook['applies']),
    ) &&
    Array.isArray(lateModules) &&
    lateModules.every(isAssumption)
  );
}

function isAssumption(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { stage, expression, value: decided, files, functions, reason } = value;
  return (
    typeof stage === 'string' &&
    Object.hasOwn(stages, stage) &&
    typeof expression === 'string' &&
    typeof decided === 'boolean' &&
    isTexts(files) &&
    (functions === undefined || isTexts(functions)) &&
    typeof reason === 'string'
  );
}
