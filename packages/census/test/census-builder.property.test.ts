import { KelpError } from '@kelp/core';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { CensusBuilder } from '../src/census-builder.ts';
import type { Census } from '../src/census.ts';
import { keyKinds } from '../src/patching-costs.ts';
import { targetKinds, type SectionShape } from '../src/section-shape.ts';
import type { ModuleInventory } from '../src/inventory.ts';
import { toy } from './toy-architecture.ts';

const name = fc.constantFrom('.text', '.data', '__bugs', '__proto__', 'é');

const section = fc.record({
  name,
  bytes: fc.nat(10_000),
  entries: fc.option(fc.nat(100)),
  special: fc.boolean(),
  known: fc.boolean(),
});

const relocation = fc.record({
  section: name,
  type: fc.constantFrom(0, 1, 2, 77, 3000),
  count: fc.integer({ min: 1, max: 500 }),
});

const path = fc.constantFrom('kernel/fs/a.ko', 'kernel/net/b/b.ko', 'c.ko', '__proto__');

const key = fc.record({
  table: fc.constantFrom('__jump_table', '.static_call_sites'),
  key: fc.constantFrom('k', '__tracepoint_x', '__proto__'),
  kind: fc.constantFrom(...keyKinds),
  external: fc.boolean(),
});

const functions = fc.record({
  module: path,
  functions: fc.nat(100),
  keyed: fc.nat(100),
  losing: fc.nat(100),
  sections: fc.array(
    fc.record({ section: name, functions: fc.nat(9), entries: fc.nat(9), outside: fc.nat(9) }),
    { maxLength: 3 },
  ),
  keys: fc.array(
    fc.record({ name: fc.constantFrom('f', 'g'), keys: fc.array(key, { minLength: 1, maxLength: 3 }) }),
    { maxLength: 3 },
  ),
  exports: fc.array(fc.constantFrom('k', 'l', '__proto__'), { maxLength: 3 }),
});

const shape = fc
  .record({
    section: name,
    size: fc.constantFrom(0, 8, 12, 24, 96, 97),
    type: fc.constantFrom(1, 8),
    flags: fc.constantFrom('0x2', '0x6'),
    entrySize: fc.constantFrom(0, 12),
    pointers: fc.array(fc.tuple(fc.nat(96), fc.constantFrom(0, 1, 2, 3)), { maxLength: 6 }),
    targets: fc.array(fc.record({ section: name, kind: fc.constantFrom(...targetKinds), count: fc.nat(9) }), {
      maxLength: 3,
    }),
    layout: fc.constantFrom(undefined, { size: 12, fields: '0:4 a pc-relative' }),
  })
  .map(({ pointers, ...rest }): SectionShape => ({
    ...rest,
    offsets: Float64Array.from(pointers, ([offset]) => offset),
    kinds: Uint8Array.from(pointers, ([, kind]) => kind),
  }));

/** One scanned file: what is in it, or why it could not be read. */
type Scanned =
  | ModuleInventory
  | { readonly file: string; readonly error: KelpError; readonly architecture: string | undefined };

const inventory = fc
  .record({
    id: fc.constantFrom('toy', 'other'),
    release: fc.constantFrom('6.1.0', '6.12.0', 'unknown', `6.${'9'.repeat(400)}`, `6.${'9'.repeat(400)}.1`),
    image: fc.boolean(),
    sections: fc.array(section, { maxLength: 5 }),
    relocations: fc.array(relocation, { maxLength: 5 }),
    functions,
    shapes: fc.array(shape, { maxLength: 3 }),
  })
  .map(({ id, ...rest }): Scanned => ({ architecture: { ...toy, id }, ...rest }));

const failure = fc
  .record({
    file: fc.constantFrom('a.ko', 'b.ko'),
    code: fc.constantFrom('elf/truncated' as const, 'elf/not-elf' as const),
    message: fc.constantFrom('cut', 'no'),
    architecture: fc.constantFrom('toy', undefined),
  })
  .map(({ file, code, message, architecture }): Scanned => ({
    file,
    architecture,
    error: new KelpError(code, message),
  }));

const files = fc.array(fc.oneof({ weight: 4, arbitrary: inventory }, { weight: 1, arbitrary: failure }), {
  maxLength: 12,
});

function censusOf(scanned: readonly Scanned[]): Census {
  const builder = new CensusBuilder();
  for (const one of scanned) {
    if ('error' in one) builder.addFailure(one.file, one.error, one.architecture);
    else builder.addInventory(one);
  }
  return builder.census();
}

function merge(...censuses: readonly Census[]): Census {
  const builder = new CensusBuilder();
  for (const census of censuses) builder.addCensus(census);
  return builder.census();
}

const json = (census: Census): string => JSON.stringify(census);

test('any order of the files gives the same bytes', () => {
  const shuffled = files.chain((one) =>
    fc.tuple(fc.constant(one), fc.shuffledSubarray(one, { minLength: one.length })),
  );
  fc.assert(
    fc.property(shuffled, ([one, other]) => {
      expect(json(censusOf(other))).toBe(json(censusOf(one)));
    }),
  );
});

test('any split of the files, merged in any order, gives the bytes of one scan', () => {
  const parts = fc.array(fc.tuple(files, fc.nat()), { maxLength: 4 });
  fc.assert(
    fc.property(parts, (split) => {
      const order = split.toSorted(([, a], [, b]) => a - b);
      const merged = merge(...order.map(([part]) => censusOf(part)));
      expect(json(merged)).toBe(json(censusOf(split.flatMap(([part]) => part))));
    }),
  );
});

test('merging is associative', () => {
  fc.assert(
    fc.property(files, files, files, (a, b, c) => {
      const [x, y, z] = [censusOf(a), censusOf(b), censusOf(c)];
      expect(json(merge(merge(x, y), z))).toBe(json(merge(x, merge(y, z))));
    }),
  );
});

test('merging is commutative', () => {
  fc.assert(
    fc.property(files, files, (a, b) => {
      expect(json(merge(censusOf(a), censusOf(b)))).toBe(json(merge(censusOf(b), censusOf(a))));
    }),
  );
});

test('merging a census with nothing gives its bytes again', () => {
  fc.assert(
    fc.property(files, (one) => {
      const census = censusOf(one);
      expect(json(merge(census, censusOf([])))).toBe(json(census));
    }),
  );
});
