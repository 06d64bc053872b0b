/** Looks a list of patched functions up in kernels and writes docs/patched-functions.md. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  findModules,
  PatchedScanner,
  readFixYears,
  readPatchedList,
  summarizePatched,
  type PatchedKernel,
  type PatchedSummary,
} from '@kelp/census';
import { architectures } from '../../../packages/cli/src/architectures.ts';
import { markdownRows } from './censuses.ts';
import { earliestYears } from './fix-years.ts';

const USAGE = `usage: npm run patched-page -- --list FILE [--fixes FILE] PATH...

  --list FILE    table with fix, object, function
  --fixes FILE   table with fix and cve
  PATH           modules of kernels
`;

const INTRODUCTION = `# Functions that were really patched

Written by \`npm run patched-page\`; do not edit.

Do real livepatches touch modules, and what do these functions carry? A distribution can feed its own list:

\`\`\`console
$ kelp patched LIST.tsv /lib/modules/$(uname -r) --fixes FIXES.tsv
\`\`\`

| column of LIST | meaning |
|---|---|
| \`fix\` | whatever names the fix: a bug, a CVE, an advisory |
| \`object\` | \`vmlinux\`, or the module by its kernel name or file name |
| \`function\` | the function as the livepatch names it |
| \`year\`, \`cve\` | optional: the year to count the fix under, or CVEs whose latest gives it |

Columns are separated by tabs, the first line names them, other columns are ignored. FIXES has the columns \`fix\` and \`cve\`.

The figures here are for the functions that SUSE patched live from late 2018 to early 2025 (SLE12-SP4 to SLE15-SP6), collected from
the patched_funcs.csv files of the public repository SUSE/kernel-livepatch and two of its older forks, looked up in Debian's kernels.
`;

function page(kernels: readonly PatchedKernel[]): string {
  const summaries = kernels.map((kernel) => ({ kernel, summary: summarizePatched(kernel) }));
  const [first] = summaries;
  if (first === undefined) throw new Error('no kernel was found');
  const { rows, fixes, inModules } = first.summary;
  return [
    INTRODUCTION,
    '## How often are modules patched?',
    '',
    `${inModules} of ${rows} functions of ${fixes} fixes (${((inModules / rows) * 100).toFixed(1)} %) are in modules, ${rows - inModules} in vmlinux.`,
    '',
    'By year. Few fixes name a CVE (of 2021 and 2022 none); the others are under the latest CVE year of a bug with a lower number, so they',
    'are of that year or later.',
    '',
    markdownRows(
      ['year', 'in modules', 'all', 'share in modules'],
      first.summary.years.map(({ year, modules, rows: all }) => [
        year,
        modules,
        all,
        `${((modules / all) * 100).toFixed(0)} %`,
      ]),
    ),
    '',
    '## In Debian kernels',
    '',
    'Rows of the list. What functions carry is known for those that were found in their module; a shared name in another module does not count.',
    '',
    markdownRows(
      [
        'kernel',
        'found in their module',
        'found in another module',
        'module without the function',
        'no such module',
        'vmlinux: found',
        'vmlinux: not found',
      ],
      summaries.map(({ kernel, summary }) => [
        kernelName(kernel),
        count(summary.states, 'module: found'),
        count(summary.states, 'module: another-module'),
        count(summary.states, 'module: no-function'),
        count(summary.states, 'module: no-object'),
        kernel.image ? count(summary.states, 'vmlinux: found') : 'no image',
        kernel.image
          ? count(summary.states, 'vmlinux: no-function') + count(summary.states, 'vmlinux: another-module')
          : 'no image',
      ]),
    ),
    '',
    '## What they carry',
    '',
    'Functions found in their module, with at least one entry of each kind.',
    '',
    markdownRows(
      [
        'kernel',
        'found',
        'jump labels',
        'static calls',
        'alternatives',
        'tracepoints',
        'pr_debug()',
        'exception table',
        'bug table',
      ],
      summaries.map(({ kernel, summary }) => [
        kernelName(kernel),
        summary.examined,
        share(summary, summary.sections, '__jump_table'),
        share(summary, summary.sections, '.static_call_sites'),
        share(summary, summary.sections, '.altinstructions'),
        share(summary, summary.uses, 'tracepoint'),
        share(summary, summary.uses, 'dynamic-debug', 'dynamic-debug-unnamed'),
        share(summary, summary.sections, '__ex_table'),
        share(summary, summary.sections, '__bug_table'),
      ]),
    ),
    '',
    '## What the livepatch tools would do',
    '',
    'Because of keys that live in modules; [commands.md](commands.md) explains the words.',
    '',
    markdownRows(
      [
        'kernel',
        'found',
        'refused',
        'unrecognized pr_debug()',
        'losing tracepoints or pr_debug()',
        'no key of a module',
      ],
      summaries.map(({ kernel, summary }) => [
        kernelName(kernel),
        summary.examined,
        ...['refused', 'unrecognized', 'losing', 'no key of a module'].map((verdict) =>
          share(summary, summary.verdicts, verdict),
        ),
      ]),
    ),
    '',
    ...refusedList(kernels),
    '## By subsystem',
    '',
    `Functions found in their module in ${kernelName(lastX86(summaries).kernel)}, the 20 most patched subsystems.`,
    '',
    markdownRows(
      ['subsystem', 'functions', 'share'],
      lastX86(summaries)
        .summary.subsystems.slice(0, 20)
        .map(({ label, count: functions }) => [
          label,
          functions,
          `${((functions / lastX86(summaries).summary.examined) * 100).toFixed(1)} %`,
        ]),
    ),
    '',
  ].join('\n');
}

/** The newest kernel of the architecture that the list was made on, or the last kernel. */
function lastX86<One extends { readonly kernel: PatchedKernel }>(summaries: readonly One[]): One {
  const found = summaries.findLast(({ kernel }) => kernel.architecture === 'x86') ?? summaries.at(-1);
  if (found === undefined) throw new Error('no kernel was found');
  return found;
}

