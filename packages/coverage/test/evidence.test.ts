import { compileFormula, KelpError } from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { currentEvidence, featureDigest, featuresOf, parseEvidence, type Feature } from '../src/index.ts';
import { toy } from './toy-architecture.ts';
import { code, evidenceFile, record } from './toy-input.ts';

function feature(id: string): Feature {
  const found = featuresOf(toy).find((one) => one.id === id);
  if (found === undefined) throw new Error(`no feature ${id}`);
  return found;
}

/** A feature with other rows, which need not be of their type any more: a digest does not ask. */
function withRows(original: Feature, rows: unknown): Feature {
  if (!isList(rows)) throw new Error('rows are a list');
  return { ...original, rows };
}

function isList(value: unknown): value is Feature['rows'] {
  return Array.isArray(value);
}

/** Every way to change one value inside a row, with the path that it changed. */
function* variations(value: unknown, path = 'row'): Generator<readonly [path: string, changed: unknown]> {
  if (typeof value === 'string') yield [path, `${value}x`];
  if (typeof value === 'number') yield [path, value + 1];
  if (typeof value === 'bigint') yield [path, value + 1n];
  if (typeof value === 'boolean') yield [path, !value];
  if (Array.isArray(value)) {
    const list: readonly unknown[] = value;
    yield [`${path}[]`, [...list, 'one more']];
    for (const [index, one] of list.entries()) {
      for (const [at, changed] of variations(one, `${path}[${index}]`)) yield [at, list.with(index, changed)];
    }
  } else if (typeof value === 'object' && value !== null) {
    yield [`${path}.more`, { ...value, more: 1 }];
    for (const [name, one] of Object.entries(value)) {
      for (const [at, changed] of variations(one, `${path}.${name}`))
        yield [at, { ...value, [name]: changed }];
    }
  }
}

describe('the digest of a feature', () => {
  const ids = [
    'section/.sites',
    'section/.moved',
    'relocation/R_TOY_CALL',
    'relocation/R_TOY_TOC',
    'capability/livepatch',
  ];

  test.each(ids)('of %s changes with every member of its rows', (id) => {
    const original = feature(id);
    const digest = featureDigest(original, code);
    const changed = [...variations(original.rows)];
    expect(changed.length).toBeGreaterThan(10);
    const same = changed.filter(([, rows]) => featureDigest(withRows(original, rows), code) === digest);
    expect(same.map(([path]) => path)).toEqual([]);
  });

  test('changes with the code, and with nothing else', () => {
    const sites = feature('section/.sites');
    expect(featureDigest(sites, code)).toBe(featureDigest(feature('section/.sites'), code));
    expect(featureDigest(sites, 'other')).not.toBe(featureDigest(sites, code));
    expect(featureDigest({ ...sites, title: 'Sites' }, code)).toBe(featureDigest(sites, code));
  });

  test('does not depend on the order of members', () => {
    const [row] = feature('section/.note.toy').rows;
    const reversed = Object.fromEntries(Object.entries(row ?? {}).toReversed());
    const other = withRows(feature('section/.note.toy'), [reversed]);
    expect(featureDigest(other, code)).toBe(featureDigest(feature('section/.note.toy'), code));
  });

  test('tells formulas apart', () => {
    const call = feature('relocation/R_TOY_CALL');
    const [row] = call.rows;
    if (row === undefined || !('rules' in row)) throw new Error('no rules');
    const rules = row.rules.map((rule) => ({ ...rule, formula: compileFormula('D + A') }));
    expect(featureDigest({ ...call, rows: [{ ...row, rules }] }, code)).not.toBe(featureDigest(call, code));
  });
});

describe('evidence that counts', () => {
  test('is that with the digest of the feature as it is', () => {
    const good = [record('section/.sites', 'recognized'), record('section/.sites', 'decoded')];
    const stale = record('section/.sites', 'decoded', { digest: 'ab', holds: false });
    const other = record('relocation/R_TOY_32', 'applied');
    const unknown = { ...other, feature: 'relocation/R_TOY_64' };
    const current = currentEvidence(toy, evidenceFile([...good, stale, other, unknown]));
    expect([...current]).toEqual([
      ['section/.sites', good],
      ['relocation/R_TOY_32', [other]],
    ]);
  });

  test('is none when the code has changed', () => {
    const file = { ...evidenceFile([record('section/.sites', 'recognized')]), code: 'other' };
    expect(currentEvidence(toy, file).size).toBe(0);
  });

  test('is of the same architecture', () => {
    const file = { ...evidenceFile([]), architecture: 'other' };
    const message = 'evidence of other was given for toy';
    expect(() => currentEvidence(toy, file)).toThrow(new KelpError('coverage/evidence', message));
  });
});

describe('the text of an evidence file', () => {
  const records = [
    record('section/.sites', 'decoded', { configuration: ['TOY_MODEL'] }),
    record('relocation/R_TOY_32', 'applied'),
  ];

  test('is read', () => {
    expect(parseEvidence(JSON.stringify(evidenceFile(records)))).toEqual(evidenceFile(records));
  });

  test.each([
    ['{', 'evidence is not JSON'],
    ['null', 'not an evidence file of schema 1'],
    ['[]', 'not an evidence file of schema 1'],
    ['{"schema":1,"architecture":"toy","records":[]}', 'not an evidence file of schema 1'],
    [JSON.stringify({ ...evidenceFile([]), schema: 2 }), 'not an evidence file of schema 1'],
    [JSON.stringify({ ...evidenceFile([]), records: {} }), 'not an evidence file of schema 1'],
  ])('is refused: %s', (text, message) => {
    expect(() => parseEvidence(text)).toThrow(new KelpError('coverage/evidence', message));
  });

  test.each([
    ['feature', 1],
    ['kernels', '6.1'],
    ['kernels', [6]],
    ['configuration', [1]],
    ['check', 'guessed'],
    ['holds', 'yes'],
    ['source', 'hearsay'],
    ['artifact', undefined],
    ['hash', null],
    ['digest', undefined],
  ])('is refused with a record whose %s is %j', (name, value) => {
    const text = JSON.stringify({
      ...evidenceFile([]),
      records: [records[1], { ...records[0], [name]: value }],
    });
    expect(() => parseEvidence(text)).toThrow(
      new KelpError('coverage/evidence', 'record 1 is not a record of evidence'),
    );
  });
});
