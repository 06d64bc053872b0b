import { genericRewrittenCode, type RewrittenCode } from '@kelp/core';

/** Instructions of a module that the kernel rewrites before late relocations are written. */
export const rewrittenCode: readonly RewrittenCode[] = [
  {
    section: '.altinstructions',
    code: { start: 'origOffset', length: 'origLen' },
    copy: { start: 'altOffset', length: 'altLen' },
  },
  { section: '__patchable_function_entries', code: { start: 'ip', bytes: 8 } },
  ...genericRewrittenCode(4),
];
