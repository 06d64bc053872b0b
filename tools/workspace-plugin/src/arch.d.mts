import type { Tree } from '@nx/devkit';

/** Create a plugin package; see arch.schema.json. Resolves to what is left to do when the files are written. */
export default function arch(
  tree: Tree,
  options: {
    readonly name: string;
    readonly machine: number;
    readonly byteOrder?: 'little' | 'big';
    readonly kernel?: string;
    readonly title?: string;
    readonly aliases?: string;
    readonly skipLockFile?: boolean;
  },
): Promise<() => void>;

export function nextSteps(name: string): string;
