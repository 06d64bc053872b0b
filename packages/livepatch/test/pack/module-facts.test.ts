import { readFileSync } from 'node:fs';
import { parseObjectFile } from '@kelp/core/elf';
import { describe, expect, test } from 'vitest';
import { moduleFacts, type ModuleFacts } from '../../src/pack/module-facts.ts';
import { moduleBytes, type ModuleSpecification } from './small-module.ts';

function fixture(name: string): ModuleFacts {
  const bytes = Uint8Array.from(readFileSync(new URL(`../../../testkit/fixtures/${name}`, import.meta.url)));
  return moduleFacts(parseObjectFile(bytes), bytes);
}

function built(specification: ModuleSpecification): ModuleFacts {
  const bytes = moduleBytes(specification);
  return moduleFacts(parseObjectFile(bytes), bytes);
}

describe.each(['x86', 'ppc64le', 's390x', 'arm64'])('modules of %s', (architecture) => {
  // The checksums are those that tools/fixtures puts in: of needed symbols by cksum, of hello_event "kelp".
  test('with symbol versions', () => {
    const facts = fixture(`${architecture}/hello-6.1.ko`);
    expect(facts).toMatchObject({ name: 'hello', srcversion: '0123456789ABCDEF0123456', isLivepatch: false });
    expect(facts.vermagic).toMatch(/^6\.1\.\d+ /u);
    expect(facts.release).toMatch(/^6\.1\.\d+$/u);
    expect(facts.buildId).toMatch(/^[0-9a-f]{40}$/u);
    expect([...facts.exports]).toEqual([['hello_event', 0x6b65_6c70]]);
    // printf module_layout | cksum
    expect(facts.needs.get('module_layout')).toBe(2_404_433_665);
    expect(facts.isSigned).toBe(false);
  });

  test('without', () => {
    const facts = fixture(`${architecture}/hello-7.3.ko`);
    expect([...facts.exports]).toEqual([['hello_event', undefined]]);
    expect(facts.needs.size).toBe(0);
  });
});

test('checksums that are values of symbols, as until 5.18', () => {
  expect(built({ exports: { f: 0xfeed_beef }, absoluteChecksums: true }).exports.get('f')).toBe(0xfeed_beef);
});

test('a checksum that nobody defines is none', () => {
  expect([...fixture('x86/hello-5.10.ko').exports]).toEqual([['hello_event', undefined]]);
});

test.each(['little', 'big'] as const)('extended versions, %s endian', (byteOrder) => {
  const long = 'f'.repeat(300);
  const needs = { [long]: 0xdead_beef, g: 1 };
  const facts = built({ needs, versions: 'extended', byteOrder, exports: { e: 0x1234_5678 } });
  expect([...facts.needs]).toEqual([
    [long, 0xdead_beef],
    ['g', 1],
  ]);
  expect([...facts.exports]).toEqual([['e', 0x1234_5678]]);
});

test('a livepatch, a signature, aliases and a name with dashes', () => {
  const facts = built({ name: 'my-patch', livepatch: true, signed: true, aliases: ['pci:v*', 'fs-x'] });
  expect(facts).toMatchObject({
    name: 'my_patch',
    isLivepatch: true,
    isSigned: true,
    aliases: ['pci:v*', 'fs-x'],
  });
});
