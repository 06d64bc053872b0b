import type { JumpLabelEncoder } from '@kelp/core';
import { encodeBranch, NOP, words } from './instructions.ts';

/** arch_jump_label_transform(): a branch or a nop; a branch out of reach is not written. */
export const jumpLabel: JumpLabelEncoder = {
  encode(image, { code, target }, jumps) {
    if (!jumps) return words(NOP);
    const branch = encodeBranch(code, target, false);
    return branch === undefined ? (image.read(code, 4) ?? new Uint8Array()) : words(branch);
  },
};
