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

/** What a KelpError must be: its code, its text, and where they are given its file. */
export function refused(code: string, message = /./u, file?: string): unknown {
  const parts = { code, message: expect.stringMatching(message) as unknown };
  return expect.objectContaining(file === undefined ? parts : { ...parts, file });
}
