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
    this.#path ??= mkdtempSync(join(tmpdir(), 'kelp-memory-'));
    return this.#path;
  }

  /** Path of something in the folder. */
  at(name: string): string {
    return join(this.path, name);
  }

  /** Write a file, and the folders above it where they are missing. */
  write(name: string, bytes: Uint8Array | string = ''): string {
    const path = this.at(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
    return path;
  }
}

/**
 * Run something as a user whom file permissions bind: root reads every file whatever its mode says.
 *
 * @throws Error if the process can neither be nor become such a user; then a test of permissions would prove nothing.
 */
export function withoutPrivileges<Result>(run: () => Result): Result {
  const { geteuid, seteuid } = process;
  if (geteuid === undefined || seteuid === undefined)
    throw new Error('this system has no users to switch to');
  const user = geteuid.call(process);
  if (user !== 0) return run();
  seteuid.call(process, 65_534);
  try {
    return run();
  } finally {
    seteuid.call(process, user);
  }
}
