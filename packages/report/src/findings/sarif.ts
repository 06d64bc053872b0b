import type { Location, Log, ReportingDescriptor, Result } from 'sarif';
import { escapeTerminal } from '../escape.ts';
import type { BaselineEntry, FindingReport, FindingRule, ReportedFinding } from './finding-report.ts';
import { describePlace } from './tables.ts';

// SARIF 2.1.0, OASIS standard: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html.

/** A log of one run, for viewers and for code scanning. Places are bytes of a binary file. */
export function renderSarif(report: FindingReport): string {
  const indices = new Map(report.rules.map(({ id }, index) => [id, index]));
  const log: Log = {
    version: '2.1.0',
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    runs: [
      {
        tool: {
          driver: {
            name: report.tool.name,
            semanticVersion: report.tool.version,
            informationUri: report.tool.address,
            rules: report.rules.map(describeRule),
          },
        },
        columnKind: 'utf16CodeUnits',
        invocations: [
          {
            executionSuccessful: true,
            toolExecutionNotifications: [
              ...report.notJudged.map((text) => ({ level: 'note' as const, message: { text: plain(text) } })),
              ...report.stale.map((entry) => ({
                level: 'warning' as const,
                message: { text: plain(staleText(entry)) },
              })),
            ],
          },
        ],
        results: report.findings.map((finding) => describeFinding(finding, indices.get(finding.rule))),
      },
    ],
  };
  return `${JSON.stringify(log, undefined, 2)}\n`;
}

function staleText({ rule, reason }: BaselineEntry): string {
  return `the baseline entry for ${rule} (${reason}) matches no finding`;
}

function describeRule({ id, name, level, title, advice, properties }: FindingRule): ReportingDescriptor {
  return {
    id,
    name: name.replaceAll(/(?:^|-)([a-z])/gu, (_match, letter: string) => letter.toUpperCase()),
    shortDescription: { text: title },
    fullDescription: { text: `${title}.` },
    help: { text: advice },
    defaultConfiguration: { level },
    ...(properties === undefined ? {} : { properties: { ...properties } }),
  };
}

function describeFinding(finding: ReportedFinding, ruleIndex: number | undefined): Result {
  const { rule, level, message, details, accepted } = finding;
  return {
    ruleId: rule,
    ...(ruleIndex === undefined ? {} : { ruleIndex }),
    level,
    message: { text: plain(message) },
    locations: [describeLocation(finding)],
    partialFingerprints: { 'kelpFinding/v1': fingerprint(finding) },
    ...(details.size === 0
      ? {}
      : {
          properties: Object.fromEntries([...details].map(([name, value]) => [name, escapeTerminal(value)])),
        }),
    ...(accepted === undefined
      ? {}
      : { suppressions: [{ kind: 'external' as const, justification: escapeTerminal(accepted) }] }),
  };
}

function describeLocation(finding: ReportedFinding): Location {
  const { file, place } = finding;
  return {
    physicalLocation: {
      artifactLocation: { uri: encodePath(file) },
      ...(place?.fileOffset === undefined ? {} : { region: { byteOffset: place.fileOffset } }),
    },
    ...(place === undefined
      ? {}
      : {
          logicalLocations: [
            {
              name: escapeTerminal(place.section),
              fullyQualifiedName: escapeTerminal(describePlace(finding)),
            },
          ],
        }),
  };
}

/** What stays the same when the file is built again and things move inside their sections. */
function fingerprint({ rule, place, details }: ReportedFinding): string {
  return [rule, place?.section ?? '', ...[...details].map(([name, value]) => `${name}=${value}`)]
    .map((part) => escapeTerminal(part))
    .join('|');
}

/** A path as a relative or absolute URI reference. */
function encodePath(path: string): string {
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  return path.startsWith('/') ? `file://${encoded}` : encoded;
}

/** A message without placeholders and links (3.11.5, 3.11.6): braces are doubled, brackets escaped. */
function plain(text: string): string {
  return escapeTerminal(text)
    .replaceAll(/[[\]\\]/gu, String.raw`\$&`)
    .replaceAll(/[{}]/gu, '$&$&');
}
