import { parseKernel } from '@kelp/core';
import {
  parseObjectFile,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_MERGE,
  SHN_UNDEF,
  SHT_PROGBITS,
  SHT_RELA,
  writeObjectFile,
} from '@kelp/core/elf';
import { x86 } from '@kelp/x86';
import { describe, expect, it } from 'vitest';
import { compareWithLinker, noCounts } from '../src/comparison.ts';
import { linkerInput } from '../src/linker-input.ts';
import { linkerProfiles } from '../src/linkers.ts';
import { MadeUpKernel } from '../src/made-up-kernel.ts';

/** A call of an imported function, and a string. */
const module = writeObjectFile({
  machine: 62,
  byteOrder: 'little',
  sections: [
    {
      name: '.text',
      type: SHT_PROGBITS,
      flags: SHF_ALLOC | SHF_EXECINSTR,
      bytes: Uint8Array.of(0xe8, 0, 0, 0, 0, 0xc3),
    },
    {
      name: '.rela.text',
      type: SHT_RELA,
      info: 1,
      relocations: [{ offset: 1, type: 4, symbol: 1, addend: -4n }],
    },
    {
      name: '.rodata.str1.1',
      type: SHT_PROGBITS,
      flags: SHF_ALLOC | SHF_MERGE,
      bytes: Uint8Array.of(0x61, 0),
      entrySize: 1,
    },
  ],
  symbols: [{ name: 'printk', binding: 1, section: SHN_UNDEF }],
});

function load(): {
  readonly loaded: ReturnType<MadeUpKernel['load']>;
  readonly input: ReturnType<typeof linkerInput>;
  readonly symbol: bigint;
} {
  const kernel = new MadeUpKernel(x86, parseKernel('6.12'));
  const loaded = kernel.load(parseObjectFile(module));
  const profile = linkerProfiles.get('x86');
  if (profile === undefined) throw new Error('x86 has no linker');
  return { loaded, input: linkerInput(kernel, profile, loaded), symbol: kernel.symbol('printk') };
}

describe('linkerInput', () => {
  it('keeps sections apart and gives every address', () => {
    const { input, symbol } = load();
    const object = parseObjectFile(input.object);
    expect(object.section('s3')?.flags).toBe(SHF_ALLOC);
    expect(input.script).toContain(`"printk" = 0x${symbol.toString(16)};`);
    for (const { linkedName, address } of input.sections) {
      expect(input.script).toContain(`.${linkedName} 0x${address.toString(16)} : { *(${linkedName}) }`);
    }
    expect(input.fields).toEqual([{ section: 1, offset: 1, size: 4, type: 4, external: true }]);
  });
});

/** What a linker that agrees would write. */
function linked(change: (text: Uint8Array) => void): Uint8Array {
  const { loaded, input } = load();
  return writeObjectFile({
    machine: 62,
    byteOrder: 'little',
    sections: input.sections.map(({ name, linkedName, address, size }) => {
      const bytes = loaded.image.read(address, size) ?? new Uint8Array();
      if (name === '.text') change(bytes);
      return { name: `.${linkedName}`, type: SHT_PROGBITS, flags: SHF_ALLOC, address, bytes };
    }),
  });
}

describe('compareWithLinker', () => {
  it('counts fields and other bytes that are equal', () => {
    const counts = noCounts();
    const { loaded, input } = load();
    compareWithLinker(
      loaded.image,
      input,
      linked(() => undefined),
      'm.ko',
      counts,
    );
    expect(counts).toMatchObject({ modules: 1, fields: 1, bytes: 4, differences: [] });
  });

  it.each([
    [2, 'type 4'],
    [5, 'no relocation'],
  ])('reports another byte at %i', (offset, what) => {
    const counts = noCounts();
    const { loaded, input } = load();
    const output = linked((text) => {
      text[offset] = (text[offset] ?? 0) ^ 1;
    });
    compareWithLinker(loaded.image, input, output, 'm.ko', counts);
    expect(counts.differences).toHaveLength(1);
    expect(counts.differences[0]).toContain(what);
  });
});
