import type { KernelSnapshot } from '@kelp/memory';
import { describe, expect, it } from 'vitest';
import { vmallocAreas, withMemory } from '../src/module-memory.ts';

const vmallocinfo = [
  '0xffffc90000000000-0xffffc90000005000   20480 map_irq_stack+0x93/0xe0 vmap phys=0x0000000040000000',
  '0xffffffffc0200000-0xffffffffc0401000 2101248 execmem_cache_populate+0x3a/0x90 pages=512 vmalloc',
  '0xffffffffc0500000-0xffffffffc0503000   12288 execmem_vmalloc+0x9a/0x130 pages=2 vmalloc',
  '',
].join('\n');

/** A snapshot with two modules whose text shares a huge page. */
const snapshot: KernelSnapshot = {
  kind: 'live',
  origin: 'made up',
  release: '7.3',
  elf: undefined,
  memory: { read: () => undefined, pieces: () => [] },
  get symbols(): never {
    throw new Error('not needed');
  },
  exports: undefined,
  modules: [
    module('first', {
      '.text': 0xffffffffc0200000n,
      '.init.text': 0xffffffffc0300000n,
      '.data': 0xffffffffc0500000n,
    }),
    module('second', { '.text': 0xffffffffc0203010n, '.exit.text': 0xffffffffc0204000n }),
  ],
  text: (name) => (name === 'vmallocinfo.txt' ? vmallocinfo : undefined),
  auxiliaryVector: () => undefined,
  close: () => undefined,
};

function module(name: string, sections: Readonly<Record<string, bigint>>): KernelSnapshot['modules'][number] {
  const placed = Object.entries(sections).map(([one, address]) => {
    return [one, { name: one, address, size: undefined }] as const;
  });
  return {
    name,
    state: 'live',
    base: 0n,
    size: 0,
    sections: new Map(placed),
    areas: [],
    perCpu: undefined,
  };
}

describe('vmallocAreas', () => {
  it('reads address and size of every area', () => {
    expect(vmallocAreas(vmallocinfo)).toMatchObject([
      { address: 0xffffc90000000000n, size: 20480 },
      { address: 0xffffffffc0200000n, size: 2101248 },
      { address: 0xffffffffc0500000n, size: 12288 },
    ]);
  });
});

describe('withMemory', () => {
  it('gives a module its own areas whole, and of a shared one the pages of its sections that stay', () => {
    const [first, second] = withMemory(snapshot, (_, section) =>
      section === '.data..percpu' ? undefined : 0x20,
    );
    expect(first?.areas).toMatchObject([
      { address: 0xffffffffc0200000n, size: 0x1000 },
      { address: 0xffffffffc0500000n, size: 12288 },
    ]);
    expect(second?.areas).toMatchObject([{ address: 0xffffffffc0203000n, size: 0x2000 }]);
  });
});
