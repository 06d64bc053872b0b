import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { buildMatrix, type CoverageMatrix } from '../src/index.ts';
import { toy } from './toy-architecture.ts';
import { evidenceFile, record, toyCensus } from './toy-input.ts';

const file = new URL('../schema/matrix.schema.json', import.meta.url);
const schema: unknown = JSON.parse(readFileSync(file, 'utf8'));
if (typeof schema !== 'object' || schema === null) throw new Error('the schema is no object');
const validate = new Ajv2020({ strict: true, strictRequired: false, allErrors: true }).compile(schema);

function errorsOf(matrix: unknown): readonly string[] {
  // As a program sees it that reads the text.
  validate(JSON.parse(JSON.stringify(matrix)));
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

const censuses = [
  toyCensus(
    {
      release: '6.12.7',
      modules: 10,
      sections: [
        { name: '.sites', modules: 3, entries: 30 },
        { name: '.new_table', modules: 2, known: false },
      ],
      relocations: [[6, 7, 5]],
    },
    { release: 'unknown', modules: 1 },
  ),
];
const evidence = evidenceFile([
  record('section/.sites', 'decoded'),
  record('section/.sites', 'recognized', { holds: false }),
]);
const matrix: CoverageMatrix = buildMatrix([{ architecture: toy, evidence }], {
  censuses,
  kernels: ['6.1', '6.12'],
});

/** Every schema of an object or member in the document, with its path. */
function* subschemas(
  value: unknown,
  path: string,
): Generator<readonly [string, Readonly<Record<string, unknown>>]> {
  if (typeof value !== 'object' || value === null) return;
  const members = new Map<string, unknown>(Object.entries(value));
  if (path === '' || /(?:\/properties|\/\$defs)\/[^/]+$/u.test(path))
    yield [path, Object.fromEntries(members)];
  // The condition of an if is no member of its own.
  for (const [name, one] of members)
    if (name !== 'if' && name !== 'then') yield* subschemas(one, `${path}/${name}`);
}

describe('the schema', () => {
  test('accepts a matrix with everything in it', () => {
    expect(matrix.uncovered.length * matrix.unknown.length * matrix.outside.length).toBeGreaterThan(0);
    expect(errorsOf(matrix)).toEqual([]);
  });

  test('describes every member', () => {
    const all = [...subschemas(schema, '')];
    expect(all.length).toBeGreaterThan(40);
    expect(
      all.filter(([, { description }]) => typeof description !== 'string').map(([path]) => path),
    ).toEqual([]);
  });

  test('lets no object have other members', () => {
    const objects = [...subschemas(schema, '')].filter(([, { type }]) => type === 'object');
    expect(objects.length).toBeGreaterThan(8);
    expect(objects.filter(([, one]) => one['additionalProperties'] !== false).map(([path]) => path)).toEqual(
      [],
    );
  });

  test.each<readonly [string, (value: CoverageMatrix) => unknown]>([
    ['another version', (value) => ({ ...value, schema: 2 })],
    ['a member more', (value) => ({ ...value, more: 1 })],
    ['no rows', (value) => ({ ...value, rows: undefined })],
    ['a release for a series', (value) => ({ ...value, kernels: ['6.12.7'] })],
    ['a cell without flags', (value) => withCell(value, { flags: undefined })],
    ['a flag that does not exist', (value) => withCell(value, { flags: ['guessed'] })],
    [
      'a condition of what is always there',
      (value) => withCell(value, { support: { state: 'yes', condition: 'TOY' } }),
    ],
    [
      'a number of modules below zero',
      (value) => withCell(value, { usage: { modules: -1, of: 1, count: 0 } }),
    ],
    [
      'a tool that nobody knows',
      (value) => withCell(value, { tools: [{ tool: 'hammer', state: 'supported' }] }),
    ],
  ])('refuses %s', (_what, change) => {
    expect(errorsOf(change(matrix))).not.toEqual([]);
  });
});

/** The matrix with one cell changed. */
function withCell(value: CoverageMatrix, change: Readonly<Record<string, unknown>>): unknown {
  const [row, ...rows] = value.rows;
  const [cell, ...cells] = row?.cells ?? [];
  return { ...value, rows: [{ ...row, cells: [{ ...cell, ...change }, ...cells] }, ...rows] };
}
