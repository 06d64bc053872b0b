import { KelpError } from '@kelp/core';
import type { BaselineEntry, FindingReport, ReportedFinding } from './finding-report.ts';

const schema = 1;

/**
 * Read a baseline: `{"schema": 1, "accepted": [{"rule": "KLP702", "object": "xfs", "reason": "never unloaded here"}]}`.
 * What stands in an entry beside `rule` and `reason` must equal the finding's: `file`, `section` or a detail.
 *
 * @param file - what errors call it.
 * @throws KelpError `baseline/json`, `baseline/schema`, `baseline/entry`, `baseline/reason`.
 */
export function parseBaseline(text: string, file?: string): readonly BaselineEntry[] {
  const value = parseJson(text, file);
  if (!isRecord(value) || value['schema'] !== schema || !Array.isArray(value['accepted'])) {
    const message = `expected {"schema": ${schema}, "accepted": [...]}`;
    throw new KelpError('baseline/schema', message, { file });
  }
  return value['accepted'].map((entry: unknown, index) => parseEntry(entry, index, file));
}

function parseJson(text: string, file: string | undefined): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = `the baseline is no JSON: ${error instanceof Error ? error.message : String(error)}`;
    throw new KelpError('baseline/json', message, { file }, { cause: error });
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseEntry(entry: unknown, index: number, file: string | undefined): BaselineEntry {
  const members = new Map(isRecord(entry) ? Object.entries(entry) : []);
  const texts = new Map<string, string>();
  for (const [name, value] of members) {
    if (typeof value !== 'string') break;
    texts.set(name, value);
  }
  const rule = texts.get('rule');
  if (rule === undefined || texts.size !== members.size) {
    const message = `entry ${index} of accepted is no object of strings with a rule`;
    throw new KelpError('baseline/entry', message, { file });
  }
  const reason = texts.get('reason')?.trim() ?? '';
  if (reason === '') {
    const message = `entry ${index} of accepted (${rule}) has no reason; write why the finding is accepted`;
    throw new KelpError('baseline/reason', message, { file });
  }
  const where = new Map([...texts].filter(([name]) => name !== 'rule' && name !== 'reason'));
  return { rule, where, reason };
}

/** Mark the findings that a baseline accepts, and list its entries that match none. */
export function applyBaseline(report: FindingReport, baseline: readonly BaselineEntry[]): FindingReport {
  const used = new Set<BaselineEntry>();
  const findings = report.findings.map((finding): ReportedFinding => {
    const entries = baseline.filter((entry) => matches(entry, finding));
    for (const entry of entries) used.add(entry);
    const [first] = entries;
    return first === undefined ? finding : { ...finding, accepted: first.reason };
  });
  return { ...report, findings, stale: baseline.filter((entry) => !used.has(entry)) };
}

function matches(
  { rule, where }: BaselineEntry,
  { rule: found, file, place, details }: ReportedFinding,
): boolean {
  if (rule !== found) return false;
  return [...where].every(([name, value]) => {
    if (name === 'file') return value === file;
    return value === (name === 'section' ? place?.section : details.get(name));
  });
}
