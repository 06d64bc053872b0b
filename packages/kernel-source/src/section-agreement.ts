import { appliesTo, matchesName, parseKernel, type Architecture, type Kernel } from '@kelp/core';
import type { ArchitectureSource } from './architecture-source.ts';
import type { Disagreement } from './disagreement.ts';
import type { NamedSection, Origin, SectionNames } from './section-names.ts';
import type { SourceTree } from './tree.ts';

/** Names that matter for the modules of an architecture: generic files, and those of its own folder. */
export function namesFor(
  names: SectionNames,
  { folder, excluded }: ArchitectureSource,
): readonly NamedSection[] {
  return names.named.filter(({ file }) => {
    if (!file.startsWith('arch/')) return true;
    return file.startsWith(`arch/${folder}/`) && !excluded.includes(file);
  });
}

/**
 * Compare the table of special sections with the names of a tree: what the loader or a linker script of modules names
 * needs a row, and a row that holds for the kernel needs a name in the tree and its consumer there.
 */
export function compareSections(
  tree: SourceTree,
  architecture: Architecture,
  source: ArchitectureSource,
  names: SectionNames,
  tables: readonly Architecture[],
): readonly Disagreement[] {
  const kernel = parseKernel(tree.version);
  const own = namesFor(names, source);
  const common = { architectures: [architecture.id], configuration: '' };
  return [
    ...unknownNames(architecture, kernel, own, tables).map((one) => ({
      ...common,
      code: 'section/unknown' as const,
      subject: one.name,
      tree: whyUnknown[one.origin],
      table: 'no row',
      place: `${one.file}:${one.line}`,
    })),
    ...rowsOf(architecture, kernel)
      .filter((row) => !isNamed(row.name, own, names.mentioned))
      .map((row) => ({
        ...common,
        code: 'section/missing' as const,
        subject: row.name,
        tree: 'nothing names it',
        table: `read in phase ${row.phase}`,
        place: row.consumer?.file ?? '',
      })),
    ...rowsOf(architecture, kernel).flatMap((row) => {
      const problem = row.consumer === undefined ? undefined : missingSymbol(tree, row.consumer);
      if (problem === undefined) return [];
      const { file, symbol } = row.consumer ?? {};
      return [
        {
          ...common,
          code: 'section/consumer' as const,
          subject: row.name,
          tree: problem,
          table: `read by ${symbol ?? file}`,
          place: file ?? '',
        },
      ];
    }),
  ];
}

function rowsOf({ specialSections }: Architecture, kernel: Kernel): Architecture['specialSections'] {
  return specialSections.filter(({ applies }) => appliesTo(applies, kernel));
}

function unknownNames(
  architecture: Architecture,
  kernel: Kernel,
  own: readonly NamedSection[],
  tables: readonly Architecture[],
): readonly NamedSection[] {
  const seen = new Map<string, NamedSection>();
  for (const one of own) {
    if (!mattersForModules(one)) continue;
    // Generic code looks for what only some architectures have.
    const knowing = one.file.startsWith('arch/') ? [architecture] : tables;
    if (!seen.has(one.name) && !knowing.some((table) => isKnown(table, kernel, one.name)))
      seen.set(one.name, one);
  }
  return [...seen.values()];
}

/** Headers that modules include; those of the vDSO and of user space are for others. */
const headers = /^(?:include|arch\/\w+\/include)\/(?!.*\b(?:vdso|uapi)\b)/u;

/** Whether modules may carry a section: something looks for it in them, links it for them, or makes it in what they include. */
function mattersForModules({ origin, file }: NamedSection): boolean {
  if (origin === 'loader' || origin === 'module-script' || origin === 'objtool') return true;
  return origin !== 'image-script' && headers.test(file);
}

const whyUnknown: Readonly<Record<Origin, string>> = {
  loader: 'the loader looks for it',
  'module-script': 'a linker script of modules makes it',
  'image-script': 'a linker script of the image makes it',
  objtool: 'objtool makes it',
  assembler: 'assembler in a header makes it',
  attribute: 'an attribute in a header makes it',
};

/** Whether a row knows a name, or a pattern of the tree finds a row. */
function isKnown(architecture: Architecture, kernel: Kernel, name: string): boolean {
  if (!name.endsWith('*')) return architecture.specialSection(name, kernel) !== undefined;
  return rowsOf(architecture, kernel).some(
    (row) => row.name === name || matchesName({ name }, row.name) || matchesName(row, name.slice(0, -1)),
  );
}

function isNamed(row: string, own: readonly NamedSection[], mentioned: ReadonlySet<string>): boolean {
  const pattern = { name: row };
  if (
    own.some(
      ({ name }) =>
        name === row || matchesName(pattern, name) || matchesName({ name }, row.replace(/\*$/u, '')),
    )
  ) {
    return true;
  }
  return row.endsWith('*') ? [...mentioned].some((word) => matchesName(pattern, word)) : mentioned.has(row);
}

/** Why a place of the table is not in the tree, or undefined where it is. */
function missingSymbol(
  tree: SourceTree,
  { file, symbol }: { readonly file: string; readonly symbol?: string },
): string | undefined {
  if (!tree.has(file)) return `${file} is not there`;
  if (symbol === undefined) return undefined;
  return new RegExp(`\\b${symbol}\\b`, 'u').test(tree.read(file)) ? undefined : `${file} has no ${symbol}`;
}
