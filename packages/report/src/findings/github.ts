import { escapeTerminal } from '../escape.ts';
import { renderMarkdown } from '../markdown.ts';
import type { FindingLevel, FindingReport } from './finding-report.ts';
import { describePlace, findingTables } from './tables.ts';

// Workflow commands of GitHub Actions: `::error file=F,title=T::MESSAGE`, one a line. Data escapes `%`, CR and LF,
// properties also `:` and `,` (@actions/core, command.ts).

const commands: Readonly<Record<FindingLevel, string>> = {
  error: 'error',
  warning: 'warning',
  note: 'notice',
};

/** Annotations for what nobody accepted, one line each; GitHub shows ten of each level for a step. */
export function githubAnnotations({ findings, rules, stale }: FindingReport): string {
  const titles = new Map(rules.map(({ id, title }) => [id, title]));
  const lines = findings
    .filter(({ accepted }) => accepted === undefined)
    .map((finding) => {
      const place = describePlace(finding);
      const title = `${finding.rule} ${titles.get(finding.rule) ?? ''}`.trim();
      const text = [place, ...[...finding.details.values()].filter((value) => value !== ''), finding.message]
        .filter((part) => part !== '')
        .join(': ');
      return `::${commands[finding.level]} file=${escapeProperty(finding.file)},title=${escapeProperty(title)}::${escapeData(text)}`;
    });
  const rest = stale.map(
    ({ rule, reason }) =>
      `::warning title=${escapeProperty('stale baseline')}::${escapeData(`${rule} (${reason}) matches no finding; remove the entry`)}`,
  );
  return [...lines, ...rest].map((line) => `${line}\n`).join('');
}

/** Markdown for the file that GITHUB_STEP_SUMMARY names. */
export function githubSummary(report: FindingReport): string {
  return renderMarkdown(findingTables(report));
}

function escapeData(text: string): string {
  return escapeTerminal(text).replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
