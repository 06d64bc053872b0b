import { parseSeries } from '@kelp/core';
import { readFixtures, type ConformanceInput } from '@kelp/testkit';

const negative = 'the kernel takes unsigned numbers, ld negative ones too';
const later = 'binutils 2.44 does not name it yet';

/** What loongarch64 is held against. */
export const conformanceInput: ConformanceInput = {
  ...readFixtures(new URL('../../testkit/fixtures/loongarch64/', import.meta.url)),
  kernels: ['6.12', '7.2', '7.3'].map((series) => parseSeries(series)),
  differences: new Map([
    ['R_LARCH_SOP_POP_32_U_10_12', negative],
    ['R_LARCH_SOP_POP_32_U', negative],
  ]),
  exceptions: {
    shapeless: new Map([['__tracepoints', 'the kernel finds each structure through __tracepoints_ptrs']]),
    unnamed: new Map(
      [
        'CALL30',
        'PCADD_HI20',
        'PCADD_LO12',
        'GOT_PCADD_HI20',
        'GOT_PCADD_LO12',
        ...['IE', 'LD', 'GD', 'DESC'].flatMap((kind) => [`TLS_${kind}_PCADD_HI20`, `TLS_${kind}_PCADD_LO12`]),
      ].map((name) => [`R_LARCH_${name}`, later]),
    ),
  },
};
