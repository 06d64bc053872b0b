import { parseSeries } from '@kelp/core';
import { readFixtures, type ConformanceInput } from '@kelp/testkit';

const unaligned =
  'the kernel drops the low bits of an address that is not aligned to the access, ld refuses it';

const later = 'binutils 2.44 does not name it yet';

/** What arm64 is held against. */
export const conformanceInput: ConformanceInput = {
  ...readFixtures(new URL('../../testkit/fixtures/arm64/', import.meta.url)),
  kernels: ['5.10', '6.1', '6.12', '7.2', '7.3'].map((series) => parseSeries(series)),
  differences: new Map([
    [
      'R_AARCH64_LD_PREL_LO19',
      'the kernel drops the two lowest bits of a distance, ld refuses one that is no multiple of 4',
    ],
    ['R_AARCH64_LDST16_ABS_LO12_NC', unaligned],
    ['R_AARCH64_LDST32_ABS_LO12_NC', unaligned],
    ['R_AARCH64_LDST64_ABS_LO12_NC', unaligned],
    ['R_AARCH64_LDST128_ABS_LO12_NC', unaligned],
  ]),
  exceptions: {
    unnamed: new Map([
      ['R_AARCH64_PLT32', later],
      ['R_AARCH64_GOTPCREL32', later],
      ['R_AARCH64_AUTH_ABS64', later],
    ]),
    unseen: new Map([['__kcfi_traps', 'the fixtures of 6.1 are compiled without kCFI']]),
    shapeless: new Map([
      ['__tracepoints', 'the kernel finds each structure through __tracepoints_ptrs'],
      ['.init.eh_frame', 'unwind tables have entries of any size'],
    ]),
    unproven: new Map([['dynamic-shadow-call-stack', 'the kernels are built without it']]),
  },
};
