import { copyFileSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { SHF_ALLOC, SHT_PROGBITS, writeObjectFile } from '@kelp/core/elf';
import { describe, expect, test } from 'vitest';
import { fixture, fixtures, json, list, member, run } from './run.ts';
import { TemporaryFolder } from './temporary-folder.ts';

const folder = new TemporaryFolder();

/** A module of s390x for 6.12.107 with nothing in it but .modinfo, as xz and zstd compress it. */
const tiny = {
  xz:
    '/Td6WFoAAAFpIt42AgAhARYAAAB0L+Wj4AE3AGpdAD+RRYRoRFRU4mvXtse8k9lF2bdBmhn0WGyFe0iqf/PM9s5Eg8Api/8oRfroYG/srjpkkVaA' +
    'Sh3WbXo1+IH5e6qTBkZrhAZJLpWSOzX8Coki/aWlqqiIL4QoXZNBMMUWpDFeLAh3mo4XFgAAAADASN57AAGCAbgCAACl+g92PjANiwIAAAAAAVla',
  zst: 'ZSTD',
};

/** Fails where a value is not of a shape: types by member, `[shape]` for lists, no other members than these. */
type Shape = 'boolean' | 'number' | 'string' | readonly [Shape] | { readonly [name: string]: Shape } | { readonly or: Shape };

function mismatches(value: unknown, shape: Shape, path = ''): readonly string[] {
  if (typeof shape === 'string') return typeof value === shape ? [] : [`${path} is no ${shape}`];
  if (isListShape(shape)) {
    if (!Array.isArray(value)) return [`${path} is no list`];
    return value.flatMap((one, index) => mismatches(one, shape[0], `${path}[${index}]`));
  }
  if (typeof value !== 'object' || value === null) return [`${path} is no object`];
  const members = new Map<string, unknown>(Object.entries(value));
  return [
    ...[...members.keys()].filter((name) => !Object.hasOwn(shape, name)).map((name) => `${path}.${name} is more`),
    ...Object.entries(shape).flatMap(([name, one]) => mismatches(members.get(name), one, `${path}.${name}`)),
  ];
}
