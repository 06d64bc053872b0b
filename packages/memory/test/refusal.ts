import { isKelpError, type KelpError } from '@kelp/core';
import { expect } from 'vitest';

/** The KelpError that something throws. */
export function refusal(run: () => unknown): KelpError {
  try {
    run();
  } catch (error) {
    if (isKelpError(error)) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** Check code, message and file of the KelpError that something throws. */
export function expectRefusal(run: () => unknown, code: string, message = /./u, file?: string): void {
  const found = refusal(run);
  expect(found.code).toBe(code);
  expect(found.message).toMatch(message);
  if (file !== undefined) expect(found.file).toBe(file);
}
