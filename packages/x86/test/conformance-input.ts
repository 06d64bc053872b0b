import { parseSeries } from '@kelp/core';
import { readFixtures, type ConformanceInput } from '@kelp/testkit';

// __write_relocate_add() stores the low half of a distance without a check; ld refuses one that needs more.
const truncated = 'the kernel stores the low 32 bits of any distance, ld refuses one beyond 2 GiB';

const occupied = 'the kernel wants zeros at the place, ld does not look';

/** What x86 is held against. */
export const conformanceInput: ConformanceInput = {
  ...readFixtures(new URL('../../testkit/fixtures/x86/', import.meta.url)),
  kernels: ['5.10', '6.1', '6.12', '7.2', '7.3'].map((series) => parseSeries(series)),
  differences: new Map([
    ['R_X86_64_PC32', truncated],
    ['R_X86_64_PLT32', truncated],
    ['R_X86_64_64', occupied],
    ['R_X86_64_32', occupied],
    ['R_X86_64_32S', occupied],
    ['R_X86_64_PC64', occupied],
  ]),
  exceptions: {
    unseen: new Map([
      ['.kcfi_traps', 'object files have it; linking a module makes it __kcfi_traps'],
      ['__kcfi_traps', 'the fixtures of 6.1 are compiled without kCFI'],
    ]),
    restructured: new Map([
      ['__ex_table.data', 'the kernel declares data as int and reads bit fields from it'],
      [
        '.parainstructions.clobber',
        'before 6.1 the assembler stores a clobber mask that the structure leaves out',
      ],
    ]),
    shapeless: new Map([['__tracepoints', 'the kernel finds each structure through __tracepoints_ptrs']]),
    unproven: new Map([
      ['retpoline-sites', 'the machines have no indirect branches to protect'],
      [
        'paravirt-patching',
        'the machines run without a hypervisor interface, and small modules have no such calls',
      ],
      ['call-depth-tracking', 'the machines do not count calls'],
      ['call-thunks-for-others', 'the machines do not count calls'],
    ]),
  },
};
