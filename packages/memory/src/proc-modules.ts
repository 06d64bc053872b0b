import { KelpError } from '@kelp/core';
import { hiddenAddresses } from './kallsyms.ts';

/** What /proc/modules says about a loaded module. */
export interface ModuleLine {
  readonly name: string;
  /** Bytes of all its memory areas. */
  readonly size: number;
  /** Modules that use it. */
  readonly usedBy: readonly string[];
  readonly state: ModuleState;
  /** Where its text (up to 6.3: its core layout) begins. */
  readonly base: bigint;
}

/** `live`, `coming` (running its init function), `going`, or `unformed` (not listed by /proc/modules). */
export type ModuleState = 'live' | 'coming' | 'going' | 'unformed';

const states: ReadonlyMap<string, ModuleState> = new Map([
  ['Live', 'live'],
  ['Loading', 'coming'],
  ['Unloading', 'going'],
]);

const pattern =
  /^(\S+) (\d+) (?:\d+|-) (\S+) (Live|Loading|Unloading) 0x([0-9a-f]{1,16})(?: \([A-Z+-]+\))?$/iu;

/**
 * Read the text of /proc/modules (m_show in kernel/module/procfs.c).
 *
 * @returns the modules in load order, oldest first; the file has the newest first.
 * @throws KelpError `memory/damaged-modules` with the line, `memory/truncated`, `memory/hidden-addresses`.
 */
export function parseModules(text: string, file?: string): readonly ModuleLine[] {
  if (text === '') return [];
  if (!text.endsWith('\n')) {
    throw new KelpError('memory/truncated', 'the last line does not end: the file is truncated', { file });
  }
  const lines = text.slice(0, -1).split('\n');
  const modules = lines.map((line, index) => parseLine(line, index + 1, file));
  if (modules.every(({ base }) => base === 0n)) throw hiddenAddresses('every module has address 0', file);
  return modules.toReversed();
}

function parseLine(line: string, number: number, file: string | undefined): ModuleLine {
  const match = pattern.exec(line);
  const [, name, size, users, word = '', base] = match ?? [];
  const state = states.get(word);
  if (name === undefined || users === undefined || state === undefined) {
    const shown = JSON.stringify(line.slice(0, 80));
    throw new KelpError('memory/damaged-modules', `line ${number} is ${shown}, not one of /proc/modules`, {
      file,
    });
  }
  const usedBy =
    users === '-' ? [] : users.split(',').filter((user) => user !== '' && user !== '[permanent]');
  return { name, size: Number(size), usedBy, state, base: BigInt(`0x${base}`) };
}
