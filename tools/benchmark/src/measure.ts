import { execFile, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** What one run of a program cost, its child processes included. */
export interface Cost {
  /** User and system time of all processes, in seconds. */
  readonly cpu: number;
  /** From start to end, in seconds. */
  readonly wall: number;
  /** Peak resident memory of the largest process, in bytes. */
  readonly largest: number;
}

/** A program with its parameters, and files for its standard input and output. */
export interface Command {
  readonly program: readonly [string, ...string[]];
  readonly input?: string;
  readonly output?: string;
}

/** Compiles one of the C programs beside this file; returns the program's path. */
export async function compile(name: 'walk' | 'measure', folder: string): Promise<string> {
  const source = fileURLToPath(new URL(`${name}.c`, import.meta.url));
  const program = join(folder, name);
  await promisify(execFile)('cc', ['-std=c11', '-O2', '-Wall', '-Wextra', '-o', program, source]);
  return program;
}

/** Starts a command; the caller waits for it. */
export function start({ program: [file, ...parameters], input, output }: Command): ReturnType<typeof spawn> {
  const stdin = openSync(input ?? '/dev/null', 'r');
  const stdout = openSync(output ?? '/dev/null', 'w');
  try {
    return spawn(file, parameters, { stdio: [stdin, stdout, 'inherit'] });
  } finally {
    closeSync(stdin);
    closeSync(stdout);
  }
}

/** Waits for a process to end; returns its exit status. */
export async function exitStatus(child: ReturnType<typeof spawn>): Promise<number | null> {
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
}

/**
 * Runs a command under measure.c.
 *
 * @throws Error when the command does not end with status 0.
 */
export async function measure(measureProgram: string, command: Command, folder: string): Promise<Cost> {
  const report = join(folder, 'cost.txt');
  const program = [measureProgram, report, ...command.program] as const;
  const status = await exitStatus(start({ ...command, program }));
  if (status !== 0) throw new Error(`measure ended with status ${status ?? 'none'}`);
  const values = parseNumbers(await readFile(report, 'utf8'));
  const commandStatus = number(values, 'status');
  if (commandStatus !== 0) {
    throw new Error(`${command.program.slice(0, 3).join(' ')} ended with status ${commandStatus}`);
  }
  return {
    cpu: number(values, 'user') + number(values, 'system'),
    wall: number(values, 'wall'),
    largest: number(values, 'largest') * 1024,
  };
}

/** Reads lines of a name and a number. */
export function parseNumbers(text: string): ReadonlyMap<string, number> {
  return new Map(
    text.split('\n').flatMap((line) => {
      const match = /^(.+) ([0-9.]+)$/.exec(line);
      return match === null ? [] : [[match[1] ?? '', Number(match[2])] as const];
    }),
  );
}

/** A number by name, which must be there. */
export function number(values: ReadonlyMap<string, number>, name: string): number {
  const value = values.get(name);
  if (value === undefined) throw new Error(`no number named ${name} in the program's output`);
  return value;
}
