import { appendFileSync, readFileSync } from 'node:fs';
import { fileError } from '@kelp/core';
import {
  applyBaseline,
  findingJson,
  findingTables,
  githubAnnotations,
  githubSummary,
  needsAttention,
  parseBaseline,
  renderSarif,
  type FindingReport,
} from '@kelp/report';
import { Option, type Command } from 'commander';
import type { ExitStatus, Io } from './io.ts';
import { printJson, printReport } from './print.ts';

const formats = ['text', 'json', 'sarif', 'github'] as const;

/** Options of commands that report findings. */
export interface FindingFlags {
  readonly format: (typeof formats)[number];
  readonly baseline?: string;
  readonly json?: true;
}

/** Add `--format`, `--json` and `--baseline` to a command. */
export function withFindingOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--format <name>', 'how to print: for people, programs, code scanning or GitHub Actions')
        .choices(formats)
        .default('text'),
    )
    .option('--json', 'print JSON; the same as --format json')
    .option('--baseline <file>', 'findings that are accepted, each with its reason');
}

/**
 * Print findings in the form that was asked for.
 *
 * @param extra - members of the JSON beside those of all finding reports.
 * @returns 1 where something is left that nobody accepted.
 * @throws KelpError `baseline/...`, `file/...`.
 */
export function printFindings(
  found: FindingReport,
  flags: FindingFlags,
  io: Io,
  extra: Readonly<Record<string, unknown>> = {},
): ExitStatus {
  const report = flags.baseline === undefined ? found : applyBaseline(found, readBaseline(flags.baseline));
  const format = flags.json === true ? 'json' : flags.format;
  if (format === 'json') printJson({ ...findingJson(report), ...extra }, io);
  else if (format === 'sarif') io.out(renderSarif(report));
  else if (format === 'github') printForGithub(report, io);
  else printReport(findingTables(report), io);
  return needsAttention(report) ? 1 : 0;
}

function readBaseline(file: string): ReturnType<typeof parseBaseline> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw fileError(error, file);
  }
  return parseBaseline(text, file);
}

/** Annotations go to the log of the step, the summary to the file that the runner names. */
function printForGithub(report: FindingReport, io: Io): void {
  io.out(githubAnnotations(report));
  const summary = process.env['GITHUB_STEP_SUMMARY'];
  if (summary === undefined || summary === '') return;
  try {
    appendFileSync(summary, `${githubSummary(report)}\n`);
  } catch (error) {
    throw fileError(error, summary);
  }
}
