import { KelpError } from '@kelp/core';
import { parseObjectFile, SHF_RELA_LIVEPATCH } from '@kelp/core/elf';
import { Ajv2020, type AnySchemaObject } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { CensusBuilder } from '../src/census-builder.ts';
import { censusSchema, type Census } from '../src/census.ts';
import { Inventory } from '../src/inventory.ts';
import schema from '../schema/census.schema.json' with { type: 'json' };
import { code, data, modinfo, rela, toy, toyModule } from './toy-architecture.ts';

const validate = new Ajv2020({ strict: true, allErrors: true }).compile(schema);

/** A census of real files, with something in every list. */
function census(): Census {
  const builder = new CensusBuilder();
  const inventory = new Inventory([toy]);
  const relocations = [{ offset: 0 }, { offset: 4, type: 2 }, { offset: 8, type: 0xffff_ffff }];
  for (const release of ['6.1.0-50-amd64', '6.12.0', '']) {
    const sections = [
      data('__jumps', 12),
      code(),
      data('__secret', 8, { entrySize: 8 }),
      rela(1, relocations.slice(0, 2)),
      rela(2, relocations, { flags: SHF_RELA_LIVEPATCH }),
      modinfo(release),
    ];
    builder.addInventory(inventory.take(parseObjectFile(toyModule(sections))));
  }
  builder.addInventory(inventory.take(parseObjectFile(toyModule([code()], { type: 2 }))));
  builder.addFailure('damaged.ko', new KelpError('elf/outside-file', 'section 1 is cut'), 'toy');
  builder.addFailure('script', new KelpError('elf/not-elf', 'no ELF file'));
  return builder.census();
}

/** Every schema in the schema, with its place. */
function* subschemas(value: unknown, place = '#'): Generator<readonly [string, AnySchemaObject]> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value) && !place.endsWith('/properties') && !place.endsWith('/$defs'))
    yield [place, value];
  for (const [name, member] of Object.entries(value)) yield* subschemas(member, `${place}/${name}`);
}

const definitions = new Map<string, { readonly description?: string }>(Object.entries(schema.$defs));

/** Whether a member is described where it stands, or by the definition that it refers to. */
function isDescribed(member: AnySchemaObject): boolean {
  const definition = definitions.get(String(member['$ref']).replace('#/$defs/', ''));
  return typeof member['description'] === 'string' || definition?.description !== undefined;
}

describe('the JSON Schema of a census', () => {
  test('holds for a census', () => {
    expect([validate(census()), validate.errors]).toEqual([true, null]);
  });

  test('holds for a census of nothing', () => {
    expect(validate(new CensusBuilder().census())).toBe(true);
  });

  test('is of the version that the package writes', () => {
    expect(schema.properties.schema.const).toBe(censusSchema);
  });

  test('describes every member', () => {
    const members = [...subschemas(schema)].filter(([place]) => /\/properties\/[^/]+$/u.test(place));
    expect(members.length).toBeGreaterThan(30);
    expect(members.filter(([, one]) => !isDescribed(one)).map(([place]) => place)).toEqual([]);
  });

  test('allows no member that it does not name, and needs all that it names', () => {
    const objects = [...subschemas(schema)].filter(([, one]) => one['properties'] !== undefined);
    expect(objects).toHaveLength(16);
    for (const [place, one] of objects) {
      expect([place, one['additionalProperties']]).toEqual([place, false]);
      expect([place, one['required']]).toEqual([place, Object.keys(Object(one['properties']))]);
    }
  });
});

describe('the JSON Schema does not hold for', () => {
  const refused: readonly (readonly [string, (text: string) => string])[] = [
    ['another version', (text) => text.replace('"schema":2', '"schema":1')],
    ['a missing list', (text) => text.replace(/,"failed":\[[^[\]]*\]\}$/u, '}')],
    ['a member it does not know', (text) => text.replace('"schema":2', '"schema":2,"extra":1')],
    ['a negative number', (text) => text.replace('"modules":4', '"modules":-4')],
    ['half a file', (text) => text.replace('"modules":4', '"modules":4.5')],
    [
      'a relocation type of more than 32 bits',
      (text) => text.replace('"type":4294967295', '"type":4294967296'),
    ],
    ['entries that are a text', (text) => text.replace('"entries":null', '"entries":"null"')],
    ['a code without an area', (text) => text.replace('elf/not-elf', 'not-elf')],
    ['an architecture with an odd ID', (text) => text.replace('"toy":', '"../toy":')],
  ];

  test.each(refused)('%s', (_what, change) => {
    const text = JSON.stringify(census());
    const changed = change(text);
    expect(changed).not.toBe(text);
    expect(validate(JSON.parse(changed))).toBe(false);
  });
});
