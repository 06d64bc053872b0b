import { parseSeries } from '@kelp/core';
import { readFixtures, testArchitecture } from '@kelp/testkit';
import { x86 } from '../src/index.ts';

// __write_relocate_add() stores the low half of a distance without a check; ld refuses one that needs more.
const truncated = 'the kernel stores the low 32 bits of any distance, ld refuses one beyond 2 GiB';

testArchitecture(x86, {
  ...readFixtures(new URL('../../testkit/fixtures/x86/', import.meta.url)),
  kernels: ['5.10', '6.1', '6.12', '7.2', '7.3'].map((series) => parseSeries(series)),
  differences: new Map([
    ['R_X86_64_PC32', truncated],
    ['R_X86_64_PLT32', truncated],
  ]),
});
