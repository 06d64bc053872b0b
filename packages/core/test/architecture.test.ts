import { describe, expect, test } from 'vitest';
import { defineArchitecture, requireArchitecture, selectArchitecture } from '../src/architecture.ts';
import { parseKernel } from '../src/kernel.ts';
import { toy, toyDefinition, toyMachine, toySection } from './toy-architecture.ts';

const bigEndian = defineArchitecture({
  ...toyDefinition,
  id: 'toybe',
  elf: { machine: toyMachine, byteOrder: 'big' },
});

describe('a defined architecture', () => {
  test('keeps every member of its definition', () => {
    expect(toy).toMatchObject(toyDefinition);
  });

  test('cannot be changed', () => {
    expect(Object.isFrozen(toy)).toBe(true);
  });

  test('finds a relocation type by its number', () => {
    expect(toy.relocationType(2)?.name).toBe('R_TOY_PC32');
  });

  test.each([7, -1, 0.5, 0xffff_ffff, Number.NaN])('has no relocation type %d', (number) => {
    expect(toy.relocationType(number)).toBeUndefined();
  });

  test('finds the relocation type with the largest number', () => {
    const largest = defineArchitecture({
      ...toyDefinition,
      relocationTypes: [{ number: 0xffff_ffff, name: 'R_TOY_LAST', rules: [] }],
    });
    expect(largest.relocationType(0xffff_ffff)?.name).toBe('R_TOY_LAST');
  });

  test('is refused if its tables contradict themselves', () => {
    const sections = [toySection({ name: '__bugs' }), toySection({ name: '__bugs' })];
    expect(() => defineArchitecture({ ...toyDefinition, specialSections: sections })).toThrow(
      expect.objectContaining({ code: 'architecture/invalid' }),
    );
  });
});

describe('the row of a special section', () => {
  const rows = [
    toySection({ name: 'runtime_*', effect: 'pattern' }),
    toySection({ name: 'runtime_shift', effect: 'exact', applies: [{ since: '6.1' }] }),
    toySection({ name: '__ex_table', effect: 'older', applies: [{ before: '6.1' }] }),
    toySection({ name: '__ex_table', effect: 'newer', applies: [{ since: '6.1', before: '7.0' }] }),
  ];
  const architecture = defineArchitecture({ ...toyDefinition, specialSections: rows });
  const effect = (name: string, release?: string): string | undefined =>
    architecture.specialSection(name, release === undefined ? undefined : parseKernel(release))?.effect;

  test('is found by its name', () => {
    expect(effect('__ex_table', '6.1')).toBe('newer');
  });

  test('is found by its pattern', () => {
    expect(effect('runtime_ptr', '6.1')).toBe('pattern');
  });

  test('is the one with the exact name rather than a pattern', () => {
    expect(effect('runtime_shift', '6.1')).toBe('exact');
  });

  test('is the pattern where the exact name is not of the kernel', () => {
    expect(effect('runtime_shift', '5.10')).toBe('pattern');
  });

  test('is that of the kernel', () => {
    expect([effect('__ex_table', '5.10'), effect('__ex_table', '7.0')]).toEqual(['older', undefined]);
  });

  test('is any where no kernel is given', () => {
    expect(effect('__ex_table')).toBe('older');
  });

  test.each(['__ex', 'constructor', '__proto__', ''])('does not exist for %j', (name) => {
    expect(effect(name)).toBeUndefined();
  });
});

describe('selectArchitecture', () => {
  test('takes the machine and the byte order', () => {
    expect(selectArchitecture({ machine: toyMachine, byteOrder: 'big' }, [toy, bigEndian])).toBe(bigEndian);
  });

  test('takes none of another byte order', () => {
    expect(selectArchitecture({ machine: toyMachine, byteOrder: 'big' }, [toy])).toBeUndefined();
  });

  test('takes none of another machine', () => {
    expect(selectArchitecture({ machine: 258, byteOrder: 'little' }, [toy])).toBeUndefined();
  });
});

describe('requireArchitecture', () => {
  test('gives the architecture', () => {
    expect(requireArchitecture({ machine: toyMachine, byteOrder: 'little' }, [bigEndian, toy])).toBe(toy);
  });

  test('says what it found, what there is, and in which file', () => {
    expect(() =>
      requireArchitecture({ machine: 258, byteOrder: 'little', file: 'loongarch.ko' }, [toy, bigEndian]),
    ).toThrow(
      expect.objectContaining({
        code: 'architecture/unsupported',
        message: 'ELF machine 258, little endian, is none of toy, toybe',
        file: 'loongarch.ko',
        offset: 18,
      }),
    );
  });
});
