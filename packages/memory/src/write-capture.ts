import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { machineTexts } from '@kelp/core';
import { checkFileName } from './capture-json.ts';
import { fileFault } from './file-fault.ts';
import { generatedCodeAreas } from './generated-code.ts';
import type { KernelSnapshot, LoadedModule, MemoryArea } from './kernel-snapshot.ts';

/** What a capture holds, and what it could not take. */
export interface WrittenCapture {
  readonly modules: number;
  /** Bytes of module memory. */
  readonly bytes: number;
  /** Sections and areas whose memory could not be read, with their module. */
  readonly missing: readonly string[];
}

/** Where memory of trampolines goes. No module has a name with `-`. */
const generatedCodeFolder = 'generated-code';

/** What m_show in kernel/module/procfs.c calls the states. */
const stateWords = { live: 'Live', coming: 'Loading', going: 'Unloading' } as const;

/**
 * Write a snapshot as a capture folder, which {@link openCaptureFolder} reads. Nothing is loaded into the kernel and
 * nothing is changed in it.
 *
 * @param sectionSizes - sizes of a module's sections by name, as its file gives them: sysfs tells addresses only.
 * @throws KelpError `memory/unsafe-name`, or `memory/...` where the folder cannot be written.
 */
export function writeCapture(
  snapshot: KernelSnapshot,
  folder: string,
  sectionSizes: (module: string) => ReadonlyMap<string, number>,
): WrittenCapture {
  const writer = new CaptureWriter(snapshot, folder);
  try {
    mkdirSync(join(folder, 'memory'), { recursive: true });
    for (const module of snapshot.modules) writer.writeModule(module, sectionSizes(module.name));
    writer.writeRegions(generatedCodeFolder, generatedCodeAreas(snapshot));
    return writer.finish();
  } catch (error) {
    throw fileFault(error, folder);
  }
}

type JsonRange = { readonly address: string; readonly size: number; readonly file?: string };

class CaptureWriter {
  readonly #snapshot: KernelSnapshot;
  readonly #folder: string;
  readonly #sections: (readonly [string, object])[] = [];
  readonly #regions: (readonly [string, readonly JsonRange[]])[] = [];
  readonly #perCpu: (readonly [string, JsonRange])[] = [];
  readonly #lines: string[] = [];
  readonly #missing: string[] = [];
  #bytes = 0;

  constructor(snapshot: KernelSnapshot, folder: string) {
    this.#snapshot = snapshot;
    this.#folder = folder;
  }

  writeModule(module: LoadedModule, sizes: ReadonlyMap<string, number>): void {
    const { name, state } = module;
    // /proc/modules does not list a module whose sections are not laid out yet.
    if (state === 'unformed') return;
    checkFileName(name, this.#folder);
    const regions = this.writeRegions(name, module.areas);
    const inRegion = (address: bigint, size: number): boolean =>
      regions.some(
        (one) => address >= one.address && address + BigInt(size) <= one.address + BigInt(one.size),
      );
    const sections = [...module.sections.values()].map((section, index): readonly [string, JsonRange] => {
      const size = section.size ?? sizes.get(section.name) ?? 0;
      const range = { address: hex(section.address), size };
      // Init sections are freed once the module is live; their place may hold anything.
      const gone = state === 'live' && section.name.startsWith('.init');
      if (size === 0 || gone || inRegion(section.address, size)) return [section.name, range];
      const file = `memory/${name}/section-${index}.bin`;
      return [
        section.name,
        this.#writeBytes(section.address, size, file, `${name} ${section.name}`) ? { ...range, file } : range,
      ];
    });
    this.#sections.push([name, Object.fromEntries(sections)]);
    if (module.perCpu !== undefined)
      this.#perCpu.push([name, { address: hex(module.perCpu.address), size: module.perCpu.size }]);
    this.#lines.push(`${name} ${module.size} 0 - ${stateWords[state]} ${hex(module.base)}\n`);
  }

  /** Write areas of memory under a name; those that can be read. */
  writeRegions(name: string, areas: readonly MemoryArea[]): readonly MemoryArea[] {
    mkdirSync(join(this.#folder, 'memory', name), { recursive: true });
    const regions = areas.filter(({ address, size }) => this.#writeRegion(name, address, size));
    this.#regions.push([name, regions.map(({ address, size }) => ({ address: hex(address), size }))]);
    return regions;
  }

  finish(): WrittenCapture {
    this.#writeJson('sections.json', this.#sections);
    this.#writeJson('regions.json', this.#regions);
    this.#writeJson('percpu.json', this.#perCpu);
    const srcversions = this.#snapshot.modules.flatMap(({ name, srcversion }) =>
      srcversion === undefined ? [] : [[name, srcversion] as const],
    );
    if (srcversions.length > 0) this.#writeJson('srcversions.json', srcversions);
    const { exports } = this.#snapshot;
    if (exports !== undefined)
      this.#writeJson(
        'exports.json',
        [...exports].map(([name, address]) => [name, hex(address)]),
      );
    // /proc/modules lists the newest module first.
    this.#writeText('modules.txt', this.#lines.toReversed().join(''));
    for (const name of machineTexts) {
      const text = this.#snapshot.text(name);
      if (text !== undefined) this.#writeText(name, text);
    }
    const vector = this.#snapshot.auxiliaryVector();
    if (vector !== undefined) writeFileSync(join(this.#folder, 'auxv.bin'), vector);
    writeFileSync(join(this.#folder, 'kallsyms.txt.gz'), gzipSync(kallsymsText(this.#snapshot)));
    return { modules: this.#sections.length, bytes: this.#bytes, missing: this.#missing };
  }

  #writeRegion(module: string, address: bigint, size: number): boolean {
    const file = `memory/${module}/region-${address.toString(16).padStart(16, '0')}.bin`;
    return size > 0 && this.#writeBytes(address, size, file, `${module} area ${hex(address)}`);
  }

  #writeBytes(address: bigint, size: number, file: string, what: string): boolean {
    const bytes = this.#snapshot.memory.read(address, size);
    if (bytes === undefined) {
      this.#missing.push(what);
      return false;
    }
    writeFileSync(join(this.#folder, file), bytes);
    this.#bytes += bytes.length;
    return true;
  }

  #writeJson(file: string, members: readonly (readonly [string, unknown])[]): void {
    this.#writeText(file, `${JSON.stringify(Object.fromEntries(members), undefined, 1)}\n`);
  }

  #writeText(file: string, text: string): void {
    writeFileSync(join(this.#folder, file), text);
  }
}

function kallsymsText(snapshot: KernelSnapshot): string {
  const lines: string[] = [];
  for (const { name, address, type, module } of snapshot.symbols) {
    // Exports that kallsyms lacks stand in exports.json.
    if (type === '?') continue;
    lines.push(
      `${address.toString(16).padStart(16, '0')} ${type} ${name}${module === undefined ? '' : `\t[${module}]`}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
