import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { OrderedModule } from './module-order.ts';

const GUEST = fileURLToPath(new URL('../guest', import.meta.url));

/** Programs that unpack module files to standard output, by the end of the file's name. */
const unpackers: ReadonlyMap<string, readonly [string, ...string[]]> = new Map([
  ['.xz', ['xz', '-dc']],
  ['.gz', ['gzip', '-dc']],
  ['.zst', ['zstd', '-dc']],
]);

/** Puts modules unpacked into a folder, each under the name of the kernel. */
export function unpackModules(modules: readonly OrderedModule[], folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const { name, file } of modules) {
    const target = join(folder, `${name}.ko`);
    const unpacker = unpackers.get(/\.ko(\.\w+)$/u.exec(file)?.[1] ?? '');
    if (unpacker === undefined) {
      copyFileSync(file, target);
      continue;
    }
    const [program, ...parameters] = unpacker;
    writeFileSync(target, execFileSync(program, [...parameters, file], { maxBuffer: 2 ** 28 }));
  }
}

/** Where the parts of an initrd are. */
export interface InitrdPaths {
  /** Folder with the unpacked module files. */
  readonly files: string;
  /** Where the tree of the initrd is put together. */
  readonly tree: string;
  readonly initrd: string;
}

/**
 * Builds the initrd: the guest's program as /init, the modules with their order, what is written to tracefs.
 *
 * @param modules - what is loaded.
 * @param trace - `FILE=TEXT` each.
 */
export function buildInitrd(
  compiler: string,
  modules: readonly OrderedModule[],
  trace: readonly string[],
  { files, tree: folder, initrd }: InitrdPaths,
): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'modules'), { recursive: true });
  // The kernel opens its console before /init can mount anything.
  mkdirSync(join(folder, 'dev'));
  execFileSync('mknod', [join(folder, 'dev/console'), 'c', '5', '1']);
  const sources = readdirSync(GUEST).filter((name) => name.endsWith('.c'));
  const flags = '-O2 -Wall -Wextra -Werror -D_GNU_SOURCE -static'.split(' ');
  execFileSync(compiler, [...flags, '-o', join(folder, 'init'), ...sources.map((name) => join(GUEST, name))]);
  for (const { name } of modules)
    copyFileSync(join(files, `${name}.ko`), join(folder, 'modules', `${name}.ko`));
  const lines = modules.map(({ name, parameters }) => `${name}.ko ${parameters}`.trim());
  writeFileSync(join(folder, 'modules/order'), `${lines.join('\n')}\n`);
  writeFileSync(join(folder, 'modules/trace'), trace.map((line) => `${line}\n`).join(''));
  const names = execFileSync('find', ['.'], { cwd: folder });
  const archive = execFileSync('cpio', ['-o', '-H', 'newc', '--quiet'], {
    cwd: folder,
    input: names,
    maxBuffer: 2 ** 30,
  });
  writeFileSync(initrd, archive);
  rmSync(folder, { recursive: true, force: true });
}
