import { parseSeries } from '@kelp/core';
import { readFixtures, type ConformanceInput } from '@kelp/testkit';

// apply_rela_bits() has one range for each type, unsigned or signed. ld takes what fits a field either way (BFD's
// complain_overflow_bitfield), and for some types whatever comes.
const reasons: readonly (readonly [reason: string, ...types: readonly string[]])[] = [
  ['the kernel takes unsigned numbers, ld negative ones too', '8', '16', '32', 'GOT12', 'GOT16', 'GOT32'],
  ['the kernel takes unsigned offsets, ld negative ones too', 'GOTOFF16', 'GOTOFF32', 'GOTPLT16', 'GOTPLT32'],
  ['the kernel takes unsigned distances, ld negative ones too', 'PLT32', 'PLTOFF16', 'PLTOFF32'],
  ['the kernel takes unsigned numbers of 12 bits, ld cuts off larger ones', '12', 'GOTPLT12'],
  ['the kernel takes signed numbers of 20 bits, ld larger ones too', '20', 'GOT20', 'GOTPLT20'],
  [
    'the kernel takes signed distances, ld larger ones too',
    'PC16',
    'PC32',
    'PC16DBL',
    'PC32DBL',
    'PLT16DBL',
    'PLT32DBL',
  ],
  [
    'the kernel takes signed distances that are even, ld larger and odd ones too',
    'GOTPCDBL',
    'GOTENT',
    'GOTPLTENT',
  ],
];

/** What s390x is held against. */
export const conformanceInput: ConformanceInput = {
  ...readFixtures(new URL('../../testkit/fixtures/s390x/', import.meta.url)),
  kernels: ['5.10', '6.1', '6.12', '7.2', '7.3'].map((series) => parseSeries(series)),
  differences: new Map(
    reasons.flatMap(([reason, ...types]) => types.map((type) => [`R_390_${type}`, reason] as const)),
  ),
  exceptions: {
    shapeless: new Map([['__tracepoints', 'the kernel finds each structure through __tracepoints_ptrs']]),
    unproven: new Map([
      ['expoline-thunk', 'the kernels are built without expolines'],
      ['expoline-sites', 'the kernels are built without expolines'],
    ]),
  },
};
