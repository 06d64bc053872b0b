import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseConfiguration, type Configuration } from '@kelp/core';
import { parseVectors, type VectorFile } from './vectors.ts';

/** A module that the loader of its kernel accepts. */
export interface FixtureModule {
  readonly bytes: Uint8Array;
  /** Options of the kernel that it is built for, where the module depends on them. */
  readonly configuration: Configuration | undefined;
}

/** What stands in a folder of fixtures of one architecture. */
export interface Fixtures {
  readonly vectors: VectorFile;
  /** By file name, in order of name. */
  readonly modules: ReadonlyMap<string, FixtureModule>;
}

/**
 * Read a folder of fixtures: `vectors.json`, and every `NAME.ko` with the `NAME.config` beside it, where there is one.
 *
 * @throws KelpError `testkit/vectors`, or the file system's error.
 */
export function readFixtures(folder: URL | string): Fixtures {
  const path = typeof folder === 'string' ? folder : fileURLToPath(folder);
  return {
    vectors: parseVectors(readFileSync(join(path, 'vectors.json'), 'utf8')),
    modules: readModules(path),
  };
}

function readModules(folder: string): ReadonlyMap<string, FixtureModule> {
  const names = readdirSync(folder).filter((name) => name.endsWith('.ko'));
  return new Map(
    names.toSorted().map((name) => {
      const config = join(folder, name.replace(/ko$/u, 'config'));
      const configuration = existsSync(config) ? parseConfiguration(readFileSync(config, 'utf8')) : undefined;
      return [name, { bytes: readFileSync(join(folder, name)), configuration }];
    }),
  );
}
