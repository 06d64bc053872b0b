import { parseSeries } from '@kelp/core';
import { readFixtures, type ConformanceInput } from '@kelp/testkit';

const pcrel = new Map([['PPC_KERNEL_PCREL', 'y']]);
const unchecked = 'the kernel stores the high half of any distance, ld refuses one beyond 2 GiB';

const unaligned = 'the kernel refuses a distance that is no multiple of 4, ld drops its two lowest bits';

/** What ppc64le is held against. */
export const conformanceInput: ConformanceInput = {
  ...readFixtures(new URL('../../testkit/fixtures/ppc64le/', import.meta.url)),
  kernels: [
    ...['5.10', '6.1', '6.12', '7.2', '7.3'].map((series) => parseSeries(series)),
    ...['6.12', '7.2', '7.3'].map((series) => parseSeries(series, pcrel)),
  ],
  differences: new Map([
    ['R_PPC64_ADDR32', 'the kernel stores the low 32 bits of any address, ld refuses one that needs more'],
    ['R_PPC64_REL24_NOTOC', unaligned],
    ['R_PPC64_REL24', unaligned],
    ['R_PPC64_REL16_HA', unchecked],
    ['R_PPC64_TOC16_HA', unchecked],
    [
      'R_PPC64_GOT_PCREL34',
      'the kernel stores 34 bits of any distance to the slot, ld refuses one that needs more',
    ],
  ]),
  exceptions: {
    shapeless: new Map([['__tracepoints', 'the kernel finds each structure through __tracepoints_ptrs']]),
    unproven: new Map([
      ['mmu-feature-fixups', 'no module has __mmu_ftr_fixup'],
      ['firmware-feature-fixups', 'no module has __fw_ftr_fixup'],
      ['speculation-barriers', 'modules name the section otherwise, and the kernel does not find it'],
    ]),
  },
};
