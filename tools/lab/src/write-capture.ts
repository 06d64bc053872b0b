import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { machineTexts } from '@kelp/core';
import { generatedCodeAreas, hex, type KernelSnapshot, type LoadedModule } from '@kelp/memory';

/** Files of procfs that are kept as they were. */
export interface KeptTexts {
  /** /proc/modules. */
  readonly modules: string;
  /** /proc/kallsyms. */
  readonly kallsyms: Uint8Array;
}

/** Bytes of a section by the module file; undefined if the file has no such section. */
export type SectionSize = (module: string, section: string) => number | undefined;

/**
 * Writes a kernel as a capture folder: texts about the machine, symbols, exports, the sections of every module, its
 * per-CPU block and the memory of its areas.
 */
export function writeCapture(
  snapshot: KernelSnapshot,
  kept: KeptTexts,
  sectionSize: SectionSize,
  folder: string,
): void {
  mkdirSync(folder, { recursive: true });
  for (const name of machineTexts) {
    const text = snapshot.text(name);
    if (text !== undefined) writeFileSync(join(folder, name), text);
  }
  const vector = snapshot.auxiliaryVector();
  if (vector !== undefined) writeFileSync(join(folder, 'auxv.bin'), vector);
  writeFileSync(join(folder, 'modules.txt'), kept.modules);
  writeFileSync(join(folder, 'kallsyms.txt.gz'), gzipSync(kept.kallsyms));
  if (snapshot.exports !== undefined) {
    const exported = [...snapshot.exports].map(([name, address]) => [name, hex(address)] as const);
    writeJson(join(folder, 'exports.json'), exported);
  }
  const { modules } = snapshot;
  writeJson(
    join(folder, 'sections.json'),
    modules.map((module) => [module.name, sectionsOf(module, sectionSize)]),
  );
  writeJson(
    join(folder, 'percpu.json'),
    modules.flatMap(({ name, perCpu }) => {
      return perCpu === undefined ? [] : [[name, { address: hex(perCpu.address), size: perCpu.size }]];
    }),
  );
  writeJson(
    join(folder, 'regions.json'),
    [...modules, { name: 'generated-code', areas: generatedCodeAreas(snapshot) }].map((owner) => [
      owner.name,
      writeAreas(snapshot, owner, folder),
    ]),
  );
}

/** Entries instead of an object: names of sections and symbols come from files. */
function writeJson(path: string, entries: readonly (readonly [string, unknown])[]): void {
  writeFileSync(path, `${JSON.stringify(Object.fromEntries(entries), undefined, 1)}\n`);
}

function sectionsOf(module: LoadedModule, sectionSize: SectionSize): unknown {
  const sections = [...module.sections.values()].map(({ name, address }) => {
    return [name, { address: hex(address), size: sectionSize(module.name, name) ?? 0 }] as const;
  });
  return Object.fromEntries(sections);
}

/** The areas of a module, or of generated code, that have memory, their bytes written. */
function writeAreas(
  snapshot: KernelSnapshot,
  module: Pick<LoadedModule, 'areas' | 'name'>,
  folder: string,
): unknown {
  return module.areas.flatMap(({ address, size }) => {
    const bytes = size === 0 ? undefined : snapshot.memory.read(address, size);
    if (bytes === undefined) return [];
    const home = join(folder, 'memory', module.name);
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, `region-${address.toString(16).padStart(16, '0')}.bin`), bytes);
    return [{ address: hex(address), size }];
  });
}
