import { KelpError } from '@kelp/core';

/** A name that is one component of a path and one word of kmod's configuration. */
const component = /^[A-Za-z0-9_][A-Za-z0-9_.+~-]{0,127}$/u;

/** What modinfo may call a module: MODULE_NAME_LEN - 1 bytes. */
const moduleName = /^\w{1,55}$/u;

/** Endings that depmod reads. */
const moduleEnding = /\.ko(?:\.(?:xz|gz|zst))?$/u;

/** Where the files of a package go. Nothing in a path comes from a file without being checked. */
export interface PackagePaths {
  /** Folder of the modules, below `lib/modules/RELEASE`. */
  readonly folder: string;
  readonly release: string;
  readonly depmod: string;
  readonly modprobe: string;
  readonly manifest: string;
  /** Path of a module in the package. */
  module(name: string, file: string): string;
}

/**
 * @param name - of the package.
 * @throws KelpError `pack/name` for a name, release or module that is no single component of a path.
 */
export function packagePaths(name: string, release: string): PackagePaths {
  requireComponent(name, 'the package');
  requireComponent(release, 'the kernel release');
  const folder = `updates/kelp-${name}`;
  return {
    folder,
    release,
    depmod: `etc/depmod.d/kelp-${name}.conf`,
    modprobe: `etc/modprobe.d/kelp-${name}.conf`,
    manifest: 'kelp-manifest.json',
    module: (module, file) => {
      requireModuleName(module, file);
      const ending = moduleEnding.exec(file)?.[0] ?? '.ko';
      return `lib/modules/${release}/${folder}/${module}${ending}`;
    },
  };
}

/**
 * @param file - that has the name, for the error.
 * @throws KelpError `pack/name`.
 */
export function requireModuleName(name: string, file?: string): void {
  if (moduleName.test(name)) return;
  throw new KelpError('pack/name', `${JSON.stringify(name.slice(0, 80))} is no name of a module`, { file });
}

function requireComponent(name: string, what: string): void {
  if (component.test(name)) return;
  throw new KelpError('pack/name', `${what} cannot be called ${JSON.stringify(name.slice(0, 80))}`);
}
