import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseObjectFile } from '@kelp/core/elf';
import { openLiveKernel } from '@kelp/memory';
import { withMemory } from './module-memory.ts';
import { writeCapture, type KeptTexts } from './write-capture.ts';

/**
 * Reads what the guest wrote as the kernel that it ran, with the same code as a live one, and writes a capture folder.
 *
 * @param guest - the unpacked archive of the guest: proc, sys, dmesg.
 * @param files - the module files that the guest loaded.
 * @throws Error if exports or a per-CPU block cannot be found in the recorded memory.
 */
export function recordCapture(guest: string, files: string, output: string): void {
  const snapshot = openLiveKernel({
    proc: join(guest, 'proc'),
    sys: join(guest, 'sys'),
    dev: join(guest, 'dev'),
    boot: join(guest, 'boot'),
  });
  try {
    const sizes = new Map(
      snapshot.modules.map(({ name }) => [name, sectionSizes(join(files, `${name}.ko`))]),
    );
    const sectionSize = (module: string, section: string): number | undefined =>
      sizes.get(module)?.get(section);
    const modules = withMemory(snapshot, sectionSize);
    const without = modules.filter(({ name, perCpu }) => {
      return perCpu === undefined && (sectionSize(name, '.data..percpu') ?? 0) > 0;
    });
    if (without.length > 0)
      throw new Error(`no per-CPU blocks: ${without.map(({ name }) => name).join(' ')}`);
    if (snapshot.exports === undefined) throw new Error('no exports found in the kernel image');
    writeCapture({ ...snapshot, modules }, guestTexts(guest), sectionSize, output);
    writeFileSync(join(output, 'dmesg.txt'), readFileSync(join(guest, 'dmesg')));
  } finally {
    snapshot.close();
  }
}

function guestTexts(guest: string): KeptTexts {
  return {
    modules: readFileSync(join(guest, 'proc/modules'), 'utf8'),
    kallsyms: readFileSync(join(guest, 'proc/kallsyms')),
  };
}

function sectionSizes(file: string): ReadonlyMap<string, number> {
  const { sections } = parseObjectFile(readFileSync(file), file);
  return new Map(sections.map(({ name, size }) => [name, size]));
}
