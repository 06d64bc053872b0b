import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arm64 } from '@kelp/arm64';
import { KelpError, type Architecture } from '@kelp/core';
import { parseEvidence, type CoverageSubject } from '@kelp/coverage';
import { parseArchitectureSource, type SourceSubject } from '@kelp/kernel-source';
import { loongarch64 } from '@kelp/loongarch64';
import { ppc64le } from '@kelp/ppc64le';
import { s390x } from '@kelp/s390x';
import { x86 } from '@kelp/x86';
import { loadPlugin } from './plugins.ts';

/** The architectures that come with the command. A fifth one is one more line here and in package.json. */
const own: readonly Architecture[] = [x86, ppc64le, s390x, arm64, loongarch64];

const inUse: Architecture[] = [...own];

/** The architectures of this run: those of the command, then those of its plugins. */
export const architectures: readonly Architecture[] = inUse;

let fromPlugins: readonly CoverageSubject[] = [];
let pluginsInUse: readonly string[] = [];

/** The files that {@link usePlugins} was given, for processes that do a part of the work. */
export function pluginFiles(): readonly string[] {
  return pluginsInUse;
}

/**
 * Load the plugins of a run; those of an earlier run are gone.
 *
 * @throws KelpError `plugin/conflict` where two architectures have one name or one kind of file; what loadPlugin() throws.
 */
export async function usePlugins(files: readonly string[]): Promise<void> {
  const loaded: CoverageSubject[] = [];
  for (const file of files) loaded.push(...(await loadPlugin(file)));
  forgetPlugins();
  for (const { architecture } of loaded) addArchitecture(architecture);
  fromPlugins = loaded;
  pluginsInUse = files;
}

/** From here on there are the architectures of the command only. */
export function forgetPlugins(): void {
  inUse.splice(0, inUse.length, ...own);
  fromPlugins = [];
  pluginsInUse = [];
}

function addArchitecture(architecture: Architecture): void {
  const names = [architecture.id, ...architecture.aliases];
  const { machine, byteOrder } = architecture.elf;
  const other = inUse.find(
    ({ id, aliases, elf }) =>
      names.some((name) => name === id || aliases.includes(name)) ||
      (elf.machine === machine && elf.byteOrder === byteOrder),
  );
  if (other !== undefined) {
    const message = `plugin ${architecture.id} and architecture ${other.id} have a name or a kind of file in common`;
    throw new KelpError('plugin/conflict', message);
  }
  inUse.push(architecture);
}

const require = createRequire(import.meta.url);

/** The architectures with the evidence that their packages ship. */
export function coverageSubjects(): readonly CoverageSubject[] {
  const subjects = own.map((architecture) => {
    const file = require.resolve(`@kelp/${architecture.id}/evidence.json`);
    return { architecture, evidence: parseEvidence(readFileSync(file, 'utf8')) };
  });
  return [...subjects, ...fromPlugins];
}

/**
 * An architecture with the file of its package that tells its places in a source tree.
 *
 * @throws KelpError `plugin/no-source` for that of a plugin.
 */
export function sourceSubject(architecture: Architecture): SourceSubject {
  if (!own.includes(architecture))
    throw new KelpError(
      'plugin/no-source',
      `plugin ${architecture.id} says nothing about a source tree; give --architecture`,
    );
  const file = require.resolve(`@kelp/${architecture.id}/kernel-source.json`);
  return { architecture, source: parseArchitectureSource(readFileSync(file, 'utf8'), file) };
}

/**
 * An architecture by its ID or another spelling in use.
 *
 * @throws KelpError `architecture/unsupported`.
 */
export function architectureNamed(name: string): Architecture {
  const architecture = architectures.find(({ id, aliases }) => id === name || aliases.includes(name));
  if (architecture !== undefined) return architecture;
  const known = architectures.map(({ id }) => id).join(', ');
  throw new KelpError('architecture/unsupported', `architecture ${JSON.stringify(name)} is none of ${known}`);
}
