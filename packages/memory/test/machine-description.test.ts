import { describe, expect, test } from 'vitest';
import type { KernelSnapshot } from '../src/kernel-snapshot.ts';
import { describeMachine } from '../src/machine-description.ts';
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
    expect(describeMachine(snapshot({ auxv }), byteOrder).pageSize).toBe(65536);
  });

  test('4096 where nothing tells it, also where the vector is cut', () => {
    const auxv = vector([[pageSize, 65536n]], true).subarray(0, 15);
    expect(describeMachine(snapshot({ auxv }), 'little').pageSize).toBe(4096);
    expect(describeMachine(snapshot({}), 'little').pageSize).toBe(4096);
  });
});

test.each([
  ['processor\t: 0\nprocessor\t: 1\n', true],
  ['processor 0: version = FF\nprocessor 1: version = FF\n', true],
  ['processor\t: 0\nmodel\t: processor 1\n', false],
  ['# processors    : 1\nprocessor 0: version = FF\n', false],
])('processors of %j', (cpuinfo, smp) => {
  expect(describeMachine(snapshot({ cpuinfo }), 'little').smp).toBe(smp);
});

test('what is given counts more; what nobody gave is not known', () => {
  const machine = describeMachine(snapshot({ cpuinfo: 'processor\t: 0\n' }), 'little', {
    pageSize: 16384,
    smp: true,
    features: new Map([['SMAP', false]]),
    values: new Map([['kernel-toc', 5n]]),
  });
  expect(machine).toMatchObject({ pageSize: 16384, smp: true });
  expect([machine.feature('SMAP'), machine.feature('UP')]).toEqual([false, undefined]);
  expect([machine.value('kernel-toc'), machine.value('other')]).toEqual([5n, undefined]);
});
