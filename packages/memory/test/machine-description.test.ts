import { describe, expect, test } from 'vitest';
import type { Architecture, ByteOrder, MachineFact } from '@kelp/core';
import type { KernelSnapshot } from '../src/kernel-snapshot.ts';
import { addKallsyms } from '../src/kallsyms.ts';
import { SymbolCollector } from '../src/kernel-symbols.ts';
import { describeMachine, withFeatures } from '../src/machine-description.ts';
import { toy as toyArchitecture } from '../../loader/test/toy.ts';
import { makeSnapshot } from './make-snapshot.ts';

function vector(entries: readonly (readonly [bigint, bigint])[], little: boolean): Uint8Array {
  const view = new DataView(new ArrayBuffer(entries.length * 16));
  for (const [index, [type, value]] of entries.entries()) {
    view.setBigUint64(index * 16, type, little);
    view.setBigUint64(index * 16 + 8, value, little);
  }
  return new Uint8Array(view.buffer);
}

function snapshot(parts: { readonly auxv?: Uint8Array; readonly cpuinfo?: string }): KernelSnapshot {
  return {
    ...makeSnapshot(),
    text: (name) => (name === 'cpuinfo.txt' ? parts.cpuinfo : undefined),
    auxiliaryVector: () => parts.auxv,
  };
}

/** An architecture that says the same about every machine. */
function toy(byteOrder: ByteOrder = 'little', facts: readonly MachineFact[] = []): Architecture {
  const { elf } = toyArchitecture;
  return { ...toyArchitecture, elf: { ...elf, byteOrder }, machine: { facts: () => facts } };
}

describe('page size', () => {
  const pageSize = 6n;

  test.each(['little', 'big'] as const)('from AT_PAGESZ, %s endian', (byteOrder) => {
    const auxv = vector(
      [
        [16n, 4096n],
        [pageSize, 65536n],
        [0n, 0n],
      ],
      byteOrder === 'little',
    );
    expect(describeMachine(snapshot({ auxv }), toy(byteOrder)).machine.pageSize).toBe(65536);
  });

  test('4096 where nothing tells it, also where the vector is cut', () => {
    const auxv = vector([[pageSize, 65536n]], true).subarray(0, 15);
    expect(describeMachine(snapshot({ auxv }), toy()).machine.pageSize).toBe(4096);
    expect(describeMachine(snapshot({}), toy()).machine.pageSize).toBe(4096);
  });
});

test.each([
  ['processor\t: 0\nprocessor\t: 1\n', true],
  ['processor 0: version = FF\nprocessor 1: version = FF\n', true],
  ['processor\t: 0\nmodel\t: processor 1\n', false],
  ['# processors    : 1\nprocessor 0: version = FF\n', false],
])('processors of %j', (cpuinfo, smp) => {
  expect(describeMachine(snapshot({ cpuinfo }), toy()).machine.smp).toBe(smp);
});

test('what is given counts more; what nobody gave is not known', () => {
  const { machine } = describeMachine(snapshot({ cpuinfo: 'processor\t: 0\n' }), toy(), {
    pageSize: 16384,
    smp: true,
    features: new Map([['SMAP', false]]),
    values: new Map([['kernel-toc', 5n]]),
  });
  expect(machine).toMatchObject({ pageSize: 16384, smp: true });
  expect([machine.feature('SMAP'), machine.feature('UP')]).toEqual([false, undefined]);
  expect([machine.value('kernel-toc'), machine.value('other')]).toEqual([5n, undefined]);
});

describe('what the machine says', () => {
  const symbols = new SymbolCollector();
  addKallsyms(
    symbols,
    new TextEncoder().encode('0000000000001000 D key\n0000000000002000 T function\n'),
    'kallsyms',
  );
  const described = describeMachine(
    { ...makeSnapshot(), symbols: symbols.symbols() },
    toy('little', [
      { kind: 'feature', id: 'A', answer: 'on', source: 'cpuinfo.txt' },
      { kind: 'feature', id: 'A', answer: 'off', source: 'dmesg.txt' },
      { kind: 'jump-label', id: 'key+16', answer: 'enabled', source: 'dmesg.txt' },
      { kind: 'static-call', id: 'key', answer: 'function', source: 'dmesg.txt' },
      { kind: 'static-call', id: 'no_such_key', answer: 'function', source: 'dmesg.txt' },
      { kind: 'kernel-chosen', id: 'area', answer: '0x5000', source: 'vmallocinfo.txt', likely: true },
    ]),
    { features: new Map([['B', true]]) },
  );

  test('becomes answers at the addresses of the symbols; the first of two facts counts', () => {
    expect([...described.answers.certain]).toEqual([
      ['feature A', 'on'],
      ['jump-label 0x1010', 'enabled'],
      ['static-call 0x1000', '0x2000'],
    ]);
    expect([...described.answers.likely]).toEqual([['kernel-chosen area', '0x5000']]);
  });

  test('is no part of the machine for somebody who looks at memory', () => {
    expect([described.machine.feature('A'), described.machine.feature('B')]).toEqual([undefined, true]);
    const unaided = withFeatures(described);
    expect([unaided.feature('A'), unaided.feature('B'), unaided.feature('C')]).toEqual([
      true,
      true,
      undefined,
    ]);
  });
});
