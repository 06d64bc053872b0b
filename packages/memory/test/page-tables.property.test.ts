import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { arm64PageTables } from '../src/address-space-arm64.ts';
import { ppc64lePageTables } from '../src/address-space-ppc64le.ts';
import { s390xPageTables } from '../src/address-space-s390x.ts';
import { x86PageTables } from '../src/address-space-x86.ts';
import { PageTables, translatedMemory, type PageTableFormat } from '../src/page-tables.ts';
import { PageTableBuilder, type TestPageTables } from './page-table-builder.ts';
import { testFormats } from './page-table-formats.ts';
import { PhysicalMemory } from './physical-memory.ts';
import { refusal, refused } from './refusal.ts';

interface Case {
  readonly name: string;
  readonly format: PageTableFormat;
  readonly written: TestPageTables;
  /** Bits of a physical address that a leaf can hold. */
  readonly physicalBits: number;
}

const cases: readonly Case[] = [
  { name: 'x86-64, 4 levels', format: x86PageTables(4), written: testFormats.x86Four, physicalBits: 52 },
  { name: 'x86-64, 5 levels', format: x86PageTables(5), written: testFormats.x86Five, physicalBits: 52 },
  { name: 'arm64, 4K', format: arm64PageTables(12, 48), written: testFormats.arm64Small, physicalBits: 48 },
  {
    name: 'arm64, 4K, LPA2',
    format: arm64PageTables(12, 52),
    written: testFormats.arm64SmallLpa2,
    physicalBits: 52,
  },
  {
    name: 'arm64, 16K, 47 bits',
    format: arm64PageTables(14, 47),
    written: testFormats.arm64Medium,
    physicalBits: 48,
  },
  {
    name: 'arm64, 16K, LPA2',
    format: arm64PageTables(14, 52),
    written: testFormats.arm64MediumLpa2,
    physicalBits: 52,
  },
  { name: 'arm64, 64K', format: arm64PageTables(16, 48), written: testFormats.arm64Large, physicalBits: 52 },
  {
    name: 'arm64, 64K, 52 bits',
    format: arm64PageTables(16, 52),
    written: testFormats.arm64LargeLva,
    physicalBits: 52,
  },
  {
    name: 's390x, segment table',
    format: s390xPageTables(0),
    written: testFormats.s390xSegment,
    physicalBits: 64,
  },
  {
    name: 's390x, region third',
    format: s390xPageTables(1),
    written: testFormats.s390xThird,
    physicalBits: 64,
  },
  {
    name: 's390x, region second',
    format: s390xPageTables(2),
    written: testFormats.s390xSecond,
    physicalBits: 64,
  },
  {
    name: 's390x, region first',
    format: s390xPageTables(3),
    written: testFormats.s390xFirst,
    physicalBits: 64,
  },
  {
    name: 'ppc64le, radix, 4K',
    format: ppc64lePageTables('radix', 12),
    written: testFormats.ppc64leRadixSmall,
    physicalBits: 57,
  },
  {
    name: 'ppc64le, radix, 64K',
    format: ppc64lePageTables('radix', 16),
    written: testFormats.ppc64leRadixLarge,
    physicalBits: 57,
  },
  {
    name: 'ppc64le, hash, 4K',
    format: ppc64lePageTables('hash', 12),
    written: testFormats.ppc64leHashSmall,
    physicalBits: 53,
  },
  {
    name: 'ppc64le, hash, 64K',
    format: ppc64lePageTables('hash', 16),
    written: testFormats.ppc64leHashLarge,
    physicalBits: 53,
  },
];

/** Where the tables themselves lie. */
const tablesAt = 0x4000_0000n;

