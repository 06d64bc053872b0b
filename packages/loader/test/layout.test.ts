import { parseKernel } from '@kelp/core';
import { SHF_ALLOC } from '@kelp/core/elf';
import { describe, expect, test } from 'vitest';
import { layOutModule, type Area } from '../src/index.ts';
import { data, nobits, progbits, text, toyObject } from './toy.ts';

const object = toyObject([
  progbits('.text', text, new Uint8Array(10)),
  progbits('.data', data, new Uint8Array(3), 8),
  progbits('.rodata', SHF_ALLOC, new Uint8Array(5), 4),
  progbits('.init.text', text, new Uint8Array(7)),
  progbits('.exit.text', text, new Uint8Array(2), 16),
  progbits('.modinfo', SHF_ALLOC, new Uint8Array(4)),
  progbits('.data..percpu', data, new Uint8Array(4)),
  progbits('.data..ro_after_init', data, new Uint8Array(8), 8),
  nobits('.bss', data, 64),
  progbits('.comment', 0n, new Uint8Array(9)),
]);

function describeAreas(areas: readonly Area[]): Record<string, string> {
  return Object.fromEntries(
    areas
      .filter(({ placements }) => placements.length > 0)
      .map(({ name, size, placements }) => [
        name,
        `${placements.map(({ section, offset }) => `${section.name}@${offset}`).join(' ')} = ${size}`,
      ]),
  );
}

describe('layOutModule', () => {
  test('separate areas since 6.4', () => {
    expect(describeAreas(layOutModule(object, parseKernel('6.12'), 4096, undefined))).toEqual({
      text: '.text@0 .exit.text@16 = 18',
      rodata: '.rodata@0 = 5',
      ro_after_init: '.data..ro_after_init@0 = 8',
      data: '.data@0 .bss@3 = 67',
      init_text: '.init.text@0 = 7',
    });
  });

  test('one core area with page boundaries before', () => {
    const areas = describeAreas(layOutModule(object, parseKernel('6.1'), 4096, undefined));
    expect(areas['core']).toBe(
      '.text@0 .exit.text@16 .rodata@4096 .data..ro_after_init@8192 .data@12288 .bss@12291 = 16384',
    );
    expect(areas['init']).toBe('.init.text@0 = 4096');
  });

  test('a plan changes sizes, keeps space in front of the text, and may do without init memory', () => {
    const plan = {
      sections: new Map([[3, { size: 20, alignment: 32, noBits: true as const }]]),
      textPrefix: 22,
      order: new Map<number, Uint32Array>(),
      withoutInit: true as const,
      link: () => ({ letters: () => ({ kind: 'letters' as const, letters: {} }) }),
    };
    expect(describeAreas(layOutModule(object, parseKernel('6.12'), 4096, plan))).toMatchObject({
      text: '.text@22 .init.text@32 .exit.text@48 = 50',
      rodata: '.rodata@0 = 20',
    });
  });
});
