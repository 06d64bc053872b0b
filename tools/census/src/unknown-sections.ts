/** Measures the detector of unknown special sections on censuses and writes docs/unknown-sections.md. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { architectures } from '../../../packages/cli/src/architectures.ts';
import { kernelsOf, markdownRows, readCensuses } from './censuses.ts';
import { measureDetection, type DetectedSection } from './detection.ts';

const USAGE =
  'usage: npm run unknown-sections -- CENSUSES\n\nCENSUSES is a folder with what kelp scan -o wrote.\n';
const PAGE = new URL('../../../docs/unknown-sections.md', import.meta.url);

const INTRODUCTION = `# Unknown special sections

Written by \`npm run unknown-sections\`; do not edit.

A kernel may have a special section that no table of Kelp knows. The detector knows no names of special sections, only those that
compilers give. From the sections of one name in all modules of a kernel it takes: the greatest common divisor of their sizes, at
which places of entries of each possible size (4 to 128 bytes) relocations stand and whether they lead into executable, read-only or
writable memory or out of the module, \`sh_entsize\`, \`SHF_LINK_ORDER\` and \`SHF_EXECINSTR\`. The entry size is the smallest at which every place
with pointers has them in at least 90 % of the entries; if a place leads to code in some entries and to data in others, the next
multiple that tells them apart, entirely or at least clearly. \`kelp scan\` shows the result for each section that no row knows.

Measured by hiding each row of the tables in turn: the detector sees the same counts that it would see of a section without a row,
and its answer is compared with the row.
`;

function page(sections: readonly DetectedSection[]): string {
  const tables = sections.filter(({ expected }) => expected !== undefined);
  const visible = tables.filter(({ hasPointers, relocated }) => hasPointers && relocated > 0);
  const missed = tables.filter((one) => !visible.includes(one));
  const wrong = visible.filter(({ expected, stride }) => stride !== expected);
  const alarms = sections.filter(({ expected, claimed }) => expected === undefined && claimed);
  const kernels = [...new Set(sections.map(kernelName))];
  return [
    INTRODUCTION,
    '## By kernel',
    '',
    'A table counts once for each kernel. Tables without pointers hold numbers or text only: there is nothing to see in them but a declared entry size.',
    '',
    markdownRows(
      [
        'kernel',
        'tables with pointers',
        'found',
        'with the right entry size',
        'tables without pointers',
        'of these found',
        'false alarms',
      ],
      [...kernels, ''].map((kernel) => {
        const of = (list: readonly DetectedSection[]): readonly DetectedSection[] =>
          list.filter((one) => kernel === '' || kernelName(one) === kernel);
        return [
          kernel === '' ? '**all**' : kernel,
          of(visible).length,
          of(visible).filter(({ found }) => found).length,
          of(visible).filter(({ stride, expected }) => stride === expected).length,
          of(missed).length,
          of(missed).filter(({ found }) => found).length,
          of(alarms).length,
        ];
      }),
    ),
    '',
    '## Wrong or no entry size',
    '',
    markdownRows(
      ['section', 'entry size', 'detected', 'kernels'],
      grouped(wrong, (one) => `\`${one.section}\`\t${one.expected ?? ''}\t${one.stride ?? 'none'}`),
    ),
    '',
    '## Tables without pointers',
    '',
    markdownRows(
      ['section', 'found', 'kernels'],
      grouped(missed, (one) => `\`${one.section}\`\t${one.found ? 'yes' : 'no'}`),
    ),
    '',
    '## False alarms',
    '',
    'Sections without entries of one size that are taken for tables: they point into code, or their pointers happen to be regular.',
    '',
    markdownRows(
      ['section', 'detected entry size', 'kernels'],
      grouped(alarms, (one) => `\`${one.section}\`\t${one.stride ?? 'none'}`),
    ),
    '',
  ].join('\n');
}

/** Rows of equal cells with the kernels in which they are so. */
function grouped(
  sections: readonly DetectedSection[],
  cells: (one: DetectedSection) => string,
): readonly (readonly string[])[] {
  const groups = new Map<string, string[]>();
  for (const one of sections) {
    const found = groups.get(cells(one));
    if (found === undefined) groups.set(cells(one), [kernelName(one)]);
    else found.push(kernelName(one));
  }
  return [...groups].map(([text, kernels]) => [...text.split('\t'), kernels.join(', ')]);
}

function kernelName({ architecture, release }: DetectedSection): string {
  return `${release.split(/[-+]/u, 1)[0] ?? ''} ${architecture}`;
}

const [, , folder] = process.argv;
if (folder === undefined) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else {
  const sections = measureDetection(kernelsOf(readCensuses(resolve(folder))), architectures);
  writeFileSync(PAGE, page(sections));
}
