import { describe, expect, test } from 'vitest';
import { CensusBuilder } from '../src/census-builder.ts';
import type { Census } from '../src/census.ts';
import { readCensus } from '../src/read-census.ts';
import { TemporaryFolder } from './temporary-folder.ts';
import { toy } from './toy-architecture.ts';

const folder = new TemporaryFolder();

/** A census with something in every list. */
function sound(): Census {
  const builder = new CensusBuilder();
  builder.addInventory({
    architecture: toy,
    release: '6.1',
    image: false,
    sections: [{ name: '.text', bytes: 8, entries: null, special: false, known: false }],
    relocations: [{ section: '.text', type: 1, count: 2 }],
  });
  const failed = [{ file: 'a.ko', code: 'elf/truncated', message: 'cut' }];
  builder.addCensus({ schema: 2, architectures: {}, failed });
  return builder.census();
}

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** The sound census with one member replaced or, for undefined, removed; a path names it. */
function changed(path: readonly (string | number)[], value: Json | undefined): Json {
  const [name, ...rest] = path;
  return change(JSON.parse(JSON.stringify(sound())), name ?? '', rest, value);
}

function change(
  json: Json,
  name: string | number,
  rest: readonly (string | number)[],
  value: Json | undefined,
): Json {
  if (typeof json !== 'object' || json === null) throw new Error(`the census has no ${name}`);
  const [next, ...further] = rest;
  const members = Object.entries(json).flatMap(([key, member]): readonly [string, Json][] => {
    if (key !== String(name)) return [[key, member]];
    if (next !== undefined) return [[key, change(member, next, further, value)]];
    return value === undefined ? [] : [[key, value]];
  });
  return Array.isArray(json) ? members.map(([, member]) => member) : Object.fromEntries(members);
}

function read(content: Json): Census {
  return readCensus(folder.write('census.json', JSON.stringify(content)));
}

test('a census is read as it was written', () => {
  expect(read(changed([], undefined))).toEqual(sound());
});

test('a file that does not exist is file/not-found', () => {
  expect(() => readCensus(folder.at('none.json'))).toThrow(
    expect.objectContaining({ code: 'file/not-found', file: folder.at('none.json') }),
  );
});

test('a folder is file/not-a-file', () => {
  expect(() => readCensus(folder.path)).toThrow(expect.objectContaining({ code: 'file/not-a-file' }));
});

test.each([
  ['no JSON', 'schema: 1'],
  ['JSON that ends early', '{ "schema": 1, "architectures": {'],
  ['an empty file', ''],
  ['a list', '[1]'],
  ['a number', '1'],
  ['null', 'null'],
  ['an object without a schema', '{ "architectures": {}, "failed": [] }'],
])('%s is census/damaged', (_what, text) => {
  const file = folder.write('census.json', text);
  expect(() => readCensus(file)).toThrow(expect.objectContaining({ code: 'census/damaged', file }));
});

test.each([0, 1, 3, '2', null])('schema %j is census/schema', (schema) => {
  expect(() => read(changed(['schema'], schema))).toThrow(expect.objectContaining({ code: 'census/schema' }));
});

describe('a census is damaged without', () => {
  const counts = ['modules', 'images', 'failed', 'relocations', 'sections', 'relocationsBySection'];

  test.each([
    ['architectures'],
    ['failed'],
    ['failed', 0, 'file'],
    ['architectures', 'toy', 'kernels'],
    ['architectures', 'toy', 'kernels', 0, 'release'],
    ...counts.map((name) => ['architectures', 'toy', name]),
    ...counts.map((name) => ['architectures', 'toy', 'kernels', 0, name]),
    ['architectures', 'toy', 'relocations', 0, 'type'],
    ['architectures', 'toy', 'relocations', 0, 'name'],
    ['architectures', 'toy', 'sections', 0, 'bytes'],
    ['architectures', 'toy', 'sections', 0, 'entries'],
    ['architectures', 'toy', 'sections', 0, 'known'],
    ['architectures', 'toy', 'relocationsBySection', 0, 'count'],
  ])('%s %s %s %s %s', (...path) => {
    expect(() => read(changed(path, undefined))).toThrow(expect.objectContaining({ code: 'census/damaged' }));
  });
});

describe('a census is damaged with', () => {
  test.each<readonly [string, readonly (string | number)[], Json]>([
    ['a list of architectures', ['architectures'], []],
    ['an architecture that is null', ['architectures', 'toy'], null],
    ['a failure that is a text', ['failed', 0], 'a.ko'],
    ['a failure whose file is a number', ['failed', 0, 'file'], 1],
    ['a number of files that is a text', ['architectures', 'toy', 'modules'], '1'],
    ['half a file', ['architectures', 'toy', 'modules'], 1.5],
    ['a negative number of files', ['architectures', 'toy', 'modules'], -1],
    ['kernels that are an object', ['architectures', 'toy', 'kernels'], {}],
    ['a kernel that is null', ['architectures', 'toy', 'kernels', 0], null],
    ['a release that is a number', ['architectures', 'toy', 'kernels', 0, 'release'], 6.1],
    ['half a relocation', ['architectures', 'toy', 'relocations', 0, 'count'], 0.5],
    ['a negative size', ['architectures', 'toy', 'sections', 0, 'bytes'], -8],
    ['a name that is null', ['architectures', 'toy', 'sections', 0, 'name'], null],
    ['entries that are a text', ['architectures', 'toy', 'sections', 0, 'entries'], '3'],
    ['a flag that is a number', ['architectures', 'toy', 'sections', 0, 'special'], 1],
  ])('%s', (_what, path, value) => {
    expect(() => read(changed(path, value))).toThrow(expect.objectContaining({ code: 'census/damaged' }));
  });
});

test('entries may be a number', () => {
  const census = read(changed(['architectures', 'toy', 'sections', 0, 'entries'], 3));
  expect(census.architectures['toy']?.sections[0]?.entries).toBe(3);
});
