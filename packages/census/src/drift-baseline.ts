import { readFileSync } from 'node:fs';
import { fileError, KelpError } from '@kelp/core';
import { changeKinds, type Change, type ChangeKind, type Comparison } from './drift.ts';

/** Version of the format of baselines. */
const baselineSchema = 1;

/** A change that somebody has looked at. */
export interface AcceptedChange {
  /** Absent: on every architecture. */
  readonly architecture?: string;
  readonly kind: ChangeKind;
  readonly subject: string;
  /** Why it is no alarm. */
  readonly reason: string;
}

/** A change with the reason for which it was accepted; undefined for one that nobody has looked at. */
export interface JudgedChange extends Change {
  readonly accepted: string | undefined;
}

/** Comparisons after a baseline. */
export interface Drift {
  readonly comparisons: readonly (Omit<Comparison, 'changes'> & {
    readonly changes: readonly JudgedChange[];
  })[];
  /** Entries of the baseline that no change needs. */
  readonly unused: readonly AcceptedChange[];
}

/** Mark the changes that a baseline accepts. */
export function applyBaseline(
  comparisons: readonly Comparison[],
  accepted: readonly AcceptedChange[] = [],
): Drift {
  const used = new Set<AcceptedChange>();
  const judged = comparisons.map(({ changes, ...comparison }) => ({
    ...comparison,
    changes: changes.map((change): JudgedChange => {
      const found = accepted.find(
        ({ architecture, kind, subject }) =>
          kind === change.kind &&
          subject === change.subject &&
          (architecture === undefined || architecture === comparison.architecture),
      );
      if (found !== undefined) used.add(found);
      return { ...change, accepted: found?.reason };
    }),
  }));
  return { comparisons: judged, unused: accepted.filter((one) => !used.has(one)) };
}

/**
 * Read a baseline: `{ "schema": 1, "accepted": [{ "kind", "subject", "reason", "architecture"? }] }`.
 *
 * @throws KelpError `drift/baseline` naming the entry that is wrong, `file/...`.
 */
export function readBaseline(file: string): readonly AcceptedChange[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw fileError(error, file);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new KelpError('drift/baseline', 'not a JSON file', { file }, { cause: error });
  }
  const members = membersOf(value);
  const accepted = members.get('accepted');
  if (members.get('schema') !== baselineSchema || !Array.isArray(accepted))
    throw new KelpError(
      'drift/baseline',
      `expected schema ${baselineSchema} and a list of accepted changes`,
      { file },
    );
  return accepted.map((one: unknown, index) => acceptedChange(one, index, file));
}

function acceptedChange(value: unknown, index: number, file: string): AcceptedChange {
  const members = membersOf(value);
  const [kind, subject, reason] = ['kind', 'subject', 'reason'].map((name) => members.get(name));
  const known = changeKinds.find((one) => one === kind);
  const architecture = members.get('architecture');
  const fail = (what: string): KelpError =>
    new KelpError('drift/baseline', `entry ${index + 1} of accepted ${what}`, { file });
  if (known === undefined) throw fail(`has no kind; expected one of ${changeKinds.join(', ')}`);
  if (typeof subject !== 'string' || subject === '') throw fail('has no subject');
  if (typeof reason !== 'string' || reason.trim() === '') throw fail('has no reason');
  if (architecture !== undefined && typeof architecture !== 'string')
    throw fail('has an architecture that is no text');
  return { kind: known, subject, reason, ...(architecture === undefined ? {} : { architecture }) };
}

function membersOf(value: unknown): ReadonlyMap<string, unknown> {
  return new Map<string, unknown>(typeof value === 'object' && value !== null ? Object.entries(value) : []);
}
