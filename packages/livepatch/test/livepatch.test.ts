import { readFileSync } from 'node:fs';
import { parseObjectFile } from '@kelp/core/elf';
import { describe, expect, it } from 'vitest';
import { readLivepatch, type Livepatch } from '../src/index.ts';
import { buildLivepatch, type LivepatchSpecification } from './build-livepatch.ts';

function built(specification: LivepatchSpecification): Livepatch | undefined {
  return readLivepatch(parseObjectFile(buildLivepatch(specification)));
}

function fixture(name: string): Livepatch | undefined {
  const file = new URL(`../../testkit/fixtures/${name}`, import.meta.url);
  return readLivepatch(parseObjectFile(readFileSync(file)));
}

const hello = [
  ['vmlinux', false, [['cmdline_proc_show', 'livepatch_cmdline_proc_show', 1n]]],
  ['hello', true, [['hello_event', 'livepatch_hello_event', 0n]]],
];

function objectsOf(livepatch: Livepatch | undefined): unknown {
  return livepatch?.objects.map(({ name, isModule, functions }) => [
    name,
    isModule,
    functions.map(({ oldName, newFunction, position }) => [oldName, newFunction, position]),
  ]);
}

describe('a linked livepatch', () => {
  it.each([
    'x86/livepatch-6.1.ko',
    'x86/livepatch-7.3.ko',
    'ppc64le/livepatch-6.1.ko',
    's390x/livepatch-7.3.ko',
    'arm64/livepatch-7.3.ko',
  ])('%s shows objects and functions, whatever the size of its structures', (name) => {
    const livepatch = fixture(name);
    expect(livepatch?.structures).toBe('klp_patch');
    expect(objectsOf(livepatch)).toEqual(hello);
    expect(livepatch?.symbols.every(({ converted }) => converted)).toBe(true);
  });

  it('is told from an ordinary module', () => {
    expect(fixture('x86/hello-6.1.ko')).toBeUndefined();
  });

  it('keeps what objtool klp diff left behind', () => {
    const [left] = fixture('x86/livepatch-7.3.ko')?.intermediate ?? [];
    expect([left?.section.name, left?.count]).toEqual(['__klp_relocs.vmlinux', 1]);
  });
});

describe('structures in data', () => {
  it.each([
    [16, 24],
    [112, 152],
    [200, 296],
  ])('of %d and %d bytes are found', (objectSize, functionSize) => {
    const objects = [
      {
        name: undefined,
        functions: [
          { oldName: 'one', position: 2n },
          { oldName: 'two', position: 0n },
        ],
      },
      { name: 'xfs', functions: [{ oldName: 'xfs_read', position: 0n }] },
      { name: 'a', functions: ['p', 'q', 'r'].map((oldName) => ({ oldName, position: 1n })) },
    ];
    const livepatch = built({ objects, objectSize, functionSize });
    expect(
      livepatch?.objects.map(({ name, functions }) => [name, functions.map(({ oldName }) => oldName)]),
    ).toEqual([
      ['vmlinux', ['one', 'two']],
      ['xfs', ['xfs_read']],
      ['a', ['p', 'q', 'r']],
    ]);
    expect(livepatch?.objects[0]?.functions[0]).toMatchObject({ newFunction: 'livepatch_one', position: 2n });
  });

  it('keep names as they are', () => {
    const names = ['__proto__', 'a.b,c', '\u001b[31m', 'x'.repeat(500)];
    const objects = names.map((name) => ({ name, functions: [{ oldName: name, position: 0n }] }));
    const found = built({ objects })?.objects ?? [];
    expect(found.map(({ name }) => name)).toEqual(names);
    expect(found.map(({ functions }) => functions[0]?.oldName)).toEqual(names);
  });
});
