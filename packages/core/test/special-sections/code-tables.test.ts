import { describe, expect, test } from 'vitest';
import { defineArchitecture } from '../../src/architecture.ts';
import type { SpecialSection } from '../../src/special-section.ts';
import {
  bugEntry,
  bugEntryWithFormat,
  bugTable,
  exceptionEntry,
  exceptionTable,
  ftraceCallSites,
  functionEntryAddress,
  jumpTable,
  kcfiTraps,
  relativeJumpEntry,
  runtimeConstants,
  typedExceptionEntry,
} from '../../src/special-sections/code-tables.ts';
import { toyDefinition } from '../toy-architecture.ts';

const effect = 'What this architecture does.';

const rows: readonly SpecialSection[] = [
  jumpTable({ layouts: [relativeJumpEntry], effect, lateRelocation: 'is stored as it is' }),
  exceptionTable({ applies: [{ before: '6.1' }], layouts: [exceptionEntry], effect }),
  exceptionTable({ applies: [{ since: '6.1' }], layouts: [typedExceptionEntry], effect }),
  bugTable({ applies: [{ before: '6.1' }], layouts: [bugEntry], effect }),
  bugTable({ applies: [{ since: '6.1' }], layouts: [bugEntryWithFormat], effect }),
  ftraceCallSites('__mcount_loc', { layouts: [functionEntryAddress], effect }),
  ftraceCallSites('__patchable_function_entries', { layouts: [functionEntryAddress], effect }),
  ...kcfiTraps,
  ...runtimeConstants('toy'),
];

test('the rows and layouts do not contradict themselves', () => {
  expect(() => defineArchitecture({ ...toyDefinition, specialSections: rows })).not.toThrow();
});

describe('an entry has the size of the structure in the kernel', () => {
  test.each([
    ['struct jump_entry', relativeJumpEntry, 16],
    ['struct exception_table_entry', exceptionEntry, 8],
    ['struct exception_table_entry with a type', typedExceptionEntry, 12],
    ['struct bug_entry', bugEntry, 12],
    ['struct bug_entry with a format', bugEntryWithFormat, 16],
    ['an ftrace call site', functionEntryAddress, 8],
  ])('%s', (_structure, layout, size) => {
    expect(layout.size).toBe(size);
  });
});

describe('a row', () => {
  test('keeps what the architecture says about it', () => {
    expect(rows.find(({ name }) => name === '__bug_table')).toMatchObject({
      effect,
      layouts: [bugEntry],
      applies: [{ before: '6.1' }],
    });
  });

  test('may be of another configuration than generic code names', () => {
    expect(bugTable({ layouts: [bugEntry], effect, config: 'OTHER' }).config).toBe('OTHER');
  });

  test('of __jump_table says what a late relocation does', () => {
    expect(rows[0]?.hazard.reason).toContain('the late relocation is stored as it is');
  });

  test('of a runtime constant names the header of the architecture', () => {
    expect(runtimeConstants('toy').map(({ consumer }) => consumer?.file)).toEqual(
      runtimeConstants('toy').map(() => 'arch/toy/include/asm/runtime-const.h'),
    );
  });
});
