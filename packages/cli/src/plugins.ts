import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { defineArchitecture, KelpError, type Architecture, type ArchitectureDefinition } from '@kelp/core';
import { parseEvidence, type CoverageSubject, type EvidenceFile } from '@kelp/coverage';

/**
 * Load the architectures that a JavaScript module exports, under any name: values of defineArchitecture(), or what it
 * takes. The module may have a copy of @kelp/core of its own.
 *
 * @throws KelpError `plugin/unreadable`, `plugin/no-architecture`, `architecture/invalid`.
 */
export async function loadPlugin(file: string): Promise<readonly CoverageSubject[]> {
  const path = resolve(file);
  let exported: unknown;
  try {
    exported = await import(pathToFileURL(path).href);
  } catch (error) {
    const message = `the plugin cannot be loaded: ${error instanceof Error ? error.message : String(error)}`;
    throw new KelpError('plugin/unreadable', message, { file }, { cause: error });
  }
  const values = typeof exported === 'object' && exported !== null ? Object.values(exported) : [];
  const found = new Set(values.filter(isDefinition));
  if (found.size === 0)
    throw new KelpError(
      'plugin/no-architecture',
      'the plugin exports nothing that defineArchitecture() makes',
      { file },
    );
  return [...found].map((one) => {
    const architecture = isArchitecture(one) ? one : defineArchitecture(one);
    return { architecture, evidence: evidenceBeside(path, architecture) };
  });
}

/** `evidence.json` in the folder of a plugin, if it is the architecture's; without it nothing is shown of it. */
function evidenceBeside(path: string, { id }: Architecture): EvidenceFile {
  const file = join(dirname(path), 'evidence.json');
  const evidence = existsSync(file) ? parseEvidence(readFileSync(file, 'utf8')) : undefined;
  return evidence?.architecture === id ? evidence : { schema: 1, architecture: id, code: '', records: [] };
}

/** The members that a definition cannot do without; defineArchitecture() looks at the tables. */
function isDefinition(value: unknown): value is ArchitectureDefinition {
  if (typeof value !== 'object' || value === null) return false;
  const members = new Map<string, unknown>(Object.entries(value));
  const elf = members.get('elf');
  return (
    ['id', 'title'].every((name) => typeof members.get(name) === 'string') &&
    ['aliases', 'relocationTypes', 'specialSections', 'finalization'].every((name) =>
      Array.isArray(members.get(name)),
    ) &&
    typeof elf === 'object' &&
    elf !== null &&
    'machine' in elf &&
    'byteOrder' in elf
  );
}

function isArchitecture(value: ArchitectureDefinition): value is Architecture {
  return 'relocationType' in value && typeof value.relocationType === 'function';
}
