import type { ObjectFile } from '@kelp/core/elf';
import { describeApplicability } from '@kelp/core';
import type { FindingPlace, FindingReport, FindingRule, Report, ReportedFinding } from '@kelp/report';
import { lintRules, type LintFinding, type LintResult } from './lint.ts';
import type { LintRule, Moment } from './rule.ts';

/** When a fault shows, in words. */
const moments: Readonly<Record<Moment, string>> = {
  load: 'livepatch is loaded',
  enable: 'livepatch is enabled',
  target: 'target is loaded',
  reload: 'target is loaded again',
  run: 'code runs',
  never: 'nothing happens',
};

/** Findings of a livepatch for every output format. */
export function lintReport(
  { findings, notJudged }: LintResult,
  object: ObjectFile,
  about: { readonly file: string; readonly kernel: string; readonly tool: FindingReport['tool'] },
): FindingReport {
  return {
    tool: about.tool,
    title: `${about.file}: livepatch for ${about.kernel}`,
    rules: lintRules.map(describeRule),
    findings: findings.map((finding) => describeFinding(finding, object, about.file)),
    notJudged,
    stale: [],
  };
}

function describeRule(rule: LintRule): FindingRule {
  const { code, name, severity, title, advice } = rule;
  return {
    id: code,
    name,
    level: severity,
    title,
    advice,
    properties: {
      when: moments[rule.moment],
      source: sourceText(rule),
      ...(rule.errno === undefined ? {} : { errno: rule.errno }),
    },
  };
}

/** `kernel/livepatch/core.c klp_resolve_symbols`. */
function sourceText({ source: { file, symbol } }: LintRule): string {
  return symbol === undefined ? file : `${file} ${symbol}`;
}

function describeFinding(finding: LintFinding, object: ObjectFile, file: string): ReportedFinding {
  const { rule, severity, message } = finding;
  const place = placeInFile(finding, object);
  return {
    rule: rule.code,
    level: severity,
    message,
    file,
    ...(place === undefined ? {} : { place }),
    details: new Map(
      Object.entries({
        object: finding.object ?? '',
        symbol: finding.symbol ?? '',
        type: finding.type ?? '',
        when: moments[finding.moment],
        errno: finding.errno ?? '',
      }).filter(([, value]) => value !== ''),
    ),
  };
}

function placeInFile({ place }: LintFinding, object: ObjectFile): FindingPlace | undefined {
  if (place === undefined) return undefined;
  const section = object.sections.find(({ index, name }) => index !== 0 && name === place.section);
  return section?.occupiesFile === true && place.offset <= section.size
    ? { ...place, fileOffset: section.offset + place.offset }
    : place;
}

/** Every rule of `kelp lint`, for people. */
export function lintRulesReport(): Report {
  return {
    title: 'Rules of kelp lint',
    blocks: [
      {
        kind: 'paragraph',
        text:
          'Errors and warnings make the command end with status 1. When: the moment at which the fault shows. ' +
          'Without an errno the kernel does not notice, or does not survive. Some findings differ from their rule, ' +
          'for example where the object is vmlinux and so there when the livepatch is loaded.',
      },
      {
        kind: 'table',
        columns: [
          { label: 'rule' },
          { label: 'name' },
          { label: 'level' },
          { label: 'when' },
          { label: 'errno' },
          { label: 'what is wrong' },
          { label: 'what to do' },
          { label: 'decided by' },
        ],
        rows: lintRules.map((rule) => ({
          cells: [
            rule.code,
            rule.name,
            rule.severity,
            moments[rule.moment],
            rule.errno ?? '',
            rule.applies === undefined
              ? rule.title
              : `${rule.title} (${describeApplicability(rule.applies)})`,
            rule.advice,
            sourceText(rule),
          ],
        })),
      },
    ],
  };
}

/** Every rule as plain data. */
export function lintRulesJson(): unknown {
  return {
    schema: 1,
    rules: lintRules.map(({ code, name, severity, moment, errno, title, advice, source, applies }) => ({
      rule: code,
      name,
      level: severity,
      when: moments[moment],
      errno: errno ?? null,
      applies: describeApplicability(applies),
      title,
      advice,
      source: { file: source.file, symbol: source.symbol ?? null },
    })),
  };
}
