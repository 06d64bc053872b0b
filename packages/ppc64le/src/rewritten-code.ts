import { genericRewrittenCode, type RewrittenCode } from '@kelp/core';

/** Instructions of a module that the kernel rewrites before late relocations are written. */
export const rewrittenCode: readonly RewrittenCode[] = [
  ...['__ftr_fixup', '__mmu_ftr_fixup', '__fw_ftr_fixup'].map((section) => ({
    section,
    code: { start: 'startOff', end: 'endOff' },
    copy: { start: 'altStartOff', end: 'altEndOff' },
  })),
  { section: '__lwsync_fixup', code: { start: 'off', bytes: 4 } },
  { section: '__mcount_loc', code: { start: 'ip', bytes: 4 } },
  { section: '__patchable_function_entries', code: { start: 'ip', bytes: 4 } },
  ...genericRewrittenCode(4),
];
