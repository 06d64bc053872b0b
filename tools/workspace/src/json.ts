import { readFileSync, writeFileSync } from 'node:fs';

/** The members of an object; none for any other value. */
export function members(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}

/** The members of the object that a JSON file holds. */
export function readJson(path: string): Record<string, unknown> {
  return members(JSON.parse(readFileSync(path, 'utf8')));
}

/** Writes a JSON file, indented by two spaces. */
export function writeJson(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, undefined, 2)}\n`);
}
