import { parseArgs } from 'node:util';
import {
  appliesTo,
  defineArchitecture,
  matchesName,
  parseKernel,
  type Architecture,
  type SpecialSection,
} from '@kelp/core';
import { compareSource, readAccepted, SourceTree } from '@kelp/kernel-source';
import { architectures, sourceSubject } from '../../../packages/cli/src/architectures.ts';

// How much would `kelp source` notice? The tables are emptied, and what it then finds unknown in a tree, and nobody has
// accepted, is compared with the rows that were in them. Run as: npm run source-alarm -- TREE...

/** An architecture that knows no relocation type and no section. */
function emptied(architecture: Architecture): Architecture {
  return defineArchitecture({ ...architecture, relocationTypes: [], specialSections: [] });
}

/** Whether a name that was found is the one of a row, or a pattern of either matches the other. */
function isFound(row: SpecialSection, found: ReadonlySet<string>): boolean {
  const plain = (name: string): string => name.replace(/\*$/u, '');
  // `__*` would match half of all tables.
  return [...found].some(
    (name) => matchesName(row, plain(name)) || (name.length > 3 && matchesName({ name }, plain(row.name))),
  );
}

/** Phases in which nothing reads the section of a module. */
const silent = new Set(['boot', 'build', 'never', 'run_time']);

const { positionals } = parseArgs({ allowPositionals: true });
for (const root of positionals) {
  const tree = SourceTree.open(root);
  const kernel = parseKernel(tree.version);
  const subjects = architectures.map((one) => ({ ...sourceSubject(one), architecture: emptied(one) }));
  const open = compareSource(tree, subjects, readAccepted()).disagreements.filter(
    ({ accepted }) => accepted === undefined,
  );
  for (const { id, specialSections } of architectures) {
    const own = open.filter((one) => one.architectures.includes(id));
    const found = new Set(own.filter(({ code }) => code === 'section/unknown').map(({ subject }) => subject));
    const rows = specialSections.filter((row) => appliesTo(row.applies, kernel) && !silent.has(row.phase));
    const missed = rows.filter((row) => !isFound(row, found));
    const patching = rows.filter(({ patchesCode }) => patchesCode === true);
    const types = own.filter(({ code }) => code === 'relocation/verdict').length;
    console.log(
      `${tree.version} ${id}: ${rows.length - missed.length} of ${rows.length} sections, ` +
        `${patching.filter((row) => !missed.includes(row)).length} of ${patching.length} that patch code, ` +
        `${types} relocation types; not noticed: ${missed.map(({ name }) => name).join(' ')}`,
    );
  }
}
