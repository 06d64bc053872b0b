import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { addExports, SymbolCollector } from '../src/kernel-symbols.ts';

/** Addresses where kernels have them, near each other, and where doubles are not exact. */
const address = fc.oneof(
  fc.bigInt({ min: 0n, max: 0x4_0000n }),
  fc.bigInt({ min: 0xffff_ffff_8100_0000n, max: 0xffff_ffff_8100_0040n }),
  fc.bigInt({ min: 0xc008_0000_0000_0000n, max: 0xc008_0000_0000_0040n }),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
);

test('an address belongs to the nearest symbol before it, the first of several', () => {
  fc.assert(
    fc.property(fc.array(address, { maxLength: 40 }), address, (addresses, wanted) => {
      const collector = new SymbolCollector();
      for (const [index, one] of addresses.entries()) collector.add(`s${index}`, one, 0x74, undefined);
      const found = collector.symbols().at(wanted);

      const before = addresses.filter((one) => one <= wanted);
      const nearest = before.reduce((a, b) => (a > b ? a : b), -1n);
      const expected = { name: `s${addresses.indexOf(nearest)}`, offset: wanted - nearest };
      expect(found && { name: found.symbol.name, offset: found.offset }).toEqual(
        before.length === 0 ? undefined : expected,
      );
    }),
  );
});

test('exports add only what is not there yet', () => {
  const collector = new SymbolCollector();
  collector.add('schedule', 0x1000n, 0x54, undefined);
  collector.add('jiffies', 0x2000n, 0x64, 'module');
  addExports(
    collector,
    new Map([
      ['schedule', 0x1000n],
      ['jiffies', 0x3000n],
    ]),
  );
  const symbols = collector.symbols();
  expect(symbols.named('schedule')).toHaveLength(1);
  expect(symbols.named('jiffies').map(({ type, module }) => [type, module])).toEqual([
    ['d', 'module'],
    ['?', undefined],
  ]);
});

test('a table does not change with what is added later', () => {
  const collector = new SymbolCollector();
  collector.add('first', 1n, 0x74, undefined);
  const before = collector.symbols();
  collector.add('second', 2n, 0x74, undefined);
  expect([before.size, before.named('second'), collector.symbols().size]).toEqual([1, [], 2]);
});
