import { lstatSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileError, KelpError } from '@kelp/core';

/** A Linux source tree on disk. Symbolic links to folders are not followed when folders are walked. */
export class SourceTree {
  readonly root: string;
  /** VERSION.PATCHLEVEL.SUBLEVEL and EXTRAVERSION of the Makefile: `6.12.117`, `7.3.0-rc7`. */
  readonly version: string;

  private constructor(root: string, version: string) {
    this.root = root;
    this.version = version;
  }

  /**
   * Open the folder that holds the Makefile of a kernel.
   *
   * @throws KelpError `source/not-linux` for anything else, `source/loop` for a symbolic link that leads to itself.
   */
  static open(root: string): SourceTree {
    const entry = statOf(root);
    if (entry === undefined || !entry.isDirectory()) {
      throw new KelpError(
        'source/not-linux',
        'not a folder; expected the top folder of a Linux source tree',
        {
          file: root,
        },
      );
    }
    const missing = ['Makefile', 'arch', 'include', 'kernel'].filter(
      (name) => statOf(join(root, name)) === undefined,
    );
    if (missing.length > 0) {
      const message = `no Linux source tree: it has no ${missing.join(', no ')}`;
      throw new KelpError('source/not-linux', message, { file: root });
    }
    return new SourceTree(root, versionOf(readText(join(root, 'Makefile')), join(root, 'Makefile')));
  }

  /** Whether a file or folder is there. */
  has(path: string): boolean {
    return statOf(join(this.root, path)) !== undefined;
  }

  /**
   * The text of a file of the tree.
   *
   * @throws KelpError `file/...`, `source/loop`, `source/outside` for a link that leaves the tree.
   */
  read(path: string): string {
    const file = join(this.root, path);
    let real: string;
    try {
      real = realpathSync(file);
    } catch (error) {
      throw linkError(error, file);
    }
    const root = realpathSync(this.root);
    if (!real.startsWith(`${root}/`)) {
      throw new KelpError('source/outside', 'a symbolic link that leaves the tree is not read', { file });
    }
    return readText(file);
  }

  /** Files below a folder whose names match, in order of their paths; none where there is no such folder. */
  *files(folder: string, name: RegExp): Generator<string> {
    const path = join(this.root, folder);
    if (statOf(path) === undefined) return;
    const entries = readdirSync(path, { withFileTypes: true });
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const below = `${folder}/${entry.name}`;
      if (entry.isDirectory()) yield* this.files(below, name);
      else if (entry.isFile() && name.test(entry.name)) yield below;
    }
  }
}

function statOf(path: string): ReturnType<typeof statSync> | undefined {
  try {
    lstatSync(path);
    return statSync(path);
  } catch (error) {
    const failure = linkError(error, path);
    if (failure.code === 'file/not-found') return undefined;
    throw failure;
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw linkError(error, file);
  }
}

function linkError(error: unknown, file: string): KelpError {
  if (error instanceof Error && 'code' in error && error.code === 'ELOOP') {
    return new KelpError('source/loop', 'a symbolic link leads to itself', { file });
  }
  return fileError(error, file);
}

function versionOf(makefile: string, file: string): string {
  const value = (name: string): string | undefined =>
    new RegExp(`^${name} *=[ \\t]*(.*?)[ \\t]*$`, 'mu').exec(makefile)?.[1];
  const numbers = ['VERSION', 'PATCHLEVEL', 'SUBLEVEL'].map(value);
  if (!numbers.every((number) => number !== undefined && /^\d{1,4}$/u.test(number))) {
    throw new KelpError(
      'source/not-linux',
      'no Makefile of Linux: VERSION, PATCHLEVEL and SUBLEVEL are not all numbers',
      {
        file,
      },
    );
  }
  return `${numbers.join('.')}${value('EXTRAVERSION') ?? ''}`;
}
