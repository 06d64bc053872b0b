import { readFileSync } from 'node:fs';
import { KelpError } from '@kelp/core';
import { isRecord } from './json-values.ts';

/** What a row of a list of late-module code names. */
export type ListedKind = 'function' | 'declaration' | 'call' | 'branch' | 'parameter' | 'field' | 'structure';

/** One piece of code that somebody says exists only because modules may be patched late. */
export interface ListedCode {
  /** Key of {@link LateModulesList.groups}. */
  readonly group: string;
  readonly kind: ListedKind;
  readonly name: string;
  /** Path from the root of the tree. */
  readonly file: string;
  /** The function that holds a call, branch or parameter. */
  readonly in?: string;
  readonly reason: string;
  /** Lines by kernel series, such as `325,332-335`; a kernel that lacks the code lacks the key. */
  readonly lines: Readonly<Record<string, string>>;
}

/** Code that exists only because a module may be patched after the livepatch was loaded, as a person lists it. */
export interface LateModulesList {
  readonly schema: 'kelp-late-modules-list/1';
  /** What each group is for. */
  readonly groups: Readonly<Record<string, string>>;
  readonly rows: readonly ListedCode[];
}

const ownList = new URL('../data/late-modules.json', import.meta.url);

/**
 * Read a list of late-module code; without a file, the one that comes with this package.
 *
 * @throws KelpError `source/list` for a file that is no such list.
 */
export function readLateModulesList(file: string | URL = ownList): LateModulesList {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new KelpError('source/list', error instanceof Error ? error.message : String(error), {
      file: String(file),
    });
  }
  if (!isList(value)) {
    throw new KelpError('source/list', 'not a list of the schema kelp-late-modules-list/1', {
      file: String(file),
    });
  }
  return value;
}

function isList(value: unknown): value is LateModulesList {
  if (!isRecord(value) || value['schema'] !== 'kelp-late-modules-list/1') return false;
  const { groups, rows } = value;
  return isRecord(groups) && Array.isArray(rows) && rows.every((row) => isRow(row, groups));
}

function isRow(row: unknown, groups: Readonly<Record<string, unknown>>): boolean {
  if (!isRecord(row) || !isRecord(row['lines'])) return false;
  const { group, kind, name, file, reason, lines } = row;
  return (
    typeof group === 'string' &&
    Object.hasOwn(groups, group) &&
    [kind, name, file, reason].every((text) => typeof text === 'string') &&
    Object.values(lines).every((text) => typeof text === 'string' && /^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(text))
  );
}
