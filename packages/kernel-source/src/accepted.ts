import { readFileSync } from 'node:fs';
import { appliesTo, fileError, KelpError, parseKernel, type Applicability } from '@kelp/core';
import type { Disagreement } from './disagreement.ts';
import { isApplicability, isRecord } from './json-values.ts';

/** A disagreement that somebody looked at and found no fault of the table. */
export interface AcceptedDisagreement {
  readonly code: string;
  /** Id of an architecture; absent: all. */
  readonly architecture?: string;
  readonly subject: string;
  /** Kernels for which it was looked at; absent: all. */
  readonly applies?: readonly Applicability[];
  readonly reason: string;
}

const ownList = new URL('../data/accepted-disagreements.json', import.meta.url);

/**
 * Read a list of accepted disagreements; without a file, the one that comes with this package.
 *
 * @throws KelpError `source/accepted` for a file that is no such list, `file/...`.
 */
export function readAccepted(file: string | URL = ownList): readonly AcceptedDisagreement[] {
  const place = { file: String(file) };
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw fileError(error, place.file);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new KelpError('source/accepted', error instanceof Error ? error.message : String(error), place);
  }
  if (
    !isRecord(value) ||
    value['schema'] !== 'kelp-accepted-disagreements/1' ||
    !Array.isArray(value['rows'])
  ) {
    throw new KelpError('source/accepted', 'not a list of the schema kelp-accepted-disagreements/1', place);
  }
  return value['rows'].map((row: unknown, index) => {
    if (isAccepted(row)) return row;
    const message = `row ${index}: needs code, subject and reason as text, and applies as ranges of versions`;
    throw new KelpError('source/accepted', message, place);
  });
}

function isAccepted(row: unknown): row is AcceptedDisagreement {
  if (!isRecord(row)) return false;
  const { code, subject, reason, architecture, applies } = row;
  return (
    [code, subject, reason].every((text) => typeof text === 'string' && text !== '') &&
    (architecture === undefined || typeof architecture === 'string') &&
    isApplicability(applies)
  );
}

/** The accepted row that covers a disagreement about a kernel, or undefined. */
export function acceptance(
  { code, architectures, subject }: Pick<Disagreement, 'code' | 'architectures' | 'subject'>,
  release: string,
  accepted: readonly AcceptedDisagreement[],
): AcceptedDisagreement | undefined {
  const kernel = parseKernel(release);
  return accepted.find(
    (row) =>
      row.code === code &&
      (row.architecture === undefined || architectures.every((id) => id === row.architecture)) &&
      row.subject === subject &&
      appliesTo(row.applies, kernel),
  );
}
