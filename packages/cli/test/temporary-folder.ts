import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach } from 'vitest';

/** A folder of its own for each test of a file, made when it is first asked for and removed afterwards. */
export class TemporaryFolder {
  #path: string | undefined;

  constructor() {
    afterEach(() => {
      if (this.#path !== undefined) rmSync(this.#path, { recursive: true, force: true });
      this.#path = undefined;
    });
  }

  get path(): string {
    this.#path ??= mkdtempSync(join(tmpdir(), 'kelp-cli-'));
    return this.#path;
  }

  /** Write a file, and the folders above it where they are missing. */
  write(name: string, bytes: Uint8Array | string = ''): string {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
    return path;
  }
}
