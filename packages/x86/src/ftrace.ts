import type { FtraceSiteEncoder } from '@kelp/core';
import { CALL, nop5 } from './text-generation.ts';

/** ftrace_init_nop(): the call of __fentry__ becomes a nop; sites that the compiler made nops stay as they are. */
export const ftraceSite: FtraceSiteEncoder = {
  encode(image, entry) {
    return image.read(entry, 1)?.[0] === CALL ? [{ address: entry, bytes: nop5 }] : [];
  },
};
