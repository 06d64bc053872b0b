import { genericRewrittenCode, type RewrittenCode } from '@kelp/core';

/**
 * Instructions of a module that the kernel rewrites before late relocations are written. `.call_sites` is not among them:
 * a call whose displacement is still 0 is left alone.
 */
export const rewrittenCode: readonly RewrittenCode[] = [
  {
    section: '.altinstructions',
    code: { start: 'instrOffset', length: 'instrlen' },
    copy: { start: 'replOffset', length: 'replacementlen' },
  },
  { section: '.parainstructions', code: { start: 'instr', length: 'len' } },
  { section: '.retpoline_sites', code: { start: 'site', bytes: 5 } },
  { section: '.return_sites', code: { start: 'site', bytes: 5 } },
  { section: '.ibt_endbr_seal', code: { start: 'site', bytes: 4 } },
  { section: '__mcount_loc', code: { start: 'ip', bytes: 5 } },
  { section: '.static_call_sites', code: { start: 'addr', bytes: 5 }, key: 'key' },
  // A jump may be as short as 2 bytes; one of 5 bytes has its operand in the second, too.
  ...genericRewrittenCode(2),
];
