import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadedModule } from '@kelp/loader';
import { checkFileName } from './capture-json.ts';
import { fileFault } from './file-fault.ts';

/**
 * Write the predicted memory of a module into a folder, in the layout of a capture: `sections.json` with
 * `memory/MODULE/section-N.bin`, N being the index of the section; `regions.json` with `region-ADDRESS.bin` for what
 * stands between the sections, such as a GOT; `modules.txt`. Names of sections stand in sections.json only.
 *
 * @throws KelpError `memory/unsafe-name` for a name that cannot be a folder, `memory/...` where the folder cannot be
 *   written.
 */
export function writeImage({ image }: LoadedModule, folder: string, module: string): void {
  checkFileName(module, folder);
  const sections = image.sections.filter(({ size }) => size > 0);
  const areas = image.areas.filter(({ bytes }) => bytes.length > 0);
  const described: unknown = Object.fromEntries(
    sections.map(({ index, name, address, size }) => [
      name,
      { address: hex(address), size, file: `memory/${module}/section-${index}.bin` },
    ]),
  );
  const regions = areas.map(({ address, bytes }) => ({ address: hex(address), size: bytes.length }));
  const total = areas.reduce((sum, { bytes }) => sum + bytes.length, 0);
  try {
    const memory = join(folder, 'memory', module);
    mkdirSync(memory, { recursive: true });
    for (const { index, address, size } of sections) {
      writeFileSync(join(memory, `section-${index}.bin`), image.read(address, size) ?? new Uint8Array());
    }
    for (const { address, bytes } of areas) {
      writeFileSync(join(memory, `region-${address.toString(16).padStart(16, '0')}.bin`), bytes);
    }
    writeJson(join(folder, 'sections.json'), { [module]: described });
    writeJson(join(folder, 'regions.json'), { [module]: regions });
    writeFileSync(join(folder, 'modules.txt'), `${module} ${total} 0 - Live ${hex(image.textAddress)}\n`);
  } catch (error) {
    throw fileFault(error, folder);
  }
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, undefined, 2)}\n`);
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
