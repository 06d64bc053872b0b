import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadedModule } from '@kelp/loader';
import { fileFault } from './file-fault.ts';

/**
 * Write the predicted sections of a module into a folder, in the layout of a capture: `sections.json`, `modules.txt` and
 * `memory/image/N.bin`, N being the index of the section. Names from the file stand in sections.json only.
 *
 * @throws KelpError `memory/...` where the folder cannot be written.
 */
export function writeImage({ image }: LoadedModule, folder: string, module: string): void {
  const sections = image.sections.filter(({ size }) => size > 0);
  const described = sections.map(({ index, name, address, size }) => [
    name,
    { address: `0x${address.toString(16)}`, size, file: `memory/image/${index}.bin` },
  ]);
  const total = image.areas.reduce((sum, { bytes }) => sum + bytes.length, 0);
  try {
    mkdirSync(join(folder, 'memory', 'image'), { recursive: true });
    for (const { index, address, size } of sections) {
      writeFileSync(
        join(folder, 'memory', 'image', `${index}.bin`),
        image.read(address, size) ?? new Uint8Array(),
      );
    }
    const json = JSON.stringify({ [module]: Object.fromEntries(described) }, undefined, 2);
    writeFileSync(join(folder, 'sections.json'), `${json}\n`);
    writeFileSync(
      join(folder, 'modules.txt'),
      `${module} ${total} 0 - Live 0x${image.textAddress.toString(16)}\n`,
    );
  } catch (error) {
    throw fileFault(error, folder);
  }
}