function refusedList(kernels: readonly PatchedKernel[]): readonly string[] {
  const rows = new Map<string, { readonly cells: readonly string[]; readonly kernels: string[] }>();
  for (const kernel of kernels) {
    for (const one of kernel.functions) {
      if (one.state !== 'found' || one.verdict !== 'refused') continue;
      const cells = [one.fix, one.object, `\`${one.function}\``];
      const id = JSON.stringify(cells);
      const found = rows.get(id);
      if (found === undefined) rows.set(id, { cells, kernels: [kernelName(kernel)] });
      else found.kernels.push(kernelName(kernel));
    }
  }
  if (rows.size === 0) return [];
  const list = [...rows.values()].map(({ cells, kernels: names }) => [...cells, names.join(', ')]);
  return [
    'Functions that would be refused:',
    '',
    markdownRows(['fix', 'object', 'function', 'kernels'], list),
    '',
  ];
}

function kernelName({ architecture, release }: PatchedKernel): string {
  return `${release.split(/[-+]/u, 1)[0] ?? ''} ${architecture}`;
}

function count(counts: PatchedSummary['states'], ...labels: readonly string[]): number {
  return counts.filter(({ label }) => labels.includes(label)).reduce((sum, one) => sum + one.count, 0);
}

function share(
  { examined }: PatchedSummary,
  counts: PatchedSummary['states'],
  ...labels: readonly string[]
): string {
  const found = count(counts, ...labels);
  return `${found} (${((found / examined) * 100).toFixed(1)} %)`;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { list: { type: 'string' }, fixes: { type: 'string' } },
  });
  if (values.list === undefined || positionals.length === 0) {
    process.stderr.write(USAGE);
    return 2;
  }
  const rows = readPatchedList(values.list);
  const known = values.fixes === undefined ? new Map<string, string>() : readFixYears(values.fixes);
  const years = earliestYears(
    rows.map(({ fix }) => fix),
    known,
  );
  const list = rows.map((row) => ({ ...row, year: row.year ?? years.get(row.fix) }));
  const scanner = new PatchedScanner(architectures, list);
  for (const file of findModules(positionals.map((path) => resolve(path))).files) await scanner.scan(file);
  writeFileSync(new URL('../../../docs/patched-functions.md', import.meta.url), page(scanner.kernels()));
  for (const { file, message } of scanner.failed) process.stderr.write(`${file}: ${message}\n`);
  return scanner.failed.length === 0 ? 0 : 1;
}

process.exitCode = await main();