describe.each(cases)('$name', ({ format, written, physicalBits }) => {
  const leaves = written.levels.flatMap(({ leaf }, depth) => (leaf === undefined ? [] : [depth]));
  const [top] = written.levels;
  const reach = 1n << BigInt((top?.shift ?? 0) + (top?.bits ?? 0));
  const mapping = fc.record({
    virtual: fc.bigInt({ min: 0n, max: reach - 1n }),
    physical: fc.bigInt({ min: 0n, max: (1n << BigInt(physicalBits)) - 1n }),
    depth: fc.constantFrom(...leaves),
    within: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  });

  test('a mapped address leads to its memory, with pages of every size', () => {
    fc.assert(
      fc.property(mapping, ({ virtual, physical, depth, within }) => {
        const memory = new PhysicalMemory(tablesAt, 1 << 20);
        const builder = new PageTableBuilder(written, memory);
        const span = 1n << BigInt(written.levels[depth]?.shift ?? 0);
        const [page, place, offset] = [
          virtual - (virtual % span),
          physical - (physical % span),
          within % span,
        ];
        builder.map(page, place, depth);
        const tables = new PageTables(format, builder.root, memory.source);
        expect(tables.translate(page + offset)).toEqual({ physical: place + offset, length: span - offset });
      }),
      { numRuns: 50 },
    );
  });

  test('any other address leads nowhere', () => {
    fc.assert(
      fc.property(mapping, fc.bigInt({ min: 0n, max: reach - 1n }), ({ virtual, depth }, other) => {
        const memory = new PhysicalMemory(tablesAt, 1 << 20);
        const builder = new PageTableBuilder(written, memory);
        const span = 1n << BigInt(written.levels[depth]?.shift ?? 0);
        fc.pre(other / span !== virtual / span);
        builder.map(virtual - (virtual % span), 0n, depth);
        const found = new PageTables(format, builder.root, memory.source).translate(other);
        expect('absent' in found && found.absent).toBe('not-mapped');
      }),
      { numRuns: 50 },
    );
  });

  test('the mapped ranges are what was mapped', () => {
    const pageSize = 1n << BigInt(written.levels.at(-1)?.shift ?? 12);
    const pages = fc.uniqueArray(fc.bigInt({ min: 0n, max: 40n }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(pages, (numbers) => {
        const memory = new PhysicalMemory(tablesAt, 1 << 20);
        const builder = new PageTableBuilder(written, memory);
        const base = reach / 2n;
        for (const number of numbers) builder.map(base + number * pageSize, number * pageSize);
        const tables = new PageTables(format, builder.root, memory.source);
        const ranges = tables.mapped(base + 2n * pageSize, base + 100n * pageSize, pageSize);
        const found = ranges.flatMap(({ address, size }) => {
          return Array.from(
            { length: Number(size / pageSize) },
            (_, index) => (address - base) / pageSize + BigInt(index),
          );
        });
        const inRange = numbers.filter((number) => number >= 2n);
        expect(found).toEqual(inRange.toSorted((a, b) => Number(a - b)));
      }),
      { numRuns: 20 },
    );
  });
});

test('bits above the translated ones are not looked at', () => {
  const memory = new PhysicalMemory(tablesAt, 1 << 20);
  const builder = new PageTableBuilder(testFormats.x86Four, memory);
  builder.map(0xffff_ffff_8100_0000n & 0xffff_ffff_ffffn, 0x100_0000n);
  const tables = new PageTables(x86PageTables(4), builder.root, memory.source);
  expect(tables.translate(0xffff_ffff_8100_0123n)).toEqual({ physical: 0x100_0123n, length: 0xeddn });
});

test('the encryption bit is no address', () => {
  const memory = new PhysicalMemory(tablesAt, 1 << 20);
  const builder = new PageTableBuilder(testFormats.x86Four, memory);
  const encrypted = 1n << 47n;
  builder.map(0x1000n, 0x5000n | encrypted);
  const tables = new PageTables(x86PageTables(4, encrypted), builder.root, memory.source);
  expect(tables.translate(0x1000n)).toEqual({ physical: 0x5000n, length: 4096n });
});

test('tables that are not in the dump are told by their reason', () => {
  const memory = new PhysicalMemory(tablesAt, 1 << 16);
  const tables = new PageTables(x86PageTables(4), 0x1000n, memory.source);
  expect(tables.translate(0n)).toEqual({ absent: 'not-mapped', length: 1n << 39n });
  expect(tables.mapped(0n, 1n << 47n, 4096n)).toEqual([]);
});

test('tables that lead to themselves are refused', () => {
  const memory = new PhysicalMemory(tablesAt, 1 << 16);
  for (let index = 0n; index < 512n; index++)
    memory.putU64(tablesAt + index * 8n, tablesAt | 0x67n, 'little');
  const tables = new PageTables(x86PageTables(4), tablesAt, memory.source);
  expect(refusal(() => tables.mapped(0n, 1n << 48n, 4096n))).toEqual(
    refused('memory/damaged-dump', /leads to itself/u),
  );
});

test('virtual memory is physical memory in the order of the tables', () => {
  const memory = new PhysicalMemory(tablesAt, 1 << 20);
  const builder = new PageTableBuilder(testFormats.x86Four, memory);
  const [first, second] = [memory.allocate(4096), memory.allocate(4096)];
  memory.put(first, new Uint8Array(4096).fill(1));
  memory.put(second, new Uint8Array(4096).fill(2));
  builder.map(0x7000_0000n, second);
  builder.map(0x7000_1000n, first);
  builder.map(0x7000_3000n, 0x9000_0000n);
  const virtual = translatedMemory(
    new PageTables(x86PageTables(4), builder.root, memory.source),
    memory.source,
  );
  expect(virtual.read(0x7000_0ffen, 4)).toEqual(Uint8Array.of(2, 2, 1, 1));
  expect(
    virtual.pieces(0x7000_1000n, 0x3000).map((piece) => ('absent' in piece ? piece.absent : 'there')),
  ).toEqual(['there', 'not-mapped']);
});
