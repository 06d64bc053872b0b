import type { FindingReport } from './finding-report.ts';

/** Version of the JSON. */
export const findingSchema = 1;

/** Findings as plain data; schema/findings.schema.json describes it. */
export function findingJson({ findings, rules, notJudged, stale }: FindingReport): {
  readonly schema: number;
  readonly findings: readonly unknown[];
  readonly stale: readonly unknown[];
  readonly notJudged: readonly string[];
} {
  const known = new Map(rules.map((rule) => [rule.id, rule]));
  return {
    schema: findingSchema,
    findings: findings.map(({ rule, level, message, file, place, details, accepted }) => ({
      rule,
      name: known.get(rule)?.name ?? '',
      level,
      file,
      section: place?.section ?? null,
      offset: place?.offset ?? null,
      fileOffset: place?.fileOffset ?? null,
      details: [...details].map(([name, value]) => ({ name, value })),
      message,
      title: known.get(rule)?.title ?? '',
      advice: known.get(rule)?.advice ?? '',
      accepted: accepted ?? null,
    })),
    stale: stale.map(({ rule, where, reason }) => ({
      rule,
      where: [...where].map(([name, value]) => ({ name, value })),
      reason,
    })),
    notJudged,
  };
}
