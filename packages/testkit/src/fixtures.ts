import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseConfiguration, type Configuration } from '@kelp/core';
import { parseFacts, type KernelFacts } from './kernel-facts.ts';
import { parseMemoryFixture, type MemoryFixture } from './memory-fixture.ts';
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
  /** What binutils and kernel sources say; absent: the tables are not held against them. */
  readonly facts?: KernelFacts;
  /** Modules with their memory in a kernel, by file name. */
  readonly memory?: ReadonlyMap<string, MemoryFixture>;
}

/**
 * Read a folder of fixtures: `vectors.json`; every `NAME.ko` with the `NAME.config` beside it, where there is one; where
 * they are there, `facts.json` and every `memory/NAME.json.gz`.
 *
 * @throws KelpError `testkit/vectors`, `testkit/facts`, `testkit/memory`, or the file system's error.
 */
export function readFixtures(folder: URL | string): Fixtures {
  const path = typeof folder === 'string' ? folder : fileURLToPath(folder);
  return {
    vectors: parseVectors(readFileSync(join(path, 'vectors.json'), 'utf8')),
    modules: readModules(path),
    ...(existsSync(join(path, 'facts.json'))
      ? { facts: parseFacts(readFileSync(join(path, 'facts.json'), 'utf8')) }
      : {}),
    memory: readMemory(join(path, 'memory')),
  };
}

function readMemory(folder: string): ReadonlyMap<string, MemoryFixture> {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json.gz')) : [];
  return new Map(
    names.toSorted().map((name) => [name, parseMemoryFixture(name, readFileSync(join(folder, name)))]),
  );
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
