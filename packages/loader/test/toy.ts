import {
  defineArchitecture,
  finalizeStep,
  parseKernel,
  pcRelative32,
  pcRelative64,
  pointer,
  relocationTable,
  s16,
  signed,
  whole,
  write,
  type Architecture,
  type Machine,
  type SpecialSection,
} from '@kelp/core';
import {
  parseObjectFile,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_WRITE,
  SHT_NOBITS,
  SHT_PROGBITS,
  SHT_RELA,
  writeObjectFile,
  type ObjectFile,
  type SectionSpecification,
  type SymbolSpecification,
} from '@kelp/core/elf';
import type { LoadInput } from '../src/index.ts';

const row = (name: string, layouts: SpecialSection['layouts']): SpecialSection => ({
  name,
  layouts,
  phase: 'coming',
  effect: 'Nothing.',
  hazard: { level: 'none', reason: 'A toy.' },
});

/** An architecture whose jump is 0xea and whose nop is 0x90, one byte each. */
export const toy: Architecture = defineArchitecture({
  id: 'toy',
  title: 'Toy',
  aliases: [],
  elf: { machine: 0x7e57, byteOrder: 'little' },
  abi: 'Toy ABI',
  relocationTypes: relocationTable({ file: 'arch/toy/kernel/module.c' }, [
    [1, 'R_TOY_64', { formula: 'S + A', field: whole(8), steps: [write] }],
    [2, 'R_TOY_PC32', { formula: 'S + A - P', field: whole(4), steps: [signed(32), write] }],
    [3, 'R_TOY_PC64', { formula: 'S + A - P', field: whole(8), steps: [write] }],
  ]),
  specialSections: [
    row('__ex_table', [
      {
        size: 12,
        fields: { insn: pcRelative32(0), fixup: pcRelative32(4), type: s16(8), data: s16(10) },
        structure: 'toy',
      },
    ]),
    row('__jump_table', [
      {
        size: 16,
        fields: { code: pcRelative32(0), target: pcRelative32(4), key: pcRelative64(8, { flags: 3 }) },
        structure: 'toy',
      },
    ]),
    row('__mcount_loc', [{ size: 8, fields: { ip: pointer(0) }, structure: 'toy' }]),
  ],
  finalization: [
    {
      steps: [
        finalizeStep('seal', [], 'toy_seal', (image) => {
          const text = image.section('.text');
          if (text !== undefined) image.write(text.address, Uint8Array.of(0x5e), 'seal');
          return undefined;
        }),
      ],
      ftraceSections: ['__mcount_loc'],
      source: { file: 'arch/toy/kernel/module.c' },
    },
  ],
  jumpLabel: { encode: (_image, _site, jumps) => Uint8Array.of(jumps ? 0xea : 0x90) },
  ftraceSite: { encode: (_image, entry) => [{ address: entry, bytes: Uint8Array.of(0xf7) }] },
  support: { capabilities: [], tools: [] },
});

const machine: Machine = {
  pageSize: 4096,
  smp: false,
  feature: () => undefined,
  value: () => undefined,
};

export const text = SHF_ALLOC | SHF_EXECINSTR;
export const data = SHF_ALLOC | SHF_WRITE;

export function progbits(
  name: string,
  flags: bigint,
  bytes: Uint8Array,
  alignment = 1,
): SectionSpecification {
  return { name, type: SHT_PROGBITS, flags, bytes, alignment };
}

export function nobits(name: string, flags: bigint, size: number): SectionSpecification {
  return { name, type: SHT_NOBITS, flags, size };
}

/** Relocations of the section with an index. */
export function rela(
  target: number,
  relocations: NonNullable<SectionSpecification['relocations']>,
): SectionSpecification {
  return { name: `.rela.${target}`, type: SHT_RELA, info: target, relocations };
}

export function toyObject(
  sections: readonly SectionSpecification[],
  symbols: readonly SymbolSpecification[] = [],
): ObjectFile {
  return parseObjectFile(
    writeObjectFile({ machine: toy.elf.machine, byteOrder: 'little', sections, symbols }),
  );
}

/** Load at 0x10000 (text), 0x20000 (data), 0x30000 (rodata). */
export function toyInput(object: ObjectFile, more: Partial<LoadInput> = {}): LoadInput {
  return {
    object,
    architecture: toy,
    kernel: parseKernel('6.12'),
    machine,
    addresses: {
      areas: new Map([
        ['text', 0x10000n],
        ['data', 0x20000n],
        ['rodata', 0x30000n],
        ['ro_after_init', 0x40000n],
        ['init_text', 0x50000n],
        ['core', 0x10000n],
      ]),
    },
    external: { address: () => undefined, functionAt: () => undefined },
    ...more,
  };
}
