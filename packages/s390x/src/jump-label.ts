import type { JumpLabelEncoder } from '@kelp/core';
import { BRCL_ALWAYS, BRCL_NEVER, relativeLong } from './instructions.ts';

/**
 * jump_label_transform(): a nop keeps the distance, so that it differs from a nop of ftrace. Kernels before 6.1 have
 * another nop in the file, brcl 0,2, and write this one when they load the module.
 */
export const jumpLabel: JumpLabelEncoder = {
  encode: (_image, { code, target }, jumps) => relativeLong(jumps ? BRCL_ALWAYS : BRCL_NEVER, code, target),
};
