import type { JumpLabelEncoder } from '@kelp/core';
import { generateBranch, JMP32, JMP8, nop2, nop5 } from './text-generation.ts';

/**
 * __jump_label_patch(): the length of the instruction in place decides between the short and the near form. Kernels
 * before 5.14 have only the near one, and their modules no other.
 */
export const jumpLabel: JumpLabelEncoder = {
  encode(image, { code, target }, jumps) {
    const present = image.read(code, 2);
    const short = present?.[0] === JMP8 || (present?.[0] === nop2[0] && present?.[1] === nop2[1]);
    if (!jumps) return short ? nop2 : nop5;
    return generateBranch(short ? JMP8 : JMP32, code, target);
  },
};
