/**
 * Runs the example query of docs/formats.md in DuckDB on the Parquet tables of a census and compares its answer with
 * `kelp functions`. DuckDB is installed for this run only: it is larger than all other dependencies together.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { functionJson, readCensus } from '@kelp/census';
import { SHF_ALLOC, SHF_EXECINSTR, SHT_PROGBITS, SHT_RELA, writeObjectFile } from '@kelp/core/elf';

const DUCKDB = '@duckdb/node-api@1.5.6-r.1';
const repository = fileURLToPath(new URL('../../../', import.meta.url));

/** What this script uses of DuckDB. */
interface DuckDb {
  readonly DuckDBInstance: {
    readonly create: () => Promise<{
      readonly connect: () => Promise<{
        readonly run: (sql: string) => Promise<unknown>;
        readonly runAndReadAll: (
          sql: string,
        ) => Promise<{ readonly getRowsJson: () => readonly (readonly unknown[])[] }>;
      }>;
    }>;
  };
}

function kelp(...args: readonly string[]): void {
  execFileSync(process.execPath, [
    '--import',
    'tsx',
    '-C',
    '@kelp/source',
    join(repository, 'packages/cli/src/bin.ts'),
    ...args,
  ]);
}

function exampleQuery(): string {
  const text = readFileSync(join(repository, 'docs/formats.md'), 'utf8');
  const query = /^```sql\n([^`]+)```$/mu.exec(text)?.[1];
  if (query === undefined) throw new Error('docs/formats.md has no SQL example');
  return query;
}

function loadDuckDb(folder: string): DuckDb {
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--prefix', folder, DUCKDB], {
    stdio: 'ignore',
  });
  // The package has its own types, but it is not there when this file is checked.
  // oxlint-disable-next-line typescript/no-unsafe-assignment
  const loaded: DuckDb = createRequire(join(folder, 'package.json'))('@duckdb/node-api');
  return loaded;
}

/** A module with one jump label whose key is its own: no fixture has a function that would be refused. */
function refusedModule(): Uint8Array {
  const relocations = [
    { offset: 0, type: 2, symbol: 1, addend: 0n },
    { offset: 4, type: 2, symbol: 1, addend: 8n },
    { offset: 8, type: 24, symbol: 2, addend: 0n },
  ];
  const loaded = { type: SHT_PROGBITS, flags: SHF_ALLOC };
  const modinfo = new TextEncoder().encode('vermagic=6.12.0 SMP\0');
  return writeObjectFile({
    machine: 62,
    byteOrder: 'little',
    sections: [
      { ...loaded, name: '.text', flags: SHF_ALLOC | SHF_EXECINSTR, bytes: new Uint8Array(16) },
      { ...loaded, name: '.data', bytes: new Uint8Array(16) },
      { ...loaded, name: '__jump_table', bytes: new Uint8Array(16) },
      { name: '.rela__jump_table', type: SHT_RELA, info: 3, relocations },
      { ...loaded, name: '.modinfo', bytes: modinfo },
    ],
    symbols: [
      { name: 'work', section: 1, size: 16n, type: 2 },
      { name: 'own_key', section: 2, size: 16n, type: 1 },
    ],
  });
}

async function main(paths: readonly string[]): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'kelp-parquet-'));
  try {
    const [census, tables] = [join(folder, 'census.json'), join(folder, 'tables')];
    const example = join(folder, 'refused.ko');
    writeFileSync(example, refusedModule());
    kelp('scan', ...paths, example, '-o', census);
    kelp('merge', census, '--parquet', tables);
    const { DuckDBInstance } = loadDuckDb(folder);
    const connection = await (await DuckDBInstance.create()).connect();
    await connection.run(`SET file_search_path = '${tables}'`);
    const rows = (await connection.runAndReadAll(exampleQuery())).getRowsJson();
    const answer = rows.map(
      ([architecture, release, refused]) => `${String(architecture)} ${String(release)} ${String(refused)}`,
    );
    const expected = functionJson(readCensus(census))
      .kernels.filter(({ refused }) => refused > 0)
      .map(({ architecture, release, refused }) => `${architecture} ${release} ${refused}`)
      .toSorted();
    process.stdout.write(`${answer.join('\n')}\n`);
    const same = answer.length > 0 && JSON.stringify(answer.toSorted()) === JSON.stringify(expected);
    if (!same) process.stderr.write(`kelp functions says:\n${expected.join('\n')}\n`);
    return same ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const given = process.argv.slice(2).map((path) => resolve(path));
process.exitCode = await main(given.length > 0 ? given : [join(repository, 'packages/testkit/fixtures')]);
