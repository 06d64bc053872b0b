import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import type { Command } from './measure.ts';
import { exitStatus, start } from './measure.ts';

const INTERVAL_MILLISECONDS = 10;

/** Resident memory of one process in bytes, by whether another process maps the same pages. */
export interface ProcessMemory {
  readonly own: number;
  readonly shared: number;
}

/**
 * Runs a command and looks at the memory of its processes every 10 ms. Reading it costs the kernel
 * time, so runs that are measured for CPU are not watched.
 *
 * @returns the largest {@link memoryTogether} of all processes at one time, in bytes.
 */
export async function peakMemory(command: Command): Promise<number> {
  const child = start(command);
  const status = exitStatus(child);
  let peak = 0;
  while (child.exitCode === null && child.signalCode === null) {
    peak = Math.max(peak, memoryTogether(memoryOf(child.pid)));
    await setTimeout(INTERVAL_MILLISECONDS);
  }
  if ((await status) !== 0) throw new Error('the watched command failed');
  return peak;
}

/**
 * Memory of processes that run the same program: what each has for itself, and once what they share,
 * which is the program and its libraries.
 */
export function memoryTogether(processes: readonly ProcessMemory[]): number {
  const own = processes.reduce((sum, process) => sum + process.own, 0);
  return own + Math.max(0, ...processes.map(({ shared }) => shared));
}

/** Reads /proc/PID/smaps_rollup (Documentation/filesystems/proc.rst). */
export function parseMemory(text: string): ProcessMemory {
  const bytes = (name: string): number => {
    const kilobytes = new RegExp(`^${name}:\\s+([0-9]+) kB$`, 'm').exec(text)?.[1];
    return Number(kilobytes ?? 0) * 1024;
  };
  return {
    own: bytes('Private_Clean') + bytes('Private_Dirty'),
    shared: bytes('Shared_Clean') + bytes('Shared_Dirty'),
  };
}

/** Memory of a process and its descendants; a process that has just ended counts as nothing. */
function memoryOf(pid: number | undefined): readonly ProcessMemory[] {
  if (pid === undefined) return [];
  const children = tasks(pid).flatMap((task) =>
    readOrEmpty(`/proc/${pid}/task/${task}/children`)
      .split(' ')
      .filter((text) => text !== '')
      .map(Number),
  );
  return [parseMemory(readOrEmpty(`/proc/${pid}/smaps_rollup`)), ...children.flatMap(memoryOf)];
}

function tasks(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
