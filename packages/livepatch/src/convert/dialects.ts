import { KelpError } from '@kelp/core';
import { SHN_LIVEPATCH, type ObjectFile } from '@kelp/core/elf';
import { annotationSections } from './annotations.ts';
import type { Dialect, DialectName } from './conversion-plan.ts';
import { listDialect } from './list-dialect.ts';
import { hasMarkedSymbols, minimalDialect } from './minimal-dialect.ts';
import { objtoolDialect, objtoolSections } from './objtool-dialect.ts';

const list = listDialect('v7', 1);

const dialects: readonly Dialect[] = [listDialect('2019', 0), list, minimalDialect, objtoolDialect];

/** Names of all dialects. */
export const dialectNames: readonly DialectName[] = dialects.map(({ name }) => name);

/**
 * The dialect that was asked for, or the one that left its marks in a file. The tool of 2019 marks as v7 does and
 * counts otherwise, so that it has to be asked for.
 *
 * @returns undefined where the file is converted already and nothing says what else is to be.
 * @throws KelpError `convert/mixed-dialects`, `convert/no-symbols`.
 */
export function chooseDialect(
  file: ObjectFile,
  wanted: DialectName | undefined,
  hasSymbols: boolean,
): Dialect | undefined {
  const dialect = dialects.find(({ name }) => name === wanted) ?? recognize(file, hasSymbols);
  if (dialect?.needsSymbols === true && !hasSymbols) {
    const message =
      'symbols of the kernel and its modules are needed to tell what to convert; give --symbols';
    throw new KelpError('convert/no-symbols', message, { file: file.file });
  }
  return dialect;
}

function recognize(file: ObjectFile, hasSymbols: boolean): Dialect | undefined {
  const found = [
    ...(hasMarkedSymbols(file) ? [minimalDialect] : []),
    ...(objtoolSections(file).length > 0 ? [objtoolDialect] : []),
    ...(annotationSections(file).length > 0 ? [list] : []),
  ];
  if (found.length > 1) {
    const message = `has marks of several dialects (${found.map(({ name }) => name).join(', ')}); choose with --dialect`;
    throw new KelpError('convert/mixed-dialects', message, { file: file.file });
  }
  const [only] = found;
  if (only !== undefined) return only;
  return !hasSymbols && isConverted(file) ? undefined : list;
}

function isConverted(file: ObjectFile): boolean {
  const table = file.symbols();
  for (let index = 1; index < (table?.count ?? 0); index++)
    if (table?.rawSectionIndex(index) === SHN_LIVEPATCH) return true;
  return false;
}
