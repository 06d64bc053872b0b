import { readFileSync } from 'node:fs';
import { parseObjectFile } from '@kelp/core/elf';
import { convertRelocations, livepatchRelocations, SymbolList, type Conversion } from '@kelp/livepatch';
import { LateRelocations } from '@kelp/loader';
import { array, assert, boolean, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { memoryOf, recordsOf } from '../src/memory-view.ts';
import { OrdinaryLoad, reservedNames } from '../src/ordinary-load.ts';

function bytesOf(name: string): Uint8Array {
  return Uint8Array.from(
    readFileSync(new URL(`../../../packages/testkit/fixtures/${name}.ko`, import.meta.url)),
  );
}

/** The symbols of a module, some of which are in an object and the others exported by vmlinux. */
function listOf(object: string, inside: readonly string[], exported: readonly string[]): SymbolList {
  const objects = new Map([['vmlinux', exported.flatMap((name) => [name, `__ksymtab_${name}`])]]);
  objects.set(object, [...(objects.get(object) ?? []), ...inside]);
  return new SymbolList(objects);
}

function converted(loader: OrdinaryLoad, bytes: Uint8Array, symbols: SymbolList): Conversion {
  const { architecture, kernel } = loader;
  return convertRelocations({ bytes, architecture, kernel, symbols, dialect: 'v7' });
}

/** Symbols of which a relocation cannot wait for a module, by where the conversion is refused. */
function tooEarly(loader: OrdinaryLoad, bytes: Uint8Array): ReadonlySet<string> {
  const file = loader.object;
  const refused = new Set<string>();
  for (const { place } of converted(loader, bytes, listOf('target', loader.symbols, [...reservedNames]))
    .findings) {
    const section = file.section(place?.section ?? '');
    if (section === undefined) continue;
    for (const { offset, symbol } of recordsOf(file, section))
      if (offset === place?.offset) refused.add(file.symbols()?.name(symbol) ?? '');
  }
  return refused;
}

const fixtures = [
  ...['hello', 'special', 'relocations'].flatMap((name) => [`x86/${name}-6.1`, `ppc64le/${name}-6.1`]),
  ...['x86', 'ppc64le', 's390x', 'arm64'].flatMap((name) => [`${name}/hello-7.3`, `${name}/special-7.3`]),
  's390x/hello-6.1',
  's390x/special-6.12',
];

describe.each(fixtures)('%s', { timeout: 60_000 }, (name) => {
  const bytes = bytesOf(name);
  const loader = new OrdinaryLoad(bytes);
  const { object: original, symbols: names } = loader;
  const expected = memoryOf(loader.load(bytes), original);
  const choice = array(boolean(), { minLength: names.length, maxLength: names.length });

  test('livepatch relocations against vmlinux give the bytes of an ordinary load', () => {
    assert(
      property(choice, (chosen) => {
        const [inside, exported] = [true, false].map((wanted) =>
          names.filter((_, index) => chosen[index] === wanted),
        );
        const { bytes: result, findings } = converted(
          loader,
          bytes,
          listOf('vmlinux', inside ?? [], [...(exported ?? []), ...reservedNames]),
        );
        expect(findings).toEqual([]);
        const loaded = loader.load(result ?? new Uint8Array());
        expect(loaded.refused).toBeUndefined();
        expect(memoryOf(loaded, original)).toEqual(expected);
      }),
      { numRuns: 12 },
    );
  });

  test('those against a module do so once they are applied late', () => {
    const refused = tooEarly(loader, bytes);
    assert(
      property(choice, (chosen) => {
        const isInside = (one: string, index: number): boolean => chosen[index] === true && !refused.has(one);
        const inside = names.filter(isInside);
        const exported = names.filter((one, index) => !isInside(one, index));
        const symbols = listOf('target', inside, [...exported, ...reservedNames]);
        const { bytes: result, findings } = converted(loader, bytes, symbols);
        expect(findings).toEqual([]);
        const loaded = loader.load(result ?? new Uint8Array());
        expect(loaded.refused).toBeUndefined();
        const late = new LateRelocations(loaded);
        const records = livepatchRelocations(parseObjectFile(result ?? new Uint8Array()));
        expect(records.length > 0).toBe(inside.length > 0);
        const lookUp = (_object: string, symbol: string) => [loader.address(symbol)];
        expect(late.apply('target', lookUp, true)).toEqual({ status: 'applied', lost: [] });
        expect(memoryOf(loaded, original)).toEqual(expected);
      }),
      { numRuns: 12 },
    );
  });
});
