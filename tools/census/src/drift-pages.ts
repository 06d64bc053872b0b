/** Writes docs/drift.md, docs/drift.html and docs/function-use.md from censuses of several kernels. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  applyBaseline,
  compareCensuses,
  driftReport,
  judgeFunctions,
  type Census,
  type Change,
  type Comparison,
  type FunctionVerdicts,
} from '@kelp/census';
import { renderHtml, renderMarkdown } from '@kelp/report';
import { architectures } from '../../../packages/cli/src/architectures.ts';
import { kernelsOf, markdownRows, readCensuses, type CountedKernel } from './censuses.ts';

const USAGE =
  'usage: npm run drift-pages -- CENSUSES\n\nCENSUSES is a folder with what kelp scan -o wrote.\n';

function driftPage(comparisons: readonly Comparison[]): string {
  const report = driftReport(applyBaseline(comparisons), [], architectures);
  return [
    '# What changed between Debian kernels',
    '',
    'Written by `npm run drift-pages`; do not edit. The same report with a chart of each architecture, how many modules and functions use',
    'each special section by kernel, is [drift.html](drift.html). Modules of 6.1 and 6.12 (bookworm and its backports, trixie), and of 7.3, the',
    'newest that Debian has, all four architectures.',
    '',
    '## How often do new problematic features appear?',
    '',
    'Special sections and relocation types that modules of the later kernel have and those of the earlier one have not, and changes of the',
    'layout of entries. "Rewrites code" counts those whose consumer rewrites instructions or whose hazard is high.',
    '',
    markdownRows(
      [
        'architecture',
        'from',
        'to',
        'new sections',
        'of these rewrites code',
        'layout changes',
        'of these rewrites code',
        'gone',
        'new relocation types',
        'unknown',
      ],
      comparisons.map((comparison) => {
        const count = (test: (change: Change) => boolean): number => comparison.changes.filter(test).length;
        const appeared = (change: Change): boolean => change.kind === 'section-appeared';
        const changed = (change: Change): boolean => change.kind === 'entry-size' || change.kind === 'layout';
        return [
          comparison.architecture,
          comparison.from,
          comparison.to,
          count(appeared),
          count((change) => appeared(change) && rewritesCode(change)),
          count(changed),
          count((change) => changed(change) && rewritesCode(change)),
          count(({ kind }) => kind === 'section-gone'),
          count(({ kind }) => kind === 'relocation-appeared'),
          count(({ consequence }) => consequence === 'unknown'),
        ];
      }),
    ),
    '',
    renderMarkdown(report).split('\n').slice(2).join('\n'),
  ].join('\n');
}

function rewritesCode({ consequence }: Change): boolean {
  return consequence === 'breaks' || consequence === 'patches-code' || consequence === 'unknown';
}

function functionPage(kernels: readonly CountedKernel[]): string {
  const judged = kernels.map((one) => ({ ...one, verdicts: judgeFunctions(one.kernel.functions) }));
  return [
    '# Functions that livepatch tools refuse',
    '',
    'Written by `npm run drift-pages`; do not edit. Counted by `kelp functions`, whose page in [commands.md](commands.md) says what the words',
    'mean; `kelp functions CENSUS --list` names every function with its keys.',
    '',
    markdownRows(
      [
        'architecture',
        'kernel',
        'modules',
        'functions',
        'with a jump label or static call',
        'refused',
        'in modules',
        'unrecognized pr_debug()',
        'losing',
      ],
      judged.map(({ architecture, kernel, verdicts }) => [
        architecture,
        kernel.release,
        kernel.modules - kernel.images,
        verdicts.functions,
        verdicts.keyed,
        refused(verdicts).length,
        new Set(refused(verdicts).map(({ module }) => module)).size,
        verdicts.list.length - refused(verdicts).length,
        verdicts.losing,
      ]),
    ),
    '',
    ...judged
      .filter(
        ({ architecture, kernel }, index) =>
          judged[index + 1]?.architecture !== architecture && kernel.modules > 0,
      )
      .flatMap(({ architecture, kernel, verdicts }) => [
        `## ${architecture} ${kernel.release}`,
        '',
        `${refused(verdicts).length.toLocaleString('en-US')} of ${verdicts.functions.toLocaleString('en-US')} functions would be refused. By module:`,
        '',
        refused(verdicts).length === 0 ? 'none' : moduleTable(verdicts),
        '',
        'By subsystem, the 15 with the most functions that are refused or lose something:',
        '',
        subsystemTable(verdicts),
        '',
      ]),
  ].join('\n');
}

function refused({ list }: FunctionVerdicts): FunctionVerdicts['list'] {
  return list.filter(({ verdict }) => verdict === 'refused');
}

function moduleTable(verdicts: FunctionVerdicts): string {
  const modules = new Map<string, { functions: number; keys: Set<string> }>();
  for (const { module, keys } of refused(verdicts)) {
    const sum = modules.get(module) ?? { functions: 0, keys: new Set<string>() };
    for (const { key } of keys) sum.keys.add(key);
    modules.set(module, { functions: sum.functions + 1, keys: sum.keys });
  }
  const shown = [...modules].toSorted(([, a], [, b]) => b.functions - a.functions);
  return markdownRows(
    ['module', 'functions', 'keys'],
    shown.map(([module, { functions, keys }]) => [
      `\`${module}\``,
      functions,
      [...keys]
        .slice(0, 3)
        .map((key) => `\`${key}\``)
        .join(', ') + (keys.size > 3 ? ` and ${keys.size - 3} more` : ''),
    ]),
  );
}

function subsystemTable({ subsystems }: FunctionVerdicts): string {
  return markdownRows(
    ['subsystem', 'modules', 'functions', 'with keys', 'refused', 'unrecognized', 'losing', 'share affected'],
    subsystems
      .toSorted((a, b) => affected(b) - affected(a))
      .slice(0, 15)
      .map((row) => [
        row.subsystem,
        row.modules,
        row.functions,
        row.keyed,
        row.refused,
        row.unrecognized,
        row.losing,
        `${((affected(row) / row.functions) * 100).toFixed(1)} %`,
      ]),
  );
}

function affected(row: FunctionVerdicts['subsystems'][number]): number {
  return row.refused + row.unrecognized + row.losing;
}

function write(name: string, text: string): void {
  writeFileSync(new URL(`../../../docs/${name}`, import.meta.url), text);
}

function main(folder: string): void {
  const census: Census = readCensuses(folder);
  const comparisons = compareCensuses([census], architectures);
  write('drift.md', driftPage(comparisons));
  write('drift.html', renderHtml(driftReport(applyBaseline(comparisons), [census], architectures)));
  write('function-use.md', functionPage(kernelsOf(census)));
}

const [, , folder] = process.argv;
if (folder === undefined) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else {
  main(resolve(folder));
}
