import { parseSeries } from '@kelp/core';
import { readFixtures, testArchitecture } from '@kelp/testkit';
import { arm64 } from '../src/index.ts';

const unaligned =
  'the kernel drops the low bits of an address that is not aligned to the access, ld refuses it';

testArchitecture(arm64, {
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
});
