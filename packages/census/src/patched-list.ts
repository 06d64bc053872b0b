import { readFileSync } from 'node:fs';
import { fileError, KelpError } from '@kelp/core';

/** One function that a fix replaced. */
export interface PatchedFunction {
  /** Whatever names the fix: a bug, a CVE, an advisory. */
  readonly fix: string;
  /** `vmlinux`, or a module by its name in the kernel: `xen_blkfront`. */
  readonly object: string;
  readonly function: string;
  /** As the list says, else of the CVE; undefined where neither is known. */
  readonly year: string | undefined;
}

/**
 * Read a list of patched functions: lines of columns that tabs separate, the first line names them. `fix`, `object` and
 * `function` have to be there, `year` and `cve` may be; others are ignored.
 *
 * @throws KelpError `patched/list` naming the line that is wrong, `file/...`.
 */
export function readPatchedList(file: string): readonly PatchedFunction[] {
  const { columns, lines } = readTable(file);
  const [fix, object, name] = ['fix', 'object', 'function'].map((column) => {
    const index = columns.get(column);
    if (index === undefined)
      throw new KelpError(
        'patched/list',
        `the first line names no column ${column}; columns are separated by tabs`,
        { file },
      );
    return index;
  });
  const [year, cve] = [columns.get('year'), columns.get('cve')];
  return lines.map((cells, index) => {
    const cell = (column: number | undefined): string =>
      column === undefined ? '' : (cells[column] ?? '').trim();
    const row = { fix: cell(fix), object: moduleName(cell(object)), function: cell(name) };
    if (row.fix === '' || row.object === '' || row.function === '')
      throw new KelpError('patched/list', `line ${index + 2} lacks fix, object or function`, { file });
    return { ...row, year: cell(year) || yearOf(cell(cve)) };
  });
}

/**
 * Read which CVEs fixes are for: a table with columns `fix` and `cve`.
 *
 * @returns years by fix; of several CVEs the latest.
 * @throws KelpError `patched/list`, `file/...`.
 */
export function readFixYears(file: string): ReadonlyMap<string, string> {
  const { columns, lines } = readTable(file);
  const [fix, cve] = [columns.get('fix'), columns.get('cve')];
  if (fix === undefined || cve === undefined)
    throw new KelpError(
      'patched/list',
      'the first line names no columns fix and cve; columns are separated by tabs',
      { file },
    );
  const years = new Map<string, string>();
  for (const cells of lines) {
    const year = yearOf(cells[cve] ?? '');
    if (year !== undefined) years.set((cells[fix] ?? '').trim(), year);
  }
  return years;
}

function readTable(file: string): {
  readonly columns: ReadonlyMap<string, number>;
  readonly lines: readonly (readonly string[])[];
} {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw fileError(error, file);
  }
  const [head = '', ...lines] = text.replaceAll('\r\n', '\n').split('\n');
  return {
    columns: new Map(head.split('\t').map((name, index) => [name.trim(), index])),
    lines: lines.filter((line) => line.trim() !== '').map((line) => line.split('\t')),
  };
}

/** The year of the latest CVE. */
function yearOf(cves: string): string | undefined {
  const years = [...cves.matchAll(/CVE-(\d{4})-/gu)].map(([, year]) => Number(year));
  return years.length === 0 ? undefined : String(Math.max(...years));
}

/** The kernel's name of a module: file names may have hyphens, kernel names do not. */
export function moduleName(name: string): string {
  return name.replaceAll('-', '_');
}
