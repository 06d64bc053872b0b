import { readFileSync } from 'node:fs';
import { renderTerminal } from '@kelp/report';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { compareSource, readAccepted, sourceJson, sourceReport, SourceTree } from '../src/index.ts';
import { buildTree } from './build-tree.ts';
import { toyArchitecture, toyLoader, toyNumbers, toySource } from './toy.ts';

const schema: unknown = JSON.parse(
  readFileSync(new URL('../schema/source.schema.json', import.meta.url), 'utf8'),
);
if (typeof schema !== 'object' || schema === null) throw new Error('the schema is no object');
const validate = new Ajv2020({
  strict: true,
  strictRequired: false,
  allErrors: true,
  allowUnionTypes: true,
}).compile(schema);

function comparison() {
  const loader = toyLoader
    .replace('case R_TOY_32:', 'case R_TOY_MYSTERY:')
    .replace('case R_TOY_NONE:', 'case R_TOY_NONE: skip();');
  const root = buildTree({
    'arch/toy/kernel/module.c': loader,
    'arch/toy/include/asm/elf.h': toyNumbers,
  });
  const accepted = [{ code: 'relocation/verdict', subject: 'R_TOY_NONE', reason: 'It is slow.' }];
  return compareSource(
    SourceTree.open(root),
    [{ architecture: toyArchitecture(), source: toySource }],
    accepted,
  );
}

test('JSON is valid by the published schema, whatever the tree holds', () => {
  const empty = compareSource(
    SourceTree.open(buildTree({})),
    [{ architecture: toyArchitecture(), source: toySource }],
    [],
  );
  for (const one of [comparison(), empty]) {
    validate(JSON.parse(JSON.stringify(sourceJson(one))));
    expect(validate.errors).toBeNull();
  }
});

test('the report has what disagrees, what is accepted and what was not read', () => {
  const text = renderTerminal(sourceReport(comparison()), { width: undefined, color: false });
  expect(text).toMatch(/Linux 6\.12\.3/u);
  expect(text).toMatch(/toy +apply_relocate_add +4 +refused +store/u);
  expect(text).toMatch(/R_TOY_32 +refused, no case names it +applied .* toy/u);
  expect(text).toMatch(/R_TOY_NONE +applied +ignored .*It is slow\./u);
  expect(text).toMatch(/module\.c:16 +no header gives R_TOY_MYSTERY a plain number/u);
});

test('the accepted disagreements of this package can be read, and others only in their schema', () => {
  expect(Array.isArray(readAccepted())).toBe(true);
  const file = `${buildTree({
    'list.json': '{"schema":"kelp-accepted-disagreements/1","rows":[{"code":"a/b","subject":"x"}]}',
  })}/list.json`;
  expect(() => readAccepted(file)).toThrow(/row 0: needs code, subject and reason/u);
  expect(() => readAccepted(`${file}x`)).toThrow(expect.objectContaining({ code: 'file/not-found' }));
});
