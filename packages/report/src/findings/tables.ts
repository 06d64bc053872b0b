import type { Block, Report, Row, Tone } from '../report.ts';
import type { FindingLevel, FindingReport, ReportedFinding } from './finding-report.ts';

const tones: Readonly<Record<FindingLevel, Tone>> = { error: 'bad', warning: 'warning', note: 'muted' };

/** `.text+0x1c`. */
export function describePlace({ place }: Pick<ReportedFinding, 'place'>): string {
  return place === undefined ? '' : `${place.section}+0x${place.offset.toString(16)}`;
}

/** Findings as a report for people: what was found, what to do about it, what was accepted and what was not judged. */
export function findingTables(report: FindingReport): Report {
  const open = report.findings.filter(({ accepted }) => accepted === undefined);
  const accepted = report.findings.filter((finding) => finding.accepted !== undefined);
  return {
    title: report.title,
    blocks: [
      summary(open, accepted),
      ...(open.length === 0 ? [] : [openTable(open), adviceTable(report, open)]),
      ...(accepted.length === 0 ? [] : [acceptedTable(accepted)]),
      ...(report.stale.length === 0 ? [] : [staleTable(report)]),
      ...list('Not judged', report.notJudged),
    ],
  };
}

function summary(open: readonly ReportedFinding[], accepted: readonly ReportedFinding[]): Block {
  const count = (wanted: FindingLevel): number => open.filter(({ level }) => level === wanted).length;
  const text =
    `${plural(count('error'), 'error')}, ${plural(count('warning'), 'warning')}, ${plural(count('note'), 'note')}` +
    (accepted.length === 0 ? '' : `; ${accepted.length} accepted`);
  return { kind: 'paragraph', text: open.length === 0 ? { text, tone: 'good' } : text };
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

/** Names of details in the order in which findings have them first. */
function detailNames(findings: readonly ReportedFinding[]): readonly string[] {
  return [...new Set(findings.flatMap(({ details }) => [...details.keys()]))];
}

function openTable(findings: readonly ReportedFinding[]): Block {
  const names = detailNames(findings);
  return {
    kind: 'table',
    caption: 'Findings',
    columns: ['level', 'rule', 'place', ...names, 'message'].map((label) => ({ label })),
    rowHeader: 1,
    rows: findings.map((finding): Row => ({
      cells: [
        { text: finding.level, tone: tones[finding.level] },
        finding.rule,
        { text: describePlace(finding), code: true },
        ...names.map((name) => finding.details.get(name) ?? ''),
        finding.message,
      ],
    })),
  };
}

function adviceTable({ rules }: FindingReport, findings: readonly ReportedFinding[]): Block {
  const found = new Set(findings.map(({ rule }) => rule));
  return {
    kind: 'table',
    caption: 'What to do',
    columns: ['rule', 'name', 'what is wrong', 'what to do'].map((label) => ({ label })),
    rows: rules
      .filter(({ id }) => found.has(id))
      .map(({ id, name, title, advice }) => ({ cells: [id, name, title, advice] })),
  };
}

function acceptedTable(findings: readonly ReportedFinding[]): Block {
  return {
    kind: 'table',
    caption: 'Accepted',
    columns: ['rule', 'place', 'message', 'reason'].map((label) => ({ label })),
    rows: findings.map((finding) => ({
      cells: [
        finding.rule,
        { text: describePlace(finding), code: true },
        finding.message,
        finding.accepted ?? '',
      ],
    })),
  };
}

function staleTable({ stale }: FindingReport): Block {
  return {
    kind: 'table',
    caption: 'Entries of the baseline that match no finding; remove them',
    columns: ['rule', 'where', 'reason'].map((label) => ({ label })),
    rows: stale.map(({ rule, where, reason }) => ({
      cells: [rule, [...where].map(([name, value]) => `${name} ${value}`).join(', '), reason],
    })),
  };
}

function list(heading: string, items: readonly string[]): readonly Block[] {
  if (items.length === 0) return [];
  return [
    { kind: 'heading', level: 2, text: heading },
    { kind: 'list', items },
  ];
}
