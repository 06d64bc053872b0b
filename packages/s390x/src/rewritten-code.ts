import { genericRewrittenCode, type RewrittenCode } from '@kelp/core';

/** Instructions of a module that the kernel rewrites before late relocations are written. */
export const rewrittenCode: readonly RewrittenCode[] = [
  {
    // Original and replacement have had one length since 6.1; before, they had two.
    section: '.altinstructions',
    code: { start: 'instrOffset', length: 'instrlen' },
    copy: { start: 'replOffset', length: 'instrlen' },
  },
  { section: '.s390_indirect*', code: { start: 'insn', bytes: 6 } },
  { section: '.s390_return*', code: { start: 'insn', bytes: 6 } },
  { section: '__stack_protector_loc*', code: { start: 'insn', bytes: 6 } },
  { section: '__mcount_loc', code: { start: 'ip', bytes: 6 } },
  ...genericRewrittenCode(6),
];
