import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { ExitStatus } from '../src/io.ts';
import { main } from '../src/main.ts';

/** Path of the fixtures, with a slash at the end. */
export const fixtures = fileURLToPath(new URL('../../testkit/fixtures/', import.meta.url));

/** A fixture by architecture and name: `x86/hello-6.1.ko`. */
export function fixture(name: string): string {
  return `${fixtures}${name}`;
}

/** What a command printed, and how it ended. */
export interface Run {
  readonly status: ExitStatus;
  readonly out: string;
  readonly error: string;
}

/** Run `kelp` in this process, as in a pipe. */
export async function run(...args: readonly string[]): Promise<Run> {
  return runWith({}, ...args);
}

/** Run `kelp` in this process on a terminal of a width, with or without colors. */
export async function runWith(
  { width, color = false }: { readonly width?: number; readonly color?: boolean },
  ...args: readonly string[]
): Promise<Run> {
  const printed = { out: '', error: '' };
  const status = await main(args, {
    out: (text) => {
      printed.out += text;
    },
    error: (text) => {
      printed.error += text;
    },
    width,
    color,
    progress: false,
  });
  return { status, ...printed };
}

/** The JSON that a command printed; the command must have ended well. */
export async function json(...args: readonly string[]): Promise<unknown> {
  const { status, out, error } = await run(...args, '--json');
  if (status === 2) throw new Error(error);
  return JSON.parse(out);
}

/** A member of an object that came as JSON. */
export function member(value: unknown, ...names: readonly (number | string)[]): unknown {
  let found = value;
  for (const name of names) {
    if (typeof found !== 'object' || found === null) throw new Error(`${name} is a member of no object`);
    found = new Map<string, unknown>(Object.entries(found)).get(String(name));
  }
  return found;
}

/** A list that came as JSON. */
export function list(value: unknown, ...names: readonly (number | string)[]): readonly unknown[] {
  const found = member(value, ...names);
  if (!Array.isArray(found)) throw new Error(`${names.join('.')} is no list`);
  return found;
}

/** Stands for a text that matches, in an expected object. */
export function textLike(pattern: RegExp): unknown {
  return expect.stringMatching(pattern);
}

/** Stands for a list that has these items among others, in an expected object. */
export function listWith(...items: readonly unknown[]): unknown {
  return expect.arrayContaining([...items]);
}
