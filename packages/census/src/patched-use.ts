import { basename } from 'node:path';
import { isKelpError, type Architecture } from '@kelp/core';
import { parseObjectFile, type ObjectFile } from '@kelp/core/elf';
import { compareReleases } from './census-builder.ts';
import type { FailedFile } from './census.ts';
import { compareText } from './compare-text.ts';
import { FileReader } from './file-reader.ts';
import { subsystemOf } from './function-inventory.ts';
import type { FunctionUse, KeyUse } from './function-use.ts';
import { verdictOf, type FunctionVerdict } from './function-verdicts.ts';
import { Inventory } from './inventory.ts';
import { modulePath } from './module-path.ts';
import { moduleName, type PatchedFunction } from './patched-list.ts';

/**
 * Where a patched function is in a kernel: `found` in its object; in `another-module`; `no-function` where the object is
 * there without it; `no-object` where no scanned file is the object.
 */
export type PatchedState = 'found' | 'another-module' | 'no-function' | 'no-object';

/** A patched function in one kernel. */
export interface PatchedUse extends PatchedFunction {
  readonly state: PatchedState;
  /** Path of the file that has it. Untrusted. */
  readonly module: string | undefined;
  readonly subsystem: string | undefined;
  /** Special sections with entries that name it; undefined for kernel images, whose entries have no relocations. */
  readonly sections: readonly { readonly section: string; readonly entries: number }[] | undefined;
  /** Keys that it uses, tracepoints and pr_debug() included. */
  readonly keys: readonly KeyUse[];
  /** What the livepatch tools do with it because of keys that live in modules. */
  readonly verdict: FunctionVerdict | undefined;
}

/** The list in one kernel. */
export interface PatchedKernel {
  readonly architecture: string;
  readonly release: string;
  /** Whether one of the scanned files is the kernel image: without it nothing is known about its functions. */
  readonly image: boolean;
  readonly functions: readonly PatchedUse[];
}

/** A function as one file has it. */
interface Occurrence {
  readonly module: string;
  readonly object: string;
  readonly sections: PatchedUse['sections'];
  readonly keys: readonly KeyUse[];
}

interface KernelFindings {
  readonly architecture: string;
  readonly release: string;
  image: boolean;
  readonly objects: Set<string>;
  readonly exports: Set<string>;
  /** By the name in the list. */
  readonly occurrences: Map<string, Occurrence[]>;
}

/** Looks for the functions of a list in the modules of kernels. */
export class PatchedScanner {
  readonly failed: FailedFile[] = [];
  readonly #inventory: Inventory;
  readonly #reader = new FileReader();
  readonly #list: readonly PatchedFunction[];
  readonly #wanted: ReadonlySet<string>;
  readonly #kernels = new Map<string, KernelFindings>();

  constructor(architectures: readonly Architecture[], list: readonly PatchedFunction[]) {
    this.#inventory = new Inventory(architectures);
    this.#list = list;
    this.#wanted = new Set(list.map((row) => row.function));
  }

  /** Look at one file. A file that cannot be read or understood is listed as failed. */
  async scan(file: string): Promise<void> {
    try {
      this.#add(parseObjectFile(await this.#reader.read(file), file), modulePath(file));
    } catch (error) {
      if (!isKelpError(error)) throw error;
      this.failed.push({ file, code: error.code, message: error.message });
    }
  }

  /** The list in each kernel that was seen, by architecture and release. */
  kernels(): readonly PatchedKernel[] {
    return [...this.#kernels.values()]
      .toSorted(
        (a, b) => compareText(a.architecture, b.architecture) || compareReleases(a.release, b.release),
      )
      .map((kernel) => ({
        architecture: kernel.architecture,
        release: kernel.release,
        image: kernel.image,
        functions: this.#list.map((row) => useIn(kernel, row)),
      }));
  }

  #add(object: ObjectFile, module: string): void {
    const { architecture, release, image, use } = this.#inventory.functionUse(object);
    const kernel = this.#kernel(architecture.id, release);
    const name = image ? 'vmlinux' : moduleName(basename(module).replace(/\.(?:ko|o|debug)$/u, ''));
    kernel.image ||= image;
    kernel.objects.add(name);
    if (use === undefined) return;
    // A key that the image exports is no module's.
    if (!image) for (const exported of use.symbols.exportedObjects()) kernel.exports.add(exported);
    for (const [wanted, positions] of positionsByName(use, this.#wanted)) {
      const found = { module, object: name, ...carried(use, positions, image) };
      const occurrences = kernel.occurrences.get(wanted);
      if (occurrences === undefined) kernel.occurrences.set(wanted, [found]);
      else occurrences.push(found);
    }
  }

  #kernel(architecture: string, release: string): KernelFindings {
    const id = JSON.stringify([architecture, release]);
    let kernel = this.#kernels.get(id);
    if (kernel === undefined) {
      kernel = {
        architecture,
        release,
        image: false,
        objects: new Set(),
        exports: new Set(),
        occurrences: new Map(),
      };
      this.#kernels.set(id, kernel);
    }
    return kernel;
  }
}

/** Positions of the wanted functions; parts and copies that the compiler made count to their function. */
function positionsByName(
  use: FunctionUse,
  wanted: ReadonlySet<string>,
): ReadonlyMap<string, readonly number[]> {
  const positions = new Map<string, number[]>();
  const { functions } = use.symbols;
  for (let position = 0; position < functions.count; position++) {
    const [name = ''] = functions.name(position).split('.', 1);
    if (!wanted.has(name)) continue;
    const found = positions.get(name);
    if (found === undefined) positions.set(name, [position]);
    else found.push(position);
  }
  return positions;
}

function carried(
  use: FunctionUse,
  positions: readonly number[],
  image: boolean,
): Pick<Occurrence, 'keys' | 'sections'> {
  if (image) return { sections: undefined, keys: [] };
  const sections = [...use.entries]
    .map(([section, counts]) => ({
      section,
      entries: positions.reduce((sum, position) => sum + (counts.get(position) ?? 0), 0),
    }))
    .filter(({ entries }) => entries > 0)
    .toSorted((a, b) => compareText(a.section, b.section));
  return { sections, keys: positions.flatMap((position) => use.keysOf(position)) };
}

function useIn(kernel: KernelFindings, row: PatchedFunction): PatchedUse {
  const occurrences = kernel.occurrences.get(row.function) ?? [];
  const own = occurrences.find(({ object }) => object === row.object);
  const found = own ?? occurrences.find(({ object }) => object !== 'vmlinux');
  const state =
    own !== undefined
      ? 'found'
      : found !== undefined
        ? 'another-module'
        : kernel.objects.has(row.object)
          ? 'no-function'
          : 'no-object';
  const inModules = (found?.keys ?? []).filter(({ external, key }) => !external || kernel.exports.has(key));
  return {
    ...row,
    state,
    module: found?.module,
    subsystem: found === undefined ? undefined : subsystemOf(found.module),
    sections: found?.sections,
    keys: found?.keys ?? [],
    verdict: inModules.length === 0 ? undefined : verdictOf(inModules),
  };
}
